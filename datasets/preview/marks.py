"""The marks of a missing value that a file's beginning holds, counted, to be ticked."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from datasets.ingest.datatypes import Mask
from datasets.ingest.kinds import KNOWN_MARKERS
from datasets.ingest.profile import ColumnProfile
from datasets.ingest.read import TableSource

from .cautions import CODES_HIGH, CODES_LOW, codes_held, lone_codes
from .contents import Contents

WORDS: Final = tuple(word for word in KNOWN_MARKERS if word)
MARKS: Final = (*WORDS, *sorted(CODES_LOW, reverse=True), *sorted(CODES_HIGH))
"""What may be offered; any other word for missing is typed."""


@dataclass(frozen=True)
class Mark:
    """What may stand for a missing value: in how many cells, of which columns (some labels)."""

    text: str
    cells: int
    columns: int
    first: str

    @property
    def where(self) -> str:
        """The columns in words."""
        return self.first if self.columns == 1 else f"{self.columns:,} columns"


def marks_found(
    table: TableSource,
    columns: Sequence[ColumnProfile],
    contents: Contents,
    *,
    passed_over: Iterable[int],
    named: Sequence[str],
) -> tuple[Mark, ...]:
    """Return the marks in a table held in memory, the commonest first, and those `named`.

    A number counts where it lies far from all others of a column. Columns at the places
    `passed_over` are not looked at: their cells are left out, or are ids.
    """
    looked_at = np.ones(len(columns), dtype=bool)
    looked_at[[place - 1 for place in passed_over]] = False
    codes: set[str] = set()
    for column in columns:
        # of thousands of columns with the same code the first tell enough
        if looked_at[column.position - 1] and not codes_held(column) <= codes:
            codes.update(lone_codes(column, contents))
    sought = [mark for mark in MARKS if mark in WORDS or mark in codes or mark in named]
    cells: Counter[str] = Counter()
    places: dict[str, set[int]] = {}
    for mark, place, count in _counted(table, sought, looked_at):
        cells[mark] += count
        places.setdefault(mark, set()).add(place)
    return tuple(
        Mark(
            mark,
            cells[mark],
            len(found := places.get(mark, set())),
            columns[min(found)].label if found else "",
        )
        for mark in sorted(sought, key=lambda mark: -cells[mark])
        if cells[mark] or mark in named
    )


def _counted(
    table: TableSource, sought: Sequence[str], looked_at: Mask
) -> Iterable[tuple[str, int, int]]:
    """Yield (mark, column from 0, cells) block by block."""
    for block in table.blocks():
        cells = block.cells(0, block.width - 1)
        at = np.flatnonzero(cells.is_in(list(sought)).fill_null(value=False).to_numpy())
        columns = at % block.width
        keep = looked_at[columns]
        found = pl.DataFrame({"mark": cells.gather(at[keep]), "column": columns[keep]})
        yield from found.group_by("mark", "column").len().iter_rows()
