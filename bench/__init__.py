"""Measurements anyone can repeat: `uv run python -m bench`. Each figure is a ratio in one run."""
