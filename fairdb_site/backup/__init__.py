"""Backup and restore: the database as dumps, staged files, and a manifest of what they hold."""
