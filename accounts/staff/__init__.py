"""The administration: Django's admin as this platform's staff see it."""
