"""Correcting what is stored: a cell, a row, rows that go; history, and undoing any of it."""
