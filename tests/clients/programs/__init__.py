"""What runs in the environment of the clients, apart from Rollcall's own."""
