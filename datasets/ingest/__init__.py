"""From a file to a dataset: read, profile, plan, encode, load."""
