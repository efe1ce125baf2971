"""What clients send: bodies, parts, forms and copies, checked as they come."""
