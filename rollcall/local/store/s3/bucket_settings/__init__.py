"""Buckets, and what is set for them: rules of lifetimes, notifications, web pages, tags."""
