"""A page of rows as it is shown: frozen values, with the addresses that lead on from it."""

from dataclasses import dataclass, replace
from functools import cached_property
from urllib.parse import urlencode

from datasets.browse.column_choice import write_choice
from datasets.browse.query import OPERATORS, SIZES, Condition, Query
from datasets.browse.shown import Column, Dataset, Row, telling_tail

LONG_TEXT = 60
"""Characters of what a condition says that are shown."""


@dataclass(frozen=True)
class ShownCondition:
    """A condition that holds, as people read it; `without` leads to the rows without it."""

    condition: Condition
    label: str
    without: str

    @property
    def words(self) -> str:
        """What is compared how."""
        operator = OPERATORS[self.condition.operator]
        return operator.sign or operator.words

    @property
    def text(self) -> str:
        """What it is compared with, cut where it is long."""
        text = self.condition.text
        return text if len(text) <= LONG_TEXT else f"{text[:LONG_TEXT]}…"


@dataclass(frozen=True)
class FormRow:
    """A condition as a form shows it, to be changed; all empty for a new one."""

    column: str = ""
    operator: str = "eq"
    text: str = ""
    error: str = ""
    without: str = ""


@dataclass(frozen=True)
class Head:
    """The head of a column: how the rows are sorted by it, and where a click leads."""

    column: Column
    aria_sort: str  # "ascending", "descending", or empty
    address: str
    title: str  # what the click does


@dataclass(frozen=True)
class Size:
    """How many rows a page may have, and where that leads."""

    rows: int
    address: str
    is_current: bool


@dataclass(frozen=True)
class RowsPage:
    """A page of rows and the addresses of its neighbours in both directions.

    `matching` rows meet the conditions; where not `is_exact`, that is an estimate.
    """

    dataset: Dataset
    query: Query
    window: tuple[int, ...]  # the positions that were chosen
    columns: tuple[Column, ...]  # on show: before those, the others that conditions name
    of_query: tuple[Column, ...]  # those that conditions and the order name
    rows: tuple[Row, ...]
    first: int | None
    last: int | None
    has_previous: bool
    has_next: bool
    matching: int
    is_exact: bool

    @property
    def choice(self) -> str:
        """The columns that were chosen, as an address writes them."""
        return write_choice(self.window)

    @property
    def positions(self) -> tuple[int, ...]:
        """The positions of the columns on show."""
        return tuple(column.position for column in self.columns)

    @property
    def tail(self) -> int:
        """How many characters at the end of long names tell the columns on show apart, if any."""
        return telling_tail(self.columns)

    @property
    def here(self) -> tuple[tuple[str, str], ...]:
        """What the address says but for the columns, for forms that change those alone."""
        return replace(self.query, columns="").fields

    @property
    def kept(self) -> tuple[tuple[str, str], ...]:
        """What the address says but for conditions and place, for the form of conditions."""
        return replace(self._shown.at(), conditions=()).fields

    @property
    def place(self) -> str:
        """The same as `here`, in one text."""
        return urlencode(self.here)

    @property
    def first_page(self) -> str:
        """Address of the first rows."""
        return self._shown.at().address

    @property
    def previous_page(self) -> str:
        """Address of the rows before these."""
        return self._shown.at(before=self.first or self.query.before or 1).address

    @property
    def next_page(self) -> str:
        """Address of the rows after these."""
        return self._shown.at(after=self.last or self.query.after or 0).address

    @property
    def last_page(self) -> str:
        """Address of the last rows."""
        return self._shown.at(at_end=True).address

    @property
    def counted(self) -> str:
        """Address of this page with the matching rows counted exactly."""
        return f"{self._shown.address}&count=1"

    @property
    def earlier_columns(self) -> str:
        """Address of the screenful of columns left of these; empty at the edge."""
        window = self.dataset.width.window_before(min(self.window, default=1))
        return replace(self.query, columns=write_choice(window)).address if window else ""

    @property
    def later_columns(self) -> str:
        """Address of the screenful of columns right of these; empty at the edge."""
        window = self.dataset.width.window(max(self.window, default=0) + 1)
        return replace(self.query, columns=write_choice(window)).address if window else ""

    @property
    def conditions(self) -> tuple[ShownCondition, ...]:
        """The conditions that hold."""
        return tuple(
            ShownCondition(condition, self._label(condition.position), self._without(number))
            for number, condition in enumerate(self.query.conditions)
        )

    @property
    def without_conditions(self) -> str:
        """Address of all rows, in the same order."""
        return replace(self._shown.at(), conditions=()).address

    @property
    def form_rows(self) -> tuple[FormRow, ...]:
        """The conditions that hold, as a form has them."""
        return tuple(
            FormRow(
                column=written_column(c.position, self._label(c.position)),
                operator=c.operator,
                text=c.text,
                without=self._without(number),
            )
            for number, c in enumerate(self.query.conditions)
        )

    @property
    def sorted_by(self) -> str:
        """The name of the column that the rows are sorted by; empty in the order of the file."""
        sort = self.query.sort
        return "" if sort is None else self._label(sort) or f"column {sort:,}"

    @property
    def unsorted(self) -> str:
        """Address of the same rows in the order of the file."""
        return self._shown.sorted_by(None).address

    @property
    def heads(self) -> tuple[Head, ...]:
        """The heads of the columns on show. Clicked on in turn: upward, downward, unsorted."""
        return tuple(map(self._head, self.columns))

    @property
    def sizes(self) -> tuple[Size, ...]:
        """The sizes that a page may have; another begins with the first row of this one."""
        return tuple(
            Size(size, replace(self._shown, rows=size).address, size == self.query.rows)
            for size in SIZES
        )

    def _head(self, column: Column) -> Head:
        shown, is_sorted = self._shown, self.query.sort == column.position
        if not is_sorted:
            upward = shown.sorted_by(column.position).address
            return Head(column, "", upward, "Sort by this column")
        if not self.query.descending:
            downward = shown.sorted_by(column.position, descending=True).address
            return Head(column, "ascending", downward, "Sort from the largest down")
        return Head(column, "descending", self.unsorted, "Back to the order of the file")

    @property
    def _shown(self) -> Query:
        return replace(self.query, columns=self.choice)

    def _without(self, number: int) -> str:
        return self._shown.without(number).address

    @cached_property
    def _labels(self) -> dict[int, str]:
        return {column.position: column.label for column in self.of_query}

    def _label(self, position: int) -> str:
        return self._labels.get(position, "")


def written_column(position: int, label: str) -> str:
    """Return a column as a form names it, so that no two are named alike: `#3 weight`."""
    return f"#{position} {label}".strip()
