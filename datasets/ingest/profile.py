"""What each column holds, over the whole file: its type, what is missing, counts and extremes."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import polars as pl

from fairdb_site.errors import Refused

from . import datatypes
from .datatypes import DATA_TYPES, DataType, Mask
from .read import Block, TableSource

TOP_VALUES: Final = 10
# what people write for "no value"; only these are ever named in a suggestion, never another cell
KNOWN_MARKERS: Final = (
    "", "NA", "N/A", "n/a", "na", "#N/A", "NaN", "nan", "NULL", "Null", "null", "None", "none",
    "-", "--", "?", ".", "missing", "Missing", "unknown", "Unknown", "-9", "-99", "-999",
)  # fmt: skip
_CHECKS: Final[dict[DataType, Callable[[pl.Series], Mask]]] = {
    "integer": datatypes.is_integer,
    "float": datatypes.is_float,
    "boolean": datatypes.is_boolean,
    "date": datatypes.is_date,
    "timestamp": datatypes.is_timestamp,
}


@dataclass(frozen=True)
class Suggestion:
    """`data_type` would fit all cells but `count` that read `marker`."""

    data_type: DataType
    marker: str
    count: int


@dataclass(frozen=True)
class ColumnProfile:
    """One column: `position` counts from 1; extremes are canonical text; `top` is (value, count).

    `missing` counts cells that hold nothing: NULL, and in a text column the empty string.
    `distinct` counts the different values of the other cells; it is an estimate unless
    `distinct_exact`. The id column keeps counts only.
    """

    position: int
    label: str
    data_type: DataType
    missing: int
    distinct: int
    minimum: str | None = None
    maximum: str | None = None
    mean: float | None = None
    top: tuple[tuple[str, int], ...] = ()
    suggestions: tuple[Suggestion, ...] = ()
    distinct_exact: bool = True

    def without_values(self) -> "ColumnProfile":
        """Return the profile of an id column: counts, and nothing that is in a cell."""
        return replace(
            self, data_type="text", minimum=None, maximum=None, mean=None, top=(), suggestions=()
        )


@dataclass(frozen=True)
class TableProfile:
    """All columns in file order, the number of rows, and the markers read as missing."""

    rows: int
    columns: tuple[ColumnProfile, ...]
    missing: tuple[str, ...] = ()


def profile_table(
    table: TableSource,
    *,
    missing: Iterable[str] = (),
    types: Mapping[int, DataType] | None = None,
    id_position: int | None = None,
) -> TableProfile:
    """Return the profile of every row of `table`.

    `missing` are cells to be read as missing in every column but the id's. `types` gives the type
    of a column by position; a cell that breaks it is Refused with its row and column. The column
    at `id_position` is text and keeps no value.
    """
    markers = tuple(dict.fromkeys(missing))
    named = dict(types or {})
    if id_position is not None:
        named[id_position] = "text"
    kinds: list[list[DataType]] = [
        [named[p]] if p in named else ["integer", "float", "boolean", "date", "timestamp", "text"]
        for p in range(1, len(table.header) + 1)
    ]
    seen = [False] * len(kinds)
    rows = 0
    for block in table.blocks():
        rows += block.frame.height
        for place, column in enumerate(block.frame.get_columns()):
            is_id = place + 1 == id_position
            cells = column if is_id else present(column, markers)
            filled = cells.drop_nulls()
            if not len(filled):
                continue
            seen[place] = True
            if place + 1 in named:
                _check_named(block, place, cells, named[place + 1], table.header)
                continue
            kinds[place] = [
                kind for kind in kinds[place] if kind == "text" or bool(_CHECKS[kind](filled).all())
            ]
    data_types = [
        kind[0] if known or place + 1 in named else "text"
        for place, (kind, known) in enumerate(zip(kinds, seen, strict=True))
    ]
    columns = _statistics(table, data_types, markers, id_position)
    return TableProfile(rows, columns, markers)


def present(cells: pl.Series, markers: Sequence[str]) -> pl.Series:
    """Return the cells with the markers (and, where "" is one, empty cells) as null."""
    if not markers:
        return cells
    return cells.set(cells.is_in(list(markers)), None)


def column_position(header: Sequence[str], name: str) -> int:
    """Return the position (from 1) of the column that a user named by label, or as `#3`."""
    places = [place for place, label in enumerate(header, 1) if label == name]
    if len(places) == 1:
        return places[0]
    if not places and name.startswith("#") and name[1:].isdecimal():
        position = int(name[1:])
        if 1 <= position <= len(header):
            return position
    if places:
        raise Refused(
            f"{len(places)} columns are named {name!r}; name one by its place, for example "
            f"#{places[0]}."
        )
    raise Refused(f"There is no column {name!r} in the header.")


def type_named(name: str) -> DataType:
    """Return the type a user named."""
    for data_type in DATA_TYPES:
        if data_type == name.strip().lower():
            return data_type
    raise Refused(f"There is no type {name!r}; name one of {', '.join(DATA_TYPES)}.")


def suggest_id_column(profile: TableProfile) -> int:
    """Return the position that looks most like the id column; the first where none does.

    Counted are names people give ids, and values that are all there and all different.
    """
    best, best_score = 1, 0
    for column in profile.columns:
        name = "".join(c if c.isalnum() else "_" for c in column.label.lower()).strip("_")
        unique = column.distinct == profile.rows and not column.missing
        named = name in _ID_NAMES or name.endswith("_id")
        score = 4 * (named and unique) + 2 * named * (column.distinct * 2 > profile.rows)
        score += unique and column.position == 1
        if score > best_score:
            best, best_score = column.position, score
    return best


_ID_NAMES: Final = frozenset(
    """id ids sample sampleid sample_id sample_name patient patientid patient_id subject subjectid
    subject_id participant participant_id person person_id individual individual_id case_id
    record_id recordid pid pidnum uid uuid identifier key mrn barcode accession""".split()
)


def _check_named(
    block: Block, place: int, cells: pl.Series, data_type: DataType, header: Sequence[str]
) -> None:
    if data_type == "text":
        return
    broken = ~(datatypes.loose(cells, data_type) | cells.is_null().to_numpy())
    if broken.any():
        row = block.row_number(int(broken.argmax()))
        raise Refused(
            f"Row {row:,} (where row 1 is the first after the header) of column "
            f"{header[place]!r} is not of type {data_type}."
        )


def _statistics(
    table: TableSource, types: Sequence[DataType], markers: Sequence[str], id_position: int | None
) -> tuple[ColumnProfile, ...]:
    pieces: list[list[pl.DataFrame]] = [[] for _ in types]
    for block in table.blocks():
        for place, column in enumerate(block.frame.get_columns()):
            cells = column if place + 1 == id_position else present(column, markers)
            counted = cells.rename("value").value_counts(name="count")
            pieces[place].append(counted)
            if len(pieces[place]) > 1:
                merged = pl.concat(pieces[place]).group_by("value").agg(pl.col("count").sum())
                pieces[place] = [merged]
    return tuple(
        _column(place + 1, table.header[place], types[place], piece[0], place + 1 == id_position)
        for place, piece in enumerate(pieces)
    )


def _column(
    position: int, label: str, data_type: DataType, counted: pl.DataFrame, is_id: bool
) -> ColumnProfile:
    value = pl.col("value")
    empty = value.is_null() | (value == "") if data_type == "text" else value.is_null()
    missing = int(counted.filter(empty)["count"].sum())
    filled = counted.filter(~empty)
    suggestions = () if data_type != "text" else _suggestions(filled, counted)
    mean = None
    if data_type in ("integer", "float"):
        kind = pl.Int64 if data_type == "integer" else pl.Float64
        text = value.str.strip_chars(" \t").str.strip_prefix("+")
        filled = filled.with_columns(text.cast(kind))
        filled = filled.group_by("value").agg(pl.col("count").sum())
        if filled.height:
            weighted = filled["value"].cast(pl.Float64) * filled["count"]
            mean = float(weighted.sum()) / float(filled["count"].sum())
    top = filled.sort(["count", "value"], descending=[True, False]).head(TOP_VALUES)
    text_of = str if data_type != "float" else _float_text
    profile = ColumnProfile(
        position,
        label,
        data_type,
        missing,
        filled.height,
        minimum=text_of(filled["value"].min()) if filled.height else None,
        maximum=text_of(filled["value"].max()) if filled.height else None,
        mean=mean,
        top=tuple((text_of(v), c) for v, c in top.select("value", "count").iter_rows()),
        suggestions=suggestions,
    )
    return profile.without_values() if is_id else profile


def _float_text(value: object) -> str:
    text = repr(value)
    return text.removesuffix(".0")


def _suggestions(filled: pl.DataFrame, counted: pl.DataFrame) -> tuple[Suggestion, ...]:
    found = dict(counted.filter(pl.col("value").is_in(list(KNOWN_MARKERS))).rows())
    if not found:
        return ()
    rest = filled.filter(~pl.col("value").is_in(list(KNOWN_MARKERS)))["value"]
    if not len(rest):
        return ()
    for data_type, check in _CHECKS.items():
        if bool(check(rest).all()):
            return tuple(Suggestion(data_type, m, c) for m, c in sorted(found.items()))
    return ()
