"""Examine a live installation: what `manage.py doctor` runs, one small function a check."""
