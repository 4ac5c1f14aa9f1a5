"""The type of a column against a slow reference, for any cells and any cut into blocks."""

import io
import re
from collections import Counter
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from math import isfinite, nextafter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasets.ingest.datatypes import DataType
from datasets.ingest.kinds import KNOWN_MARKERS, LADDER
from datasets.ingest.profile import ColumnProfile, Suggestion, profile_table
from datasets.ingest.read import open_table
from datasets.tests.ingest.tables import quoted
from fairdb_site.errors import Refused

INTEGERS = st.one_of(
    st.integers(-20, 20), st.integers(-(2**63) - 2, 2**63 + 1), st.sampled_from([2**53, 2**53 + 1])
).map(str)
DECIMALS = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.floats(-1000, 1000).map(lambda value: f"{value:.3f}"),
    st.floats().map(lambda value: f"{value:.25g}"),
    st.decimals(-1, 1, places=20).map(str),
    st.sampled_from(
        [".5", "5.", "-.5", "1e23", "1e22", "1E5", "1.E5", "1e-400", "00.5", "+1.5", "."]
    ),
)
DAYS = st.one_of(st.dates().map(str), st.sampled_from(["2019-02-29", "0000-01-01", "2020-1-1"]))
MOMENTS = st.one_of(
    st.datetimes().map(lambda moment: moment.isoformat(" ")),
    st.datetimes().map(lambda moment: moment.isoformat(" ").rstrip("0")),
    st.sampled_from(["2020-01-01T10:00:00", "2020-01-01 24:00:00", "2020-01-01 10:00:60"]),
)
BOOLEANS = st.sampled_from(["true", "false", "TRUE", "t", "yes"])
TEXTS = st.sampled_from(["x", "007", "+31612345678", "1_000", "٣", " 5", "inf", "2310009E13"])
MARKERS = st.sampled_from(["", "NA", "-", "NaN", "?"])
CELLS = (INTEGERS, DECIMALS, DAYS, MOMENTS, BOOLEANS, TEXTS)


@st.composite
def columns(draw: st.DrawFn) -> list[str | None]:
    """Mostly cells of one kind, some empty ones, now and then a marker or a stranger."""
    kind = draw(st.sampled_from(CELLS))
    cells: list[str | None] = draw(st.lists(kind, min_size=1, max_size=12))
    cells += draw(st.lists(st.none(), max_size=2))
    cells += draw(st.lists(st.one_of(MARKERS, *CELLS), max_size=draw(st.sampled_from([0, 0, 2]))))
    return draw(st.permutations(cells))


def fits(cell: str, data_type: DataType) -> bool:
    match data_type:
        case "integer":
            return bool(re.fullmatch("0|-?[1-9][0-9]*", cell)) and -(2**63) <= int(cell) < 2**63
        case "float":
            return is_float(cell)
        case "boolean":
            return cell in ("true", "false")
        case "date":
            return is_printed(cell, lambda text: date.fromisoformat(text).isoformat())
        case "timestamp":
            return is_printed(cell, as_postgres_prints)
        case "text":
            return True


def is_float(cell: str) -> bool:
    number = r"-?((0|[1-9][0-9]*)(\.[0-9]*)?|\.[0-9]+)"
    if not re.fullmatch(number + "([eE][+-]?[0-9]+)?", cell) or re.fullmatch(
        "-?[0-9]+[eE][0-9]+", cell
    ):
        return False
    value = float(cell)
    if not isfinite(value) or Decimal(repr(value)) != Decimal(cell):
        return False
    # PostgreSQL does not print a decimal that lies halfway between two doubles
    near = [Fraction(value) + Fraction(nextafter(value, way)) for way in (-1e308, 1e308)]
    return Fraction(cell) * 2 not in near


def is_printed(cell: str, printed: Callable[[str], str]) -> bool:
    try:
        return printed(cell) == cell
    except ValueError:
        return False


def as_postgres_prints(cell: str) -> str:
    form = "%Y-%m-%d %H:%M:%S" + (".%f" if "." in cell else "")
    moment = datetime.strptime(cell, form)  # noqa: DTZ007  as in the file: no time zone
    return moment.isoformat(" ").rstrip("0") if moment.microsecond else moment.isoformat(" ")


