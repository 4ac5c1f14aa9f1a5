"""Versions of a dataset: which there are, and what one has that another has not."""
