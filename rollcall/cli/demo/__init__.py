"""A made video of real faces through the whole pipeline."""
