"""What pages and fragments show: frozen values, with the addresses that lead on from them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from datasets.browse.activity import NewestEvent
from datasets.browse.charts import BAR, MapBar, Segment, TopBar
from datasets.browse.column_choice import WINDOW, Width
from datasets.browse.cut import CutText
from datasets.loading.shown import ShownLoad

LONG_CELL = 40
"""Characters that a cell shows at least."""

FEW_BARS = 90

TAIL = 11
"""Characters kept at the end of a shortened name: names of wide tables differ late."""

NUMBERS = {"integer", "float"}


@dataclass(frozen=True)
class Later:
    """The newest version of a dataset, where it is another one."""

    id: UUID
    version: int


@dataclass(frozen=True)
class Dataset:
    """A dataset's facts. None: not known before it is ready."""

    id: UUID
    title: str
    description: str
    origin: str
    state: str
    id_label: str
    id_position: int | None
    rows: int
    columns: int  # data columns, without the id
    parts: tuple[str, ...]
    file_name: str
    file_bytes: int | None
    file_digest: str | None
    digest: str | None
    seconds: float | None
    created_at: datetime | None
    version: int
    receipt: Mapping[str, Any]
    keywords: tuple[str, ...] = ()
    licence: str = ""
    described_at: str = ""  # as the database writes it; empty for never
    newest: Later | None = None

    @property
    def is_ready(self) -> bool:
        """Whether its rows can be read."""
        return self.state == "ready"

    @property
    def rows_read(self) -> int:
        """Rows of the file, those left out among them."""
        refused: int = self.receipt.get("refused") or 0
        return self.rows + refused

    @property
    def width(self) -> Width:
        """How many columns there are to choose from."""
        return Width(self.columns + (self.id_position is not None), self.id_position)


@dataclass(frozen=True)
class Column:
    """A column as in the file, with its statistics; shares are 0..1 of all rows."""

    position: int
    label: str
    data_type: str
    is_id: bool
    missing: int
    missing_share: float
    distinct: int | None
    minimum: str | None
    maximum: str | None
    mean: float | None
    top: tuple[TopBar, ...]
    role: str = ""
    description: str = ""
    unit: str = ""

    @property
    def is_number(self) -> bool:
        """Whether its values are set to the right."""
        return self.data_type in NUMBERS and not self.is_id

    @property
    def missing_percent(self) -> float:
        """The share of missing cells as a chart draws it."""
        return BAR * self.missing_share

    @property
    def window_end(self) -> int:
        """The last column of the screenful that begins with this one."""
        return self.position + WINDOW - 1

    @property
    def shown_type(self) -> str:
        """The type as people read it: of the id, only the pseudonym is kept."""
        return "pseudonym" if self.is_id else self.data_type


def telling_tail(columns: Sequence[Column]) -> int:
    """Return how much of a long name's end to keep: none where most of the names end alike."""
    ends = {column.label[-TAIL:] for column in columns}
    return TAIL if 2 * len(ends) > len(columns) else 0


@dataclass(frozen=True)
class Cell:
    """A value as text, None where it is missing; `kind` says how it is set."""

    text: str | None
    kind: str  # "number" or "text"
    left_out: int = 0  # characters of the value behind `text`

    @property
    def is_long(self) -> bool:
        """Whether a cell of the table cuts it short."""
        return self.text is not None and len(self.text) > LONG_CELL

    @property
    def shown(self) -> str:
        """The text, cut where a page would carry megabytes that nobody reads in a table."""
        return str(CutText(self.text or "", self.left_out))


@dataclass(frozen=True)
class Row:
    """A row: its number (rowid), its pseudonym, the cells of the columns on show."""

    number: int
    pseudonym: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class ColumnsPage:
    """Some columns of a dataset, in file order; `matching` of all `total` have the label sought."""

    dataset: Dataset
    columns: tuple[Column, ...]
    total: int
    matching: int
    after: int
    next_after: int | None

    @property
    def tail(self) -> int:
        """How many characters at the end of long names tell these columns apart, if any."""
        return telling_tail(self.columns)


@dataclass(frozen=True)
class Outline:
    """All columns of a dataset at a glance. `missing_share` is of all data cells (0..1)."""

    bars: tuple[MapBar, ...]
    width: float  # of the map, in bars
    types: tuple[Segment, ...]
    missing_share: float
    missing: int
    id_bar: float | None  # where the id column stands, on a map of a bar a column

    @property
    def bar_width(self) -> float:
        """How wide a bar is drawn: few columns stand apart, many make one band."""
        return 0.86 if self.width <= FEW_BARS else 1.0


@dataclass(frozen=True)
class Unfinished:
    """A dataset that cannot be read: on its way in (`is_alive`), left behind, or on its way out."""

    dataset: Dataset
    is_alive: bool

    @property
    def is_going(self) -> bool:
        """Whether it is being deleted."""
        return self.dataset.state == "deleting"


@dataclass(frozen=True)
class Overview:
    """An account at a glance."""

    datasets: int
    rows: int
    columns: int
    recent: tuple[Dataset, ...]
    unfinished: tuple[Unfinished, ...]
    events: tuple[NewestEvent, ...]
    loads: Sequence[ShownLoad] = ()


@dataclass(frozen=True)
class FoundColumn:
    """A column found by its label."""

    position: int
    label: str
    shown_type: str  # as people read it: of the id, only the pseudonym is kept

    @property
    def window_end(self) -> int:
        """The last column of the screenful that begins with this one."""
        return self.position + WINDOW - 1


@dataclass(frozen=True)
class FoundInDataset:
    """The first columns found in one dataset, of `matching` in all, and the dataset's file."""

    id: UUID
    title: str
    matching: int
    columns: tuple[FoundColumn, ...]
    file_name: str
    created_at: datetime | None
