"""The pipeline at scale, simulated: `python -m benchmarks.scale`."""
