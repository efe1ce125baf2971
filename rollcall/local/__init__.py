"""AWS on this machine: its services, the Lambda host, and what provisions them."""
