"""Pictures in, faces out."""
