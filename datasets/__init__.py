"""Datasets: loaded, kept to their owners, browsed, taken out, deleted."""
