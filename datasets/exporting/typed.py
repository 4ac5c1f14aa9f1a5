"""Columns and conditions as they are typed at a command: by their labels, or by their places."""

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from datasets.browse.query import Condition, read_values
from datasets.exporting.wanted import Format, Wanted
from datasets.ingest.names import HASH_SUFFIX, shown
from datasets.ingest.plan import PlannedColumn
from fairdb_site.errors import Refused

MOST_NAMED = 2_000_000
"""Columns named at once, each as often as it is named: twenty times the widest table."""

_PLACE = re.compile(r"#([1-9][0-9]{0,8})", re.ASCII)
_PLACES = re.compile(r"#?([0-9]{1,9})(?:\s*-\s*#?([0-9]{1,9}))?", re.ASCII)
# the longer first: `<` begins `<=`
_SIGNS = {"<=": "le", ">=": "ge", "!=": "ne", "=": "eq", "<": "lt", ">": "gt"}
_WORDS = {
    "contains": "contains", "starts with": "starts", "ends with": "ends", "between": "between",
    "in": "in",
}  # fmt: skip
_BARE = {"is missing": "missing", "is not missing": "present"}

GRAMMAR = (
    "COLUMN =, !=, <, <=, >, >=, contains, starts with or ends with VALUE; COLUMN between A,B; "
    "COLUMN in A,B,...; COLUMN is missing; COLUMN is not missing"
)


@dataclass(frozen=True)
class Typed:
    """What was typed at a command; it means something once the columns are known."""

    format: Format
    columns: str = ""
    where: Sequence[str] = ()
    with_parquet: bool = False

    def of(self, columns: Sequence[PlannedColumn]) -> Wanted:
        """Return what is meant of a dataset with these columns."""
        return Wanted(
            format=self.format,
            positions=columns_typed(self.columns, columns) if self.columns else None,
            conditions=tuple(condition_typed(text, columns) for text in self.where),
            with_parquet=self.with_parquet,
        )


@dataclass(frozen=True)
class Listed:
    """What the page asks for: `wanted` but for its columns, which are as typed."""

    wanted: Wanted
    columns: str
    with_pseudonym: bool

    def of(self, columns: Sequence[PlannedColumn]) -> Wanted:
        """Return what is meant of a dataset with these columns, the pseudonym before the others."""
        positions = columns_typed(self.columns, columns)
        if self.with_pseudonym:
            ids = [column.position for column in columns if column.part is None]
            positions = (*ids, *positions)
        return replace(self.wanted, positions=positions)


def columns_typed(text: str, columns: Sequence[PlannedColumn]) -> tuple[int, ...]:
    """Return the positions that a line of CSV names (`age,"a,b",#7,10-12`), in order.

    A column goes by its label, in capitals or not, or by its place, of which `10-12` are several;
    those past the end and the id column are passed over. The id column goes by its label, with or
    without `_hash` behind it, or by its own place. A label goes before a place. Raises Refused for
    names that no column has, or that several have.
    """
    names = [name.strip() for name in _fields(text)]
    called = _Called(columns)
    found: list[int] = []
    unknown: list[str] = []
    for name in dict.fromkeys(filter(None, names)):
        places = called.by_name(name) or called.by_place(name)
        if not places:
            unknown.append(name)
        found += places
        if len(found) > MOST_NAMED:
            raise Refused("Too many columns are named. Name each once.", option="columns")
    if unknown:
        raise Refused(_no_such(unknown), option="columns")
    if not found:
        raise Refused("Name at least one column.", option="columns")
    return tuple(dict.fromkeys(found))


