"""What a dataset and its columns are, in their owner's words, and the data dictionary they make."""
