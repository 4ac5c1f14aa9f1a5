"""Datasets made safe to share, under their owners' thresholds."""
