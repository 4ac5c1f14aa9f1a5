"""What the pages of corrections show."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from datasets.browse.shown import Column
from datasets.correcting.values import as_typed, mark_of

LONG = 80
"""Characters from which a value is typed in a field of several lines."""


@dataclass(frozen=True)
class Field:
    """A column of one row: what is stored (None: missing), what a person typed, what was wrong.

    It is overtaken where somebody else changed it since the person saw it.
    """

    column: Column
    stored: str | None
    typed: str
    error: str = ""
    is_overtaken: bool = False

    @property
    def name(self) -> str:
        """The field's name in a form."""
        return f"c{self.column.position}"

    @property
    def mark(self) -> str:
        """What tells whether the value is still this one."""
        return mark_of(self.stored)

    @property
    def shown(self) -> str:
        """The stored value as a field has it."""
        return as_typed(self.stored, self.column.data_type)

    @property
    def is_long(self) -> bool:
        """Whether it wants a field of several lines."""
        return self.column.data_type == "text" and (len(self.typed) > LONG or "\n" in self.typed)

    @property
    def rows(self) -> int:
        """How many lines that field has."""
        return min(2 + self.typed.count("\n") + len(self.typed) // LONG, 12)


@dataclass(frozen=True)
class RowShown:
    """A row with some of its columns as fields; `pseudonym` is None where it was deleted."""

    number: int
    pseudonym: str | None
    fields: tuple[Field, ...]
    matching: int  # columns, the id's left out
    after: int
    next_after: int | None
    previous: int | None  # rows beside it
    next: int | None

    @property
    def has_errors(self) -> bool:
        """Whether a field is to be looked at again."""
        return any(field.error or field.is_overtaken for field in self.fields)


@dataclass(frozen=True)
class CellShown:
    """One cell of a change, before and after."""

    row: int
    position: int
    label: str
    old: str | None
    new: str | None


@dataclass(frozen=True)
class ChangeShown:
    """What was corrected at once, in words."""

    id: UUID
    number: int
    at: datetime | None
    who: str
    what: str
    is_undone: bool
    cells: Sequence[CellShown]
    more: int  # edited cells that are not among `cells`
    rows: tuple[int, ...]  # the first that it is of
    more_rows: int

    @property
    def row(self) -> int | None:
        """The row, where it is of one."""
        return self.rows[0] if len(self.rows) == 1 else None
