"""Which columns share a table, planned in bytes for the worst edit that may come.

PostgreSQL stores a row in one page of 8,192 bytes. What does not fit is moved out (TOAST), but
only values above 24 bytes: shorter ones stay in the row, so 340 texts of 23 characters do not fit
although the same columns took names of one letter. A part is therefore planned as if every cell
were as wide as can stay in the row. Figures: PostgreSQL 18, `htup_details.h`
(MaxHeapTupleSize), `heaptoast.c` (values of at most MAXALIGN(TOAST_POINTER_SIZE) stay).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from .datatypes import DataType

ROW_BYTES: Final = 8_160  # 8,192 less the page's header and one line pointer
HEADER_BYTES: Final = 23
TEXT_BYTES: Final = 24  # the widest text that TOAST leaves in the row: 23 bytes and their header
HASH_BYTES: Final = 65  # 64 hex digits and a one-byte header; TOAST may shorten it, we count it
OWN_BYTES: Final = 8 + 16 + HASH_BYTES  # rowid, user_id, the pseudonym
OWN_COLUMNS: Final = 3
# PostgreSQL's limit is 1,600 columns a table and 1,664 entries a select list
MAX_COLUMNS: Final = 900
MAX_TEXT_COLUMNS: Final = 330
# PostgreSQL takes time by the square of the columns that a COPY names: 27 ms for 1,600
_NAMED_COLUMNS: Final = 100
# (bytes, alignment) in the row; text with a one-byte header is not aligned
_WIDTHS: Final[dict[DataType, tuple[int, int]]] = {
    "integer": (8, 8),
    "float": (8, 8),
    "timestamp": (8, 8),
    "date": (4, 4),
    "boolean": (1, 1),
    "text": (TEXT_BYTES, 1),
}


@dataclass(frozen=True)
class Part:
    """One table of a dataset: its number from 1, and the places of its columns in the file."""

    number: int
    positions: tuple[int, ...]


def plan_parts(columns: Iterable[tuple[int, DataType]]) -> tuple[Part, ...]:
    """Return the parts for data columns given as (position in the file, type), in that order.

    The id column is not among them: every part stores its pseudonym. A dataset of an id column
    alone has one part without columns.
    """
    parts: list[Part] = []
    positions: list[int] = []
    room = _Room()
    for position, data_type in columns:
        if not room.takes(data_type):
            parts.append(Part(len(parts) + 1, tuple(positions)))
            positions, room = [], _Room()
        room.add(data_type)
        positions.append(position)
    if positions or not parts:
        parts.append(Part(len(parts) + 1, tuple(positions)))
    return tuple(parts)


def owner_by_default(data_columns: int) -> bool:
    """Return whether rows of so many data columns leave out whose they are.

    The column's default says so in less time than a text of each row, but then COPY has to name the
    other columns.
    """
    return data_columns <= _NAMED_COLUMNS


class _Room:
    """What one part holds so far, at its widest."""

    def __init__(self) -> None:
        self._columns = self._texts = 0
        self._data = OWN_BYTES
        self._alignment = 1  # of the column before: texts end anywhere

    def takes(self, data_type: DataType) -> bool:
        if self._columns >= MAX_COLUMNS or (
            data_type == "text" and self._texts >= MAX_TEXT_COLUMNS
        ):
            return False
        return row_header(self._columns + 1) + self._data + self._widest(data_type) <= ROW_BYTES

    def add(self, data_type: DataType) -> None:
        self._data += self._widest(data_type)
        self._alignment = _WIDTHS[data_type][1]
        self._columns += 1
        self._texts += data_type == "text"

    def _widest(self, data_type: DataType) -> int:
        width, alignment = _WIDTHS[data_type]
        # an aligned value behind a less aligned one may need all the padding there is
        return width + (alignment - 1 if alignment > self._alignment else 0)


def row_header(data_columns: int) -> int:
    """Return the bytes of a row's header with its null bitmap, aligned to 8."""
    bitmap = (data_columns + OWN_COLUMNS + 7) // 8
    return (HEADER_BYTES + bitmap + 7) // 8 * 8
