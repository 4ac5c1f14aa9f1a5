"""Parts planned by bytes: their rules, and that PostgreSQL takes every row they allow."""

import io
import random
import string
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datasets.ingest.datatypes import DATA_TYPES, DataType
from datasets.ingest.layout import MAX_COLUMNS, MAX_TEXT_COLUMNS, Part, plan_parts

TYPES = st.sampled_from(DATA_TYPES)
RUNS = st.lists(st.tuples(TYPES, st.integers(1, 1_000)), max_size=4).map(
    lambda runs: [data_type for data_type, length in runs for _ in range(length)]
)
SQL_TYPES = {
    "integer": "bigint",
    "float": "double precision",
    "boolean": "boolean",
    "date": "date",
    "timestamp": "timestamp",
    "text": "text",
}


def planned(types: Sequence[DataType]) -> tuple[Part, ...]:
    return plan_parts(enumerate(types, 2))


@given(RUNS)
def test_every_column_is_in_one_part_in_the_order_of_the_file(types: list[DataType]) -> None:
    parts = planned(types)

    assert [p for part in parts for p in part.positions] == list(range(2, len(types) + 2))
    assert [part.number for part in parts] == list(range(1, len(parts) + 1))


@given(RUNS)
def test_a_part_never_passes_its_limits(types: list[DataType]) -> None:
    for part in planned(types):
        texts = sum(types[position - 2] == "text" for position in part.positions)
        assert len(part.positions) <= MAX_COLUMNS
        assert texts <= MAX_TEXT_COLUMNS


@pytest.mark.parametrize(
    ("data_type", "count", "parts"),
    [
        ("text", 330, 1),
        ("text", 331, 2),
        ("integer", 900, 1),
        ("float", 901, 2),
        ("boolean", 900, 1),
        ("integer", 8_483, 10),
        ("text", 100_000, 304),
    ],
)
def test_a_layout_at_a_glance(data_type: DataType, count: int, parts: int) -> None:
    assert len(planned([data_type] * count)) == parts


def test_a_dataset_of_an_id_alone_has_one_part_without_columns() -> None:
    assert plan_parts([]) == (Part(1, ()),)


def incompressible(length: int) -> str:
    return "".join(random.choices(string.ascii_letters + string.digits, k=length))


def widest(data_type: DataType, text: str) -> str:
    values = {
        "integer": "-9223372036854775808",
        "float": "-1.7976931348623157e+308",
        "boolean": "false",
        "date": "9999-12-31",
        "timestamp": "9999-12-31 23:59:59.999999",
        "text": text,
    }
    return values[data_type]


@contextmanager
def throwaway() -> Iterator[Any]:
    """Give a cursor whose work is undone."""
    from django.db import connection, transaction

    with transaction.atomic(), connection.cursor() as cursor:
        yield cursor
        transaction.set_rollback(True)


@given(
    st.one_of(
        RUNS.filter(bool),
        st.lists(TYPES, min_size=200, max_size=900),
        st.sampled_from([["text"] * 330, ["float"] * 900, ["date", "text"] * 300]),
    ),
    st.sampled_from([1, 17, 22, 23, 24, 126, 127, 3_000, 10_000]),
)
@settings(max_examples=settings().max_examples // 2)
def test_postgresql_takes_any_row_and_any_later_edit_of_a_planned_part(
    db_ready: None, types: list[DataType], length: int
) -> None:
    part = planned(types)[0]
    kinds = [types[position - 2] for position in part.positions]
    columns = ", ".join(f"c{n} {SQL_TYPES[kind]}" for n, kind in enumerate(kinds))
    own = ["11111111-1111-1111-1111-111111111111", "f" * 64]
    narrow = ["t" if kind == "boolean" else "" for kind in kinds]
    text = incompressible(length)
    wide = [widest(kind, text) for kind in kinds]
    lines = [",".join([str(n), *own, *row]) for n, row in enumerate((narrow, wide))]
    edits = ", ".join(f"c{n} = w.c{n}" for n in range(len(kinds)))

    with throwaway() as cursor:
        cursor.execute(
            "create temporary table planned (rowid bigint primary key, user_id uuid not null,"
            f" h text not null, {columns})"
        )
        cursor.copy_expert("copy planned from stdin (format csv)", io.StringIO("\n".join(lines)))
        cursor.execute(
            f"update planned p set {edits} from planned w where p.rowid = 0 and w.rowid = 1"
        )
        cursor.execute("select count(*) from planned where c0 is not null")

        assert cursor.fetchone() == (2,)


def test_a_row_of_more_texts_than_planned_is_one_that_postgresql_refuses(db_ready: None) -> None:
    """The limits are not timid: some ten columns further on, a later edit would fail."""
    from django.db import DatabaseError

    columns = ", ".join(f"c{n} text default repeat('x', 23)" for n in range(MAX_TEXT_COLUMNS + 12))

    with throwaway() as cursor:
        cursor.execute(
            f"create temporary table planned (h text default repeat('f', 64), {columns})"
        )
        with pytest.raises(DatabaseError, match="row is too big"):
            cursor.execute("insert into planned default values")
