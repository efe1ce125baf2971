"""A photo's bytes to its pixels."""
