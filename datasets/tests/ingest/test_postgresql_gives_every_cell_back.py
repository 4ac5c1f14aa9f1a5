"""What a type promises, asked of the real server: its text of the stored value is the cell."""

from decimal import Decimal

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from datasets.ingest.datatypes import DATA_TYPES, DataType, parsed, text_of

SQL_TYPES = {
    "integer": "bigint",
    "float": "double precision",
    "boolean": "boolean",
    "date": "date",
    "timestamp": "timestamp",
}
DOUBLES = st.floats(allow_nan=False, allow_infinity=False)
CELLS = st.one_of(
    st.integers(-(2**63), 2**63 - 1).map(str),
    st.floats(1e15, 1e16).map(repr),
    # powers of two and their neighbours, whose shortest decimals are the odd ones
    st.tuples(st.integers(-1074, 1023), st.integers(-2, 2)).map(
        lambda power: repr(2.0 ** power[0] * (1 + power[1] * 2.0**-52))
    ),
    st.tuples(st.integers(1, 99_999), st.integers(10, 40)).map(lambda n: f"{n[0]}e+{n[1]}"),
    DOUBLES.map(repr),
    DOUBLES.map(lambda value: f"{value:.17e}"),
    DOUBLES.map(lambda value: f"{value:.15g}"),
    st.decimals(allow_nan=False, allow_infinity=False, places=6).map(str),
    st.dates().map(str),
    st.datetimes().map(lambda moment: moment.isoformat(" ").rstrip("0")),
    st.sampled_from(
        ["true", "false", "-0", "-0.0", "1e22", "1e23", "4.9e-324", "5e-324", ".5", "5."]
    ),
)


@given(st.lists(CELLS, min_size=30, max_size=60))
@settings(max_examples=settings().max_examples // 2)  # of 30 to 60 cells each
def test_every_cell_of_a_type_comes_back_from_postgresql(db_ready: None, cells: list[str]) -> None:
    for data_type in DATA_TYPES:
        if data_type == "text":
            continue
        found = parsed(pl.Series(cells, dtype=pl.String), data_type)
        fitting = [cell for cell, fits in zip(cells, found.fits.tolist(), strict=True) if fits]
        values = found.values[found.fits].tolist()

        printed = printed_by_postgresql(fitting, data_type)

        assert printed == [text_of(value, data_type) for value in values]
        if data_type == "float":
            assert [Decimal(text) for text in printed] == [Decimal(cell) for cell in fitting]
        else:
            assert printed == fitting


def printed_by_postgresql(cells: list[str], data_type: DataType) -> list[str]:
    from django.db import connection, transaction

    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("set local datestyle = 'ISO, YMD'")
        cursor.execute(
            f"select (cell::{SQL_TYPES[data_type]})::text"
            " from unnest(%s::text[]) with ordinality as cells(cell, place) order by place",
            [cells],
        )
        return [text for (text,) in cursor.fetchall()]
