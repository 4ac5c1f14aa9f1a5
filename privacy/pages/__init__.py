"""The pages on how identifying a dataset is."""
