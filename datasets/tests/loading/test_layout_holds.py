"""Plans of tables hold on the real server: any header is accepted, the widest edit fits."""

import random
import string
from typing import get_args
from uuid import uuid4

import pytest
from django.conf import settings
from django.db import connection
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from psycopg2 import sql

from conftest import Person
from datasets import rpc
from datasets.ingest.datatypes import DataType
from datasets.ingest.layout import MAX_TEXT_COLUMNS, plan_parts
from datasets.ingest.names import column_names, part_names
from fairdb_site.supabase.clients import Supabase

on_the_server = hypothesis_settings(
    max_examples=hypothesis_settings().max_examples // 4,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)

# The widest value of each fixed type; text twice: the most that TOAST leaves in the row, and long.
WIDEST = {
    "integer": "-9223372036854775808",
    "float": "-1.7976931348623157e+308",
    "boolean": "false",
    "date": "9999-12-31",
    "timestamp": "9999-12-31 23:59:59.999999",
}
dice = random.Random(7)


def incompressible(length: int) -> str:
    return "".join(dice.choices(string.ascii_letters + string.digits, k=length))


runs = st.lists(
    st.tuples(st.sampled_from(get_args(DataType)), st.integers(1, 400)), min_size=1, max_size=12
)


@on_the_server
@given(runs=runs)
def test_every_cell_can_be_widened_in_every_part(
    alice: Person, runs: list[tuple[DataType, int]]
) -> None:
    types = [data_type for data_type, count in runs for _ in range(count)]
    parts = plan_parts(enumerate(types, start=2))
    assert [position for part in parts for position in part.positions] == list(
        range(2, len(types) + 2)
    )
    for name, part in zip(part_names("wide", uuid4(), len(parts)), parts, strict=True):
        of_part = [types[position - 2] for position in part.positions]
        created(alice, name, [f"c{position}" for position in part.positions], of_part)
        widened(alice, name, [f"c{position}" for position in part.positions], of_part)


@pytest.mark.parametrize("data_type", ["text", "integer", "boolean"])
@pytest.mark.parametrize("columns", [MAX_TEXT_COLUMNS, 900, 1_801])
def test_parts_full_to_the_brim_can_be_widened(
    alice: Person, data_type: DataType, columns: int
) -> None:
    parts = plan_parts((n, data_type) for n in range(2, columns + 2))
    name = part_names("brim", uuid4(), 1)[0]
    labels = [f"c{position}" for position in parts[0].positions]
    created(alice, name, labels, [data_type] * len(labels))
    widened(alice, name, labels, [data_type] * len(labels))


def created(owner: Person, name: str, columns: list[str], types: list[DataType]) -> None:
    assert rpc.create_data_table(
        Supabase(None),
        table_name=name,
        column_names=columns,
        id_column="x" * 58,
        user_id=owner.user.pk,
        column_types=types,
    )


def widened(owner: Person, name: str, columns: list[str], types: list[DataType]) -> None:
    """Store a row of nothing, then edit each cell to its widest, also the text that is long."""
    table = sql.Identifier(settings.FAIRDB_DATA_SCHEMA, name)
    with connection.cursor() as cursor:
        cursor.execute(
            sql.SQL("insert into {} values (1, %s, %s)").format(table),
            [owner.user.pk, incompressible(64)],
        )
        for text in (incompressible(23), incompressible(24), incompressible(3_000)):
            for start in range(0, len(columns), 100):  # as edits come: some cells at a time
                cells = list(zip(columns, types, strict=True))[start : start + 100]
                cursor.execute(
                    sql.SQL("update {} set {} where rowid = 1").format(
                        table,
                        sql.SQL(", ").join(
                            sql.SQL("{} = %s").format(sql.Identifier(column)) for column, _ in cells
                        ),
                    ),
                    [WIDEST.get(data_type, text) for _, data_type in cells],
                )
        cursor.execute(sql.SQL("drop table {}").format(table))


labels = st.lists(
    st.text(
        st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=0, max_size=90
    )
    | st.sampled_from(["rowid", "user_id", "ctid", "id_hash", "id", "ID", "select", "", "é", "e"]),
    min_size=1,
    max_size=60,
)


@on_the_server
@given(header=labels, data=st.data())
def test_any_header_gets_names_that_the_server_accepts(
    alice: Person, header: list[str], data: st.DataObject
) -> None:
    id_position = data.draw(st.integers(1, len(header)))
    names = column_names(header, id_position)
    assert len(set(names.columns)) == len(header)
    assert max(len(name.encode()) for name in names.columns) <= 63
    columns = [name for place, name in enumerate(names.columns, 1) if place != id_position]
    table = part_names(header[0], uuid4(), 1)[0]
    assert rpc.create_data_table(
        Supabase(None),
        table_name=table,
        column_names=columns,
        id_column=names.id_base,
        user_id=alice.user.pk,
    )
    with connection.cursor() as cursor:
        cursor.execute(
            "select column_name from information_schema.columns where table_name = %s"
            " order by ordinal_position",
            [table],
        )
        stored = [row[0] for row in cursor.fetchall()]
        assert stored == ["rowid", "user_id", names.columns[id_position - 1], *columns]
        cursor.execute(
            sql.SQL("drop table {}").format(sql.Identifier(settings.FAIRDB_DATA_SCHEMA, table))
        )
