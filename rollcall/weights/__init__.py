"""Builds the model files from public packages; see docs/model-files.md."""
