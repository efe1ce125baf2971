"""What runs a stage's work: the batch loop, the worker, back-off, logs and metrics."""
