"""What each stage does with one message: split, recognize, lookup."""
