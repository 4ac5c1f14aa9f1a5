"""Columns and conditions as they are typed at a command: by their labels, or by their places."""

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass

from datasets.browse.query import Condition, read_values
from datasets.exporting.wanted import Format, Wanted
from datasets.ingest.names import HASH_SUFFIX, shown
from datasets.ingest.plan import PlannedColumn
from fairdb_site.errors import Refused

_PLACE = re.compile(r"#([1-9][0-9]{0,8})", re.ASCII)
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


def columns_typed(text: str, columns: Sequence[PlannedColumn]) -> tuple[int, ...]:
    """Return the positions that a line of CSV names by label or place (`age,"a,b",#7`), in order.

    The id column goes by its label, with or without `_hash` behind it. Raises Refused for a name
    that no column has, or that several have.
    """
    names = next(csv.reader([text], skipinitialspace=True), [])
    if not names:
        raise Refused("Name at least one column.", option="columns")
    return tuple(_position(name, columns, option="columns") for name in names)


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


def _are_there(name: str, columns: Sequence[PlannedColumn]) -> bool:
    return bool(_PLACE.fullmatch(name)) or any(_is_called(column, name) for column in columns)


def _position(name: str, columns: Sequence[PlannedColumn], *, option: str) -> int:
    found = [column.position for column in columns if _is_called(column, name)]
    place = _PLACE.fullmatch(name)
    if not found and place:
        found = [column.position for column in columns if column.position == int(place[1])]
    if not found:
        raise Refused(f"There is no column {shown(name)}.", option=option)
    if len(found) > 1:
        places = ", ".join(f"#{position}" for position in found[:5])
        raise Refused(
            f"Several columns are called {shown(name)}. Name one by its place: {places}.",
            option=option,
        )
    return found[0]


def _is_called(column: PlannedColumn, name: str) -> bool:
    return name == column.label or (column.part is None and name == column.label + HASH_SUFFIX)
