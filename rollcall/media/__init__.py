"""Videos and photos in, sampled frames out."""
