"""A video's bytes to sampled frames."""