def expected(cells: list[str | None]) -> tuple[DataType, tuple[Suggestion, ...]]:
    filled = [cell for cell in cells if cell is not None]
    odd = [cell for cell in filled if cell not in KNOWN_MARKERS]
    if not odd:
        return "text", ()
    kind = next(kind for kind in LADDER if all(fits(cell, kind) for cell in odd))
    marks = Counter(cell for cell in filled if cell in KNOWN_MARKERS)
    if not marks or kind == "text":
        return kind, ()
    return "text", tuple(Suggestion(kind, mark, count) for mark, count in marks.items())


def profile_of(
    cells: list[str | None], *, block_bytes: int = 1 << 24, **options: object
) -> ColumnProfile:
    lines = "".join(f"r,{quoted(cell)}\n" for cell in cells)
    data = ("id,value\n" + lines).encode()
    table = open_table(lambda: io.BytesIO(data), block_bytes=block_bytes)
    return profile_table(table, id_position=1, **options).columns[1]  # type: ignore[arg-type]


@given(columns(), st.sampled_from([8, 40, 1 << 24]))
def test_a_column_has_the_type_that_gives_every_cell_back(
    cells: list[str | None], block_bytes: int
) -> None:
    profile = profile_of(cells, block_bytes=block_bytes)

    data_type, suggestions = expected(cells)
    assert profile.data_type == data_type
    assert set(profile.suggestions) == set(suggestions)


@pytest.mark.parametrize(
    ("cells", "data_type"),
    [
        (["0", "1", "1"], "integer"),
        (["1", "2.50"], "float"),
        (["007", "8"], "text"),
        (["9223372036854775808"], "text"),
        (["9007199254740993", "0.5"], "text"),
        (["0.10000000000000000555"], "text"),
        (["true", "false", None], "boolean"),
        (["TRUE"], "text"),
        (["2024-02-29"], "date"),
        (["2024-02-29 23:59:59.5"], "timestamp"),
        ([None, None], "text"),
        (["1", ""], "text"),
    ],
)
def test_a_type_at_a_glance(cells: list[str | None], data_type: str) -> None:
    assert profile_of(cells).data_type == data_type


def test_named_markers_are_missing_and_no_longer_suggested() -> None:
    cells = ["1", "NA", None, "", "3"]

    named = profile_of(cells, missing=["NA", ""])

    assert (named.data_type, named.missing, named.suggestions) == ("integer", 3, ())
    assert profile_of(cells).suggestions == (
        Suggestion("integer", "", 1),
        Suggestion("integer", "NA", 1),
    )


def test_a_suggestion_never_repeats_a_cell_that_is_not_a_well_known_marker() -> None:
    assert profile_of(["1", "2", "P0012345"]).suggestions == ()


@pytest.mark.parametrize(
    ("data_type", "cells"),
    [
        ("integer", ["007", "+5", " 8 "]),
        ("float", ["1e5", "007.5", "+.5"]),
        ("boolean", ["TRUE", "no", "1", "f"]),
        ("timestamp", ["2020-01-01T10:00:00", "2020-01-01 10:00:00.500"]),
        ("text", ["1", "2"]),
    ],
)
def test_a_named_type_takes_other_spellings_of_the_same_value(
    data_type: DataType, cells: list[str | None]
) -> None:
    assert profile_of(cells, types={2: data_type}).data_type == data_type


@pytest.mark.parametrize(
    ("data_type", "cell"),
    [
        ("integer", "secret"),
        ("integer", "1.5"),
        ("float", "0.10000000000000000555"),
        ("boolean", "2"),
        ("date", "31-12-2020"),
        ("timestamp", "2020-01-01 25:00:00"),
    ],
)
def test_a_cell_that_breaks_a_named_type_is_refused_by_row_and_column_without_its_value(
    data_type: DataType, cell: str
) -> None:
    with pytest.raises(Refused) as refusal:
        profile_of([None, None, cell], types={2: data_type}, block_bytes=8)

    assert "Row 3 " in refusal.value.message
    assert "'value'" in refusal.value.message
    assert cell not in refusal.value.message
