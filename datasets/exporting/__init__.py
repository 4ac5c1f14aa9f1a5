"""Taking a dataset out: what is wanted of it, in which form, as a download or a file."""
