"""Recipes: what is done to a table, as a small TOML that people read and that can be replayed.

`recipe` says what a recipe is, `toml` reads and writes it. Layout: docs/recipes.md.
"""
