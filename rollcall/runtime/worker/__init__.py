"""A stage as a long-running process, without Lambda."""
