"""Which role a column may play, and what speaks for it: a guess that is offered to people.

By its name and its cells (the finders of a preview), and by how it singles rows out: alone, and
together with one or two others.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from datasets.ingest.profile import ColumnProfile, looks_like_id
from datasets.preview.header_words import Kind
from datasets.preview.sensitive import Finding
from privacy.chosen import Role
from privacy.measures.coding import Coded
from privacy.measures.combinations import Combination, affordable_size, all_combinations
from privacy.words import trait_named

MOST_CANDIDATES: Final = 12
"""Columns whose combinations are tried: 298 of up to three."""

_LARGEST: Final = 3
_MOST_ROWS: Final = 100_000_000  # of all combinations tried: some seconds
_RARE: Final = 5  # rows; the default of k
_FEW_ROWS: Final = 20  # of fewer, how values are spread says nothing
_NEARLY_ALL: Final = 0.95
# shares of rows alone: worth saying, enough to suggest a role by where no name says anything
_TOLD, _ENOUGH = 0.05, 0.5
_CATEGORIES: Final = range(5, 101)  # yes and no are findings more often than traits
_OLDEST: Final = 130  # years
_ROLES: Final[Mapping[Kind, Role]] = {
    "name": "direct_identifier",
    "phone": "direct_identifier",
    "email": "direct_identifier",
    "number": "direct_identifier",
    "record": "direct_identifier",
    "address": "direct_identifier",
    "ip": "direct_identifier",
    "text": "direct_identifier",
    "birth": "quasi_identifier",
    "postcode": "quasi_identifier",
    "place": "quasi_identifier",
}


@dataclass(frozen=True)
class Suggestion:
    """A role for the column at a position (from 1), and what speaks for it in sentences."""

    position: int
    label: str
    role: Role
    reasons: tuple[str, ...]


def suggestion_for(
    column: ColumnProfile, findings: Sequence[Finding], *, rows: int, is_id: bool
) -> Suggestion | None:
    """Return what name, cells and counts of one column speak for; mostly nothing."""
    if is_id:
        return _suggest(column, "direct_identifier", "Its values tell who is who.")
    if findings:
        # what tells who somebody is goes before what others may know of them
        roles = [_ROLES[finding.kind] for finding in findings]
        role = min(roles, key=("direct_identifier", "quasi_identifier").index)
        return _suggest(column, role, *(why for f in findings for why in f.reasons))
    if (named := trait_named(column.label)) and _may_be(named[1], column):
        return _suggest(column, named[0], f"Its name says “{named[1]}”.")
    if why := _tells_rows(column, rows):
        return _suggest(column, "direct_identifier", why)
    return None


def candidates(
    columns: Sequence[ColumnProfile], suggested: Mapping[int, Suggestion], *, rows: int
) -> list[int]:
    """Return the positions of columns whose combinations are worth a try, some at most.

    Those suggested as quasi-identifiers, then categories and days nobody said anything of.
    """
    if rows < 2:
        return []
    named = [p for p, found in suggested.items() if found.role == "quasi_identifier"]
    others = [
        column
        for column in columns
        if column.position not in suggested
        and (
            (column.data_type == "text" and column.distinct in _CATEGORIES)
            or column.data_type == "date"
        )
    ]
    others.sort(key=lambda column: (-column.distinct, column.position))
    return [*named, *(column.position for column in others)][:MOST_CANDIDATES]


def with_combinations(
    suggested: Mapping[int, Suggestion], columns: Mapping[int, Coded], names: Mapping[int, str]
) -> dict[int, Suggestion]:
    """Return the suggestions with what candidates single out, alone and together.

    A column of no role that singles out many rows with one or two others is suggested too.
    """
    found = dict(suggested)
    rows = len(next(iter(columns.values())).codes) if columns else 0
    largest = affordable_size(len(columns), rows, _LARGEST)
    while largest > 1 and _combinations(len(columns), largest) * rows > _MOST_ROWS:
        largest -= 1
    if not largest:
        return found
    codes = {names[position]: coded.codes for position, coded in columns.items()}
    swept = all_combinations(codes, largest=largest).combinations
    tried = {frozenset(one.columns): one for one in swept}
    for position, coded in columns.items():
        told, share = _told(names[position], coded, tried, rows)
        if position in found:
            found[position] = replace(found[position], reasons=(*found[position].reasons, *told))
        elif share >= _ENOUGH and rows >= _FEW_ROWS:
            found[position] = Suggestion(position, names[position], "quasi_identifier", told)
    return found


def _combinations(columns: int, largest: int) -> int:
    return sum(math.comb(columns, size) for size in range(1, largest + 1))


def _told(
    name: str, coded: Coded, tried: Mapping[frozenset[str], Combination], rows: int
) -> tuple[tuple[str, ...], float]:
    """Return (what is said of a column, the largest share of rows that only it sets alone)."""
    reasons = []
    sizes = np.bincount(coded.codes[coded.codes >= 0], minlength=1)
    rare = int(np.count_nonzero((sizes > 0) & (sizes < _RARE)))
    if rare and rows >= _FEW_ROWS:
        values = "One of its values is" if rare == 1 else f"{rare:,} of its values are"
        reasons.append(f"{values} in fewer than {_RARE} rows.")

    def gained(one: Combination) -> int:
        without = tried.get(frozenset(one.columns) - {name})
        return one.uniques - (without.uniques if without else 0)

    with_it = [one for one in tried.values() if name in one.columns]
    most = max(with_it, key=lambda one: (gained(one), -len(one.columns)))
    gain = gained(most)
    if gain >= _TOLD * rows:
        others = [other for other in most.columns if other != name]
        beside = f"Together with {' and '.join(others)} it" if others else "Alone it"
        more = f", {gain:,} more than without it" if others else ""
        reasons.append(f"{beside} singles out {most.uniques:,} of {rows:,} rows{more}.")
    return tuple(reasons), gain / rows


def _tells_rows(column: ColumnProfile, rows: int) -> str:
    """Return what speaks for a column that tells its row by itself; empty where nothing does."""
    filled = rows - column.missing
    differ = f"{column.distinct:,} of {filled:,} values differ."
    if filled < _FEW_ROWS:
        return ""
    if column.data_type in {"text", "integer"} and looks_like_id(column, rows):
        return f"It looks like an id: {differ}"
    if column.data_type == "text" and column.distinct >= _NEARLY_ALL * filled:
        return f"Nearly every row is told by it: {differ}"
    return ""


def _may_be(words: str, column: ColumnProfile) -> bool:
    """Whether numbers may be what the name says: no age of a thousand years."""
    if words not in {"age", "leeftijd", "alter", "edad"} or column.maximum is None:
        return True
    return column.data_type not in {"integer", "float"} or float(column.maximum) <= _OLDEST


def _suggest(column: ColumnProfile, role: Role, *reasons: str) -> Suggestion:
    return Suggestion(column.position, column.label, role, reasons)
