"""A small table of values that are easily got wrong, and what its rows come to in plain Python."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from datasets.rpc import Condition
from datasets.tests.stored import Columns, Stored, run, store_dataset

ROWS = 47
POOLS: Mapping[str, tuple[Any, ...]] = {
    "integer": (None, 0, 1, -1, 2, 10, 9, -(2**63), 2**63 - 1, 2**53, 2**53 + 1),
    "float": (None, 0.0, -0.0, 0.1, 0.30000000000000004, 1e300, -1e-300, math.nan, math.inf,
              -math.inf, 2.0, 10.0),
    "boolean": (None, True, False),
    "date": (None, date(1, 1, 1), date(9999, 12, 31), date(2024, 2, 29), date(1969, 12, 31)),
    "timestamp": (None, *map(datetime.fromisoformat, (
        "0001-01-01", "2024-02-29 23:59:59.999999", "2024-02-29 23:59:59", "9999-12-31 01:00"))),
    "text": (None, "", " ", "a", "A", "b", "B", "ab", "a%b", "a_b", "%", "_", "\\", "\\%", "a\\b",
             "É", "é", "straße", "Ω", "ω", "日本", "🙂", "'", '"; drop table x; --', "$1", "%s",
             "{}", "null", "10", "9", "line\nline", "a" * 300),
}  # fmt: skip
TYPES = ("integer", "text", "float", "boolean", "date", "timestamp", "text", "integer")
"""Of the columns at positions 2 to 9; two a part."""


@dataclass(frozen=True)
class Nasty:
    """The table as stored, and its values by position, from row 1."""

    stored: Stored
    owner: UUID
    values: Mapping[int, tuple[Any, ...]]

    def matching(self, conditions: list[Condition]) -> list[int]:
        """Return the rowids that meet all conditions."""
        return [row for row in range(1, ROWS + 1) if all(self._meets(row, c) for c in conditions)]

    def ordered(self, conditions: list[Condition], sort: int | None, descending: bool) -> list[int]:
        """Return the rowids that meet all conditions in their order."""
        found = self.matching(conditions)
        if sort is None:
            return found
        valued = [row for row in found if self.values[sort][row - 1] is not None]
        missing = [row for row in found if self.values[sort][row - 1] is None]
        valued.sort(key=lambda row: (ordering(self.values[sort][row - 1]), row))
        return valued[::-1] + missing[::-1] if descending else valued + missing

    def _meets(self, row: int, condition: Condition) -> bool:
        position, values = condition["position"], condition["values"]
        if position == 1:
            return f"hash{row}" in values
        value = self.values[position][row - 1]
        if condition["operator"] in ("missing", "present"):
            return (value is None) == (condition["operator"] == "missing")
        if value is None:
            return False
        if condition["operator"] in PARTS:
            return PARTS[condition["operator"]](folded(value), folded(values[0]))
        given = [ordering(READ[TYPES[position - 2]](text)) for text in values]
        return COMPARED[condition["operator"]](ordering(value), given)


def ordering(value: Any) -> Any:
    """Return what PostgreSQL compares a value by: NaN is equal to itself and above all else."""
    if isinstance(value, float):
        return (math.isnan(value), 0.0 if math.isnan(value) else value)
    return value


def folded(text: str) -> str:
    """Return a text without regard to capitals, letter by letter as PostgreSQL does."""
    return "".join(letter.lower() for letter in text)


READ: Mapping[str, Callable[[str], Any]] = {
    "integer": int,
    "float": float,
    "boolean": lambda text: text == "true",
    "date": date.fromisoformat,
    "timestamp": datetime.fromisoformat,
    "text": str,
}
PARTS: Mapping[str, Callable[[str, str], bool]] = {
    "contains": lambda value, part: part in value,
    "starts": str.startswith,
    "ends": str.endswith,
}
COMPARED: Mapping[str, Callable[[Any, list[Any]], bool]] = {
    "eq": lambda value, given: value == given[0],
    "ne": lambda value, given: value != given[0],
    "lt": lambda value, given: value < given[0],
    "le": lambda value, given: value <= given[0],
    "gt": lambda value, given: value > given[0],
    "ge": lambda value, given: value >= given[0],
    "between": lambda value, given: given[0] <= value <= given[1],
    "in": lambda value, given: value in given,
}


def written(value: Any) -> str:
    """Return a value as a condition holds it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.isoformat(sep=" ")
    return value.isoformat() if isinstance(value, date) else str(value)


def store_nasty(owner: UUID, *, indexed: bool) -> Nasty:
    """Store the table; `indexed`, with an index to sort by on every column."""
    values = {}
    for number, data_type in enumerate(TYPES):
        pool, step = POOLS[data_type], (1, 5, 7, 11, 13, 17, 19, 23)[number]
        values[number + 2] = tuple(pool[row * step % len(pool)] for row in range(ROWS))
    columns: Columns = {
        f"{data_type} {number}": (data_type, values[number])
        for number, data_type in enumerate(TYPES, 2)
    }
    stored = store_dataset(owner, columns, rows=ROWS)
    if indexed:
        for number, data_type in enumerate(TYPES, 2):
            collation = 'collate "C"' if data_type == "text" else ""
            run(
                f'create index on _fd."{stored.parts[(number - 2) // 2]}"'
                f" (c{number} {collation}, rowid)"
            )
    return Nasty(stored, owner, values)
