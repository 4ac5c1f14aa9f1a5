"""Raw ids reach no table, log or error; pseudonyms join one owner's datasets and nobody else's."""

import logging
from collections.abc import Callable
from pathlib import Path

import pytest
from django.db import connection
from psycopg2 import sql

from conftest import People, Person
from datasets.tests.loading.tables import load_csv
from fairdb_site.errors import FairdbError

SENTINEL = "NL-BSN-911034587"


def tables_holding(text: str) -> list[str]:
    """Return every table of the database, of any schema, in which some row holds the text."""
    found = []
    with connection.cursor() as cursor:
        cursor.execute(
            "select schemaname, tablename from pg_tables"
            " where schemaname not in ('pg_catalog', 'information_schema')"
        )
        for schema, table in cursor.fetchall():
            query = sql.SQL("select count(*) from {} t where t::text like %s").format(
                sql.Identifier(schema, table)
            )
            try:
                cursor.execute(query, [f"%{text}%"])
            except Exception as error:
                if "permission denied" in str(error):
                    continue
                raise
            if cursor.fetchone()[0]:
                found.append(f"{schema}.{table}")
    return found


def test_raw_ids_are_in_no_table(alice: Person, tmp_path: Path) -> None:
    load_csv(alice, tmp_path, f"id,note\n{SENTINEL},marker-{alice.user.pk}\n")
    assert len(tables_holding(f"marker-{alice.user.pk}")) >= 1
    assert tables_holding(SENTINEL) == []


REFUSED: dict[str, tuple[str, dict[str, object]]] = {
    "ragged": (f"id,age\n{SENTINEL},1\n{SENTINEL},1,2\n", {}),
    "a type that a value breaks": (f"id,age\n{SENTINEL},{SENTINEL}\n", {"types": {"age": "date"}}),
    "no such id column": (f"id,age\n{SENTINEL},1\n", {"id_column": "patient"}),
    "a NUL": (f"id,age\n{SENTINEL},\0\n", {}),
    "undecodable": (f"id,age\n{SENTINEL},\udc81\n", {}),
}


@pytest.mark.parametrize(("text", "options"), REFUSED.values(), ids=REFUSED.keys())
def test_raw_ids_are_in_no_error_or_log(
    alice: Person,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    text: str,
    options: dict[str, object],
) -> None:
    caplog.set_level(logging.DEBUG)
    with pytest.raises(FairdbError) as refused:
        load_csv(alice, tmp_path, text.encode(errors="surrogateescape"), **options)
    assert SENTINEL not in str(refused.value)
    assert SENTINEL not in caplog.text
    assert "\n" not in str(refused.value)


def pseudonyms(person: Person, tables: list[str]) -> list[str]:
    rows = person.rpc("select_from_table", {"p_table_name": tables[0], "p_row_limit": 100})
    hashes = next(name for name in rows[0] if name.endswith("_hash"))
    return [row[hashes] for row in sorted(rows, key=lambda row: row["rowid"])]


def test_one_owner_same_id_same_pseudonym_another_owner_a_different_one(
    people: People, tmp_path: Path
) -> None:
    first = load_csv(people.alice, tmp_path, "id,age\nP1,1\nP2,2\n")
    second = load_csv(people.alice, tmp_path, "sample,age\n  P2 ,1\nP1,2\n")
    bobs = load_csv(people.bob, tmp_path, "id,age\nP1,1\nP2,2\n")
    one, two = pseudonyms(people.alice, first.tables)
    assert pseudonyms(people.alice, second.tables) == [two, one]
    assert not {one, two} & set(pseudonyms(people.bob, bobs.tables))


def test_empty_and_repeated_ids_are_taken_and_counted(alice: Person, tmp_path: Path) -> None:
    receipt = load_csv(alice, tmp_path, 'id,v\nP1,1\nP1,2\n,3\n"",4\nP2,5\n')
    assert (receipt.rows, receipt.id_empty, receipt.id_repeated) == (5, 2, 1)


@pytest.mark.parametrize("place", [1, 2, 3])
def test_the_id_may_stand_anywhere(
    alice: Person, tmp_path: Path, place: int, export_rows: Callable[..., list[list[str]]]
) -> None:
    header = ["a", "b"]
    header.insert(place - 1, "id")
    row = ["1", "2"]
    row.insert(place - 1, "P1")
    text = f"{','.join(header)}\n{','.join(row)}\n"
    receipt = load_csv(alice, tmp_path, text, id_column="id")
    labels, cells = export_rows(alice, receipt.dataset)
    assert labels == [f"{label}_hash" if label == "id" else label for label in header]
    assert [cell for cell, label in zip(cells, labels, strict=True) if label != "id_hash"] == [
        "1",
        "2",
    ]
