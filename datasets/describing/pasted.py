"""A data dictionary that somebody pastes: which columns it describes, and how."""

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence

from datasets.describing.limits import LONGEST_COLUMN, LONGEST_UNIT
from datasets.ingest.names import HASH_SUFFIX, shown
from datasets.rpc.describing import ColumnWords
from fairdb_site.errors import Refused

MOST_TOLD = 5
_IN_ORDER = ("label", "description", "unit")
_NAMES = {
    "label": "label", "column": "label", "name": "label", "variable": "label",
    "description": "description", "unit": "unit", "units": "unit", "position": "position",
}  # fmt: skip
_PLACE = re.compile(r"#?([1-9][0-9]{0,8})", re.ASCII)


def read_dictionary(text: str, labels: Sequence[tuple[int, str, bool]]) -> dict[int, ColumnWords]:
    """Return what a pasted dictionary says of columns, by position; `labels` are those there are.

    Each is (position, label, is the id). A line is CSV: label, description, unit; or what its first
    line says, where that names them (so a dictionary that was downloaded can be pasted back). Tabs
    and semicolons part cells too. An empty cell says nothing. Raises Refused, with the line, for a
    label that no column or several have, and for what is too long.
    """
    lines = list(_lines(text))
    if not lines:
        raise Refused("Paste at least one line: label, description, unit.")
    fields = _fields(lines[0][1])
    if fields is not None:
        lines = lines[1:]
    positions = _positions(labels)
    known = {position for position, _, _ in labels}
    found: dict[int, ColumnWords] = {}
    faults: list[str] = []
    for number, cells in lines:
        said = dict(zip(fields or _IN_ORDER, (cell.strip() for cell in cells), strict=False))
        try:
            position = _position(said, positions, known)
            if words := _words(said):
                if position in found:
                    raise Refused("describes a column that an earlier line describes")
                found[position] = words
        except Refused as fault:
            faults.append(f"Line {number} {fault.message}.")
    if faults:
        more = f" And {len(faults) - MOST_TOLD} more." if len(faults) > MOST_TOLD else ""
        raise Refused(f"Nothing was stored. {' '.join(faults[:MOST_TOLD])}{more}")
    return found


def _lines(text: str) -> Iterator[tuple[int, list[str]]]:
    first = next((line for line in text.splitlines() if line.strip()), "")
    delimiter = max("\t;,", key=lambda mark: (first.count(mark), mark == ","))
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield reader.line_num, cells
    except csv.Error:
        raise Refused(f"Line {reader.line_num} is no CSV: a quote is not closed?") from None


def _fields(cells: Sequence[str]) -> list[str] | None:
    """Return the fields that a first line names, None where it describes a column already."""
    named = [_NAMES.get(cell.strip().lower(), "") for cell in cells]
    names_columns = "label" in named or "position" in named
    return named if names_columns and ("description" in named or "unit" in named) else None


def _positions(labels: Sequence[tuple[int, str, bool]]) -> Mapping[str, list[int]]:
    positions: dict[str, list[int]] = {}
    for position, label, is_id in labels:
        positions.setdefault(label.strip(), []).append(position)
        if is_id:
            positions.setdefault(f"{label.strip()}{HASH_SUFFIX}", []).append(position)
    return positions


def _position(said: Mapping[str, str], positions: Mapping[str, list[int]], known: set[int]) -> int:
    label, place = said.get("label", ""), said.get("position", "")
    found = positions.get(label, [])
    if place:
        match = _PLACE.fullmatch(place)
        if not match or int(match[1]) not in known:
            raise Refused(f"gives position {shown(place)}, where no column is")
        if label and int(match[1]) not in found:
            raise Refused(f"gives position {shown(place)}, which is not that of {shown(label)}")
        return int(match[1])
    if len(found) == 1:
        return found[0]
    if found:
        raise Refused(f"names {shown(label)}, as several columns are called: give their positions")
    match = _PLACE.fullmatch(label)
    if match and label.startswith("#") and int(match[1]) in known:
        return int(match[1])
    raise Refused(f"names {shown(label)}, which no column is called")


def _words(said: Mapping[str, str]) -> ColumnWords:
    words = ColumnWords()
    if description := said.get("description", ""):
        if len(description) > LONGEST_COLUMN:
            raise Refused(f"has a description of more than {LONGEST_COLUMN:,} characters")
        words["description"] = description
    if unit := said.get("unit", ""):
        if len(unit) > LONGEST_UNIT:
            raise Refused(f"has a unit of more than {LONGEST_UNIT} characters")
        words["unit"] = unit
    return words
