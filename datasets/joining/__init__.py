"""Columns of one dataset beside the rows of another, by the pseudonym: sample metadata, say."""
