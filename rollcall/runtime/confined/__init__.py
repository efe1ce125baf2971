"""Child processes that can do one thing and nothing else."""
