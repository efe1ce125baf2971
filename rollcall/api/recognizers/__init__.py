"""The processes that look at photos for the HTTP API."""
