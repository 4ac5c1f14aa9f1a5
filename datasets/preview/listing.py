"""The columns of a preview as a list to search and tick: 200 a page, so that 10,000 can be used."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from datasets.browse.column_choice import write_choice
from datasets.browse.id_chooser import MOST_IN_MENU, SHOWN_END, SHOWN_START
from datasets.ingest.choosing import pattern_of
from datasets.ingest.profile import column_name

from .table import Preview, PreviewColumn

COLUMNS_A_PAGE: Final = 200
ROW_COLUMNS: Final = 30
"""Columns of the first rows on show: with 20 rows about what a screen or two hold."""

_SHOWN: Final[Mapping[str, Callable[[PreviewColumn], bool]]] = {
    "all": lambda column: True,
    "flagged": lambda column: bool(column.findings),
    "warned": lambda column: bool(column.cautions),
    "chosen": lambda column: column.is_left_out or column.named is not None,
}
FILTERS: Final = tuple(_SHOWN)


@dataclass(frozen=True)
class IdOption:
    """A column that may be the id: what the form sends for it, and what people read."""

    value: str
    text: str
    is_chosen: bool


@dataclass(frozen=True)
class Listing:
    """Some of a preview's columns, and what is said above them.

    `sought` is a part of their names, or a pattern with `*`; `show` one of FILTERS; `after` the
    place behind which they begin.
    """

    preview: Preview
    sought: str = ""
    show: str = "all"
    after: int = 0

    @cached_property
    def matching(self) -> list[PreviewColumn]:
        """All columns that were sought."""
        wanted = _SHOWN.get(self.show, _SHOWN["all"])
        found = [column for column in self.preview.columns if wanted(column)]
        if not self.sought:
            return found
        folded = self.sought.casefold()
        fits = pattern_of(folded if "*" in folded else f"*{folded}*")
        return [column for column in found if fits(column.label.casefold())]

    @cached_property
    def columns(self) -> list[PreviewColumn]:
        """The columns on this page."""
        behind = (column for column in self.matching if column.position > self.after)
        return [column for column, _ in zip(behind, range(COLUMNS_A_PAGE), strict=False)]

    @property
    def next_after(self) -> int | None:
        """Where the next page begins; None on the last one."""
        if not self.columns or self.columns[-1].position == self.matching[-1].position:
            return None
        return self.columns[-1].position

    @property
    def listed(self) -> str:
        """The places of the columns on this page, as `1-12,40`."""
        return write_choice(column.position for column in self.columns)

    @property
    def place(self) -> dict[str, object]:
        """What an address says of this page."""
        show = self.show if self.show in _SHOWN and self.show != "all" else ""
        return {"q": self.sought, "show": show, "after": self.after}

    @cached_property
    def row_columns(self) -> list[PreviewColumn]:
        """The columns of the first rows on show: the id if one is, then those of this page."""
        of_id = [column for column in self.preview.columns if column.is_id]
        others = [column for column in self.columns if not column.is_id]
        return [*of_id, *others][:ROW_COLUMNS]

    @property
    def rows(self) -> list[list[str | None]]:
        """The first rows of these columns."""
        places = [column.position - 1 for column in self.row_columns]
        return [[row[place] for place in places] for row in self.preview.rows]

    @cached_property
    def counts(self) -> dict[str, int]:
        """How many columns each of FILTERS shows."""
        return {name: sum(map(wanted, self.preview.columns)) for name, wanted in _SHOWN.items()}

    @property
    def left_out(self) -> int:
        """How many columns are left out."""
        return sum(column.is_left_out for column in self.preview.columns)

    @property
    def taken(self) -> int:
        """How many columns of the file will be stored, the id among them."""
        return len(self.preview.columns) - self.left_out

    @property
    def flagged_and_taken(self) -> list[PreviewColumn]:
        """The columns that look sensitive and are not left out."""
        return [
            column for column in self.preview.columns if column.findings and not column.is_left_out
        ]

    @property
    def has_menu(self) -> bool:
        """Whether the columns are few enough for the id to be chosen from a menu."""
        return len(self.preview.labels) <= MOST_IN_MENU

    @cached_property
    def id_options(self) -> list[IdOption]:
        """The columns that the id is chosen among in a menu."""
        labels = self.preview.labels
        names = [self._name_of(place) for place in range(1, len(labels) + 1)]
        return [
            IdOption(name, _text(label, name, place), place == self._id_place)
            for place, (name, label) in enumerate(zip(names, labels, strict=True), 1)
        ]

    @property
    def id_value(self) -> str:
        """What names the id column where it is typed."""
        return self._name_of(self._id_place)

    @property
    def _id_place(self) -> int:
        """The id column; where rows are numbered, the one that would be it otherwise."""
        candidates = self.preview.candidates
        return self.preview.id_position or (candidates[0].position if candidates else 1)

    def _name_of(self, place: int) -> str:
        return column_name(self.preview.labels, place, self._times)

    @cached_property
    def _times(self) -> Counter[str]:
        return Counter(self.preview.labels)


def _text(label: str, name: str, place: int) -> str:
    words = " ".join(label.split())
    if len(words) > SHOWN_START + SHOWN_END + 1:
        words = f"{words[:SHOWN_START]}…{words[-SHOWN_END:]}"
    return words if name == label == words else f"{words or 'no name'} (column {place:,})"
