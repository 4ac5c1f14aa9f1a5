"""Datasets made safe to share: the room of the search, not built yet."""
