"""The sheets of a workbook: which there are, and a refusal that tells."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from fairdb_site.errors import Refused

from .names import shown

_LISTED: Final = 20
MOST_SHEETS: Final = 100
"""Sheets of a workbook that a page offers; of one with more, a sheet is named by typing."""


@dataclass(frozen=True)
class Sheet:
    """A sheet of cells; `number` is its place in the workbook, from 1, as a person may name it."""

    number: int
    name: str
    is_hidden: bool


def names_listed(names: Sequence[str]) -> str:
    """Return the names of sheets as a sentence lists them: the first twenty, in quotes."""
    more = f" and {len(names) - _LISTED:,} more" if len(names) > _LISTED else ""
    return ", ".join(map(shown, names[:_LISTED])) + more


class SheetRefused(Refused):
    """A workbook's sheet cannot be taken, but it has others: `sheets` are all of them."""

    def __init__(self, message: str, sheets: Sequence[Sheet]) -> None:
        super().__init__(message, option="sheet")
        self.sheets = tuple(sheets)


@contextmanager
def offering(sheets: Sequence[Sheet]) -> Iterator[None]:
    """Have a refusal tell which sheets there are, where there are more than one."""
    try:
        yield
    except Refused as error:
        if len(sheets) < 2:
            raise
        raise SheetRefused(error.message, sheets) from error
