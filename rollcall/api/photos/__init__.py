"""What the HTTP API does with one photo: decide who is on it, answer, keep it."""
