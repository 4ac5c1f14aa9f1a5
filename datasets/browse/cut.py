"""Texts that a page shows but the beginning of: a cell may hold a megabyte.

A function that is asked for at most so many characters of each value gives of a longer one as many
and, right behind them, how many it has (`cut_text` in datasets/sql/0004_datasets_of_users.sql).
"""

from dataclasses import dataclass

MOST_OF_A_CELL = 300
"""Characters of a cell that a page carries."""

MOST_OF_A_CHANGE = 120
"""Those of a value in a history, which has an old one and a new one in a line."""


@dataclass(frozen=True)
class CutText:
    """The beginning of a text, and how many characters of it are left out."""

    beginning: str
    left_out: int = 0

    def __str__(self) -> str:
        return f"{self.beginning}… ({self.left_out:,} more)" if self.left_out else self.beginning


def cut(text: str, most: int = MOST_OF_A_CELL) -> CutText:
    """Return of a whole text what a page carries."""
    return CutText(text[:most], max(len(text) - most, 0))


def as_cut(text: str, most: int = MOST_OF_A_CELL) -> CutText:
    """Return what a function gave that was asked for at most so many characters of each value."""
    if len(text) <= most:
        return CutText(text)
    return CutText(text[:most], int(text[most:]) - most)
