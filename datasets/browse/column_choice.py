"""Which columns of a dataset are on show: read from an address, written back to one.

A choice is written as `1-12,40`: positions in the file, from 1, in the order they are shown. The id
column is not chosen; its pseudonym heads every row.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from fairdb_site.errors import Refused

WINDOW = 12
"""Columns on show when nothing is chosen: about what a wide screen holds."""

WHOLE = 31
"""Data columns up to which a dataset is shown whole when nothing is chosen: clinical tables."""

MOST = 200
"""Columns on show at once: 50 rows of them are 10,000 cells, as much as a page bears."""

_RANGE = re.compile(r"(\d{1,9})(?:\s*-\s*(\d{1,9}))?", re.ASCII)


@dataclass(frozen=True)
class Width:
    """How wide a dataset is: its columns with the id, and where the id stands (from 1)."""

    total: int
    id_position: int | None

    def data_positions(self, first: int, most: int) -> tuple[int, ...]:
        """Return at most `most` positions of data columns from `first` on, in file order."""
        found = (p for p in range(max(first, 1), self.total + 1) if p != self.id_position)
        return tuple(position for position, _ in zip(found, range(most), strict=False))

    def window(self, first: int) -> tuple[int, ...]:
        """Return a screenful of columns from `first` on."""
        return self.data_positions(first, WINDOW)

    def at_first(self) -> tuple[int, ...]:
        """Return the columns on show when nothing is chosen: all of a narrow dataset."""
        all_of_narrow = self.data_positions(1, WHOLE + 1)
        return all_of_narrow if len(all_of_narrow) <= WHOLE else self.window(1)

    def window_before(self, position: int) -> tuple[int, ...]:
        """Return the screenful that ends before `position`; empty at the left edge."""
        start = max(position - WINDOW, 1)
        if self.id_position is not None and start <= self.id_position < position:
            start = max(start - 1, 1)
        return tuple(p for p in self.window(start) if p < position)


def read_choice(text: str, width: Width) -> tuple[int, ...]:
    """Return the chosen positions in order, each once; the first ones when nothing is chosen.

    Raises Refused when the text is no choice, or chooses more than `MOST` columns.
    """
    return read_positions(text, width, most=MOST) or width.at_first()


def read_positions(text: str, width: Width, *, most: int | None = None) -> tuple[int, ...]:
    """Return the positions that a choice names, in order, each once.

    Positions past the end and the id column are passed over. Raises Refused when the text is no
    choice, or names more than `most` columns.
    """
    chosen: dict[int, None] = {}
    for piece in filter(None, (piece.strip() for piece in text.split(","))):
        match = _RANGE.fullmatch(piece)
        if not match:
            raise Refused(
                "Columns are chosen by number, such as 1-12,40. To find one by its name, use "
                "the search."
            )
        first = int(match[1])
        last = min(int(match[2] or first), width.total)
        for position in range(max(first, 1), last + 1):
            if position != width.id_position:
                chosen[position] = None
            if most is not None and len(chosen) > most:
                raise Refused(f"At most {most} columns are shown at once. Choose fewer.")
    return tuple(chosen)


def write_choice(positions: Iterable[int]) -> str:
    """Write positions as `1-12,40`, keeping their order."""
    runs: list[list[int]] = []
    for position in positions:
        if runs and position == runs[-1][1] + 1:
            runs[-1][1] = position
        else:
            runs.append([position, position])
    return ",".join(f"{a}" if a == b else f"{a}-{b}" for a, b in runs)


def change_choice(
    chosen: Sequence[int], *, listed: Iterable[int], ticked: Iterable[int], width: Width
) -> tuple[int, ...]:
    """Return the choice after a list of columns was ticked.

    Of the `listed` columns those `ticked` are chosen and the others are not; columns that were
    not on the list stay as they were. New ones come after the old ones, in file order. Raises
    Refused when more than `MOST` columns would be chosen.
    """
    kept = set(ticked)
    dropped = set(listed) - kept
    stay = [position for position in chosen if position not in dropped]
    new = sorted(
        position
        for position in kept - set(stay)
        if 0 < position <= width.total and position != width.id_position
    )
    if len(stay) + len(new) > MOST:
        raise Refused(f"At most {MOST} columns are shown at once. Choose fewer.")
    return (*stay, *new)
