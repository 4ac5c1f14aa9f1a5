"""Deleting a dataset by its owner."""
