"""The smoke test of a deployment: its people, its traces, its turn, and what it asks the HTTP API."""
