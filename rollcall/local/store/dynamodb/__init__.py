"""Tables, their items and expressions."""