def condition_typed(text: str, columns: Sequence[PlannedColumn]) -> Condition:
    """Return a condition written as GRAMMAR says; the values of a list are a line of CSV.

    A label may hold blanks and signs: the longest one that the text begins with is meant.
    """
    for end in sorted(_ends_of_a_name(text), reverse=True):
        name, rest = text[:end].strip(), text[end:].strip()
        if not _are_there(name, columns):
            continue
        if said := _operator_and_value(rest):
            operator, value = said
            position = _position(name, columns, option="where")
            try:
                return Condition(position, operator, read_values(operator, value))
            except ValueError as error:
                raise Refused(str(error), option="where") from None
    raise Refused(
        f"No condition is understood in {shown(text)}. Write {GRAMMAR}. A column goes by its label "
        "or its place, such as #3.",
        option="where",
    )


def _ends_of_a_name(text: str) -> set[int]:
    """Return where a name may end: at a blank, and before a sign."""
    return {match.start() for match in re.finditer(r"\s|[<>=!]", text)}


def _operator_and_value(rest: str) -> tuple[str, str] | None:
    lower = rest.lower()
    if lower in _BARE:
        return _BARE[lower], ""
    for sign, operator in _SIGNS.items():
        if rest.startswith(sign):
            return operator, rest[len(sign) :].strip()
    for words, operator in _WORDS.items():
        if lower.startswith(f"{words} "):
            return operator, rest[len(words) :].strip()
    return None


def _fields(text: str) -> list[str]:
    try:
        return next(csv.reader([text], skipinitialspace=True), [])
    except csv.Error:
        raise Refused(
            "Write the columns on one line, with commas between.", option="columns"
        ) from None


def _no_such(names: Sequence[str]) -> str:
    listed = ", ".join(map(shown, names[:5]))
    more = f" and {len(names) - 5:,} more" if len(names) > 5 else ""
    there = "is no column" if len(names) == 1 else "are no columns"
    return (
        f"There {there} {listed}{more}. Write names as the header has them, one that holds a comma "
        'as "a,b", or places such as #3.'
    )


def _are_there(name: str, columns: Sequence[PlannedColumn]) -> bool:
    return bool(_PLACE.fullmatch(name)) or any(_is_called(column, name) for column in columns)


def _position(name: str, columns: Sequence[PlannedColumn], *, option: str) -> int:
    found = [column.position for column in columns if _is_called(column, name)]
    place = _PLACE.fullmatch(name)
    if not found and place:
        found = [column.position for column in columns if column.position == int(place[1])]
    if not found:
        raise Refused(f"There is no column {shown(name)}.", option=option)
    return _the_one(found, name, option=option)


def _the_one(found: Sequence[int], name: str, *, option: str) -> int:
    if len(found) > 1:
        places = ", ".join(f"#{position}" for position in found[:5])
        raise Refused(
            f"Several columns are called {shown(name)}. Name one by its place: {places}.",
            option=option,
        )
    return found[0]


def _is_called(column: PlannedColumn, name: str) -> bool:
    return name in _names_of(column)


def _names_of(column: PlannedColumn) -> tuple[str, ...]:
    return (column.label, column.label + HASH_SUFFIX) if column.part is None else (column.label,)


class _Called:
    """Columns by what they are called: as many names are looked up as there are columns."""

    def __init__(self, columns: Sequence[PlannedColumn]) -> None:
        self._of_id = {column.position for column in columns if column.part is None}
        self._total = len(columns)
        self._exact: dict[str, list[int]] = {}
        self._folded: dict[str, list[int]] = {}
        for column in columns:
            for name in _names_of(column):
                self._exact.setdefault(name, []).append(column.position)
                self._folded.setdefault(name.casefold(), []).append(column.position)

    def by_name(self, name: str) -> list[int]:
        """Return the column that is called so, if one is; Refused where several are."""
        found = self._exact.get(name) or self._folded.get(name.casefold())
        return [_the_one(found, name, option="columns")] if found else []

    def by_place(self, name: str) -> list[int]:
        """Return the columns at `#3`, `3` or `3-9`."""
        match = _PLACES.fullmatch(name)
        if not match:
            return []
        first, last = int(match[1]), min(int(match[2] or match[1]), self._total)
        run = range(max(first, 1), last + 1)
        return [place for place in run if match[2] is None or place not in self._of_id]
