"""The pitfalls that the original guide lists, each closed by the way this code is built."""

import ast
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from conftest import People, Person
from datasets.tests.loading.tables import load_csv
from fairdb_site.errors import FairdbError

ROOT = Path(__file__).resolve().parents[2]
# What starts a query in supabase-py; only `.execute()` sends it.
QUERIES = {"rpc", "select", "insert", "update", "upsert", "delete"}
CLIENTS = {"client", "service_role_client", "async_client", "async_service_role_client"}


def unexecuted_queries(tree: ast.AST) -> list[int]:
    """Return the lines of supabase-py queries that never reach `.execute()`."""
    executed = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "execute"
        for inner in ast.walk(node.func.value)
    }
    return [
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in QUERIES
        and {
            name.attr if isinstance(name, ast.Attribute) else name.id
            for name in ast.walk(node.func.value)
            if isinstance(name, ast.Attribute | ast.Name)
        }
        & CLIENTS
        and id(node) not in executed
    ]


def test_the_search_for_forgotten_execute_finds_one() -> None:
    forgotten = ast.parse("supabase.client.rpc('f', {})\nsupabase.client.rpc('f').execute()")
    assert unexecuted_queries(forgotten) == [1]


def test_pitfall_1_no_query_lacks_execute() -> None:
    sources = [
        path
        for folder in ("accounts", "datasets", "fairdb_site")
        for path in (ROOT / folder).rglob("*.py")
        if "tests" not in path.parts
    ]
    assert len(sources) > 30
    found = {str(path): unexecuted_queries(ast.parse(path.read_text())) for path in sources}
    assert {path: lines for path, lines in found.items() if lines} == {}


@pytest.mark.parametrize("schema", ["public", "auth", "_realtime", ""])
def test_pitfall_2_another_schema_is_refused(alice: Person, schema: str) -> None:
    with pytest.raises(FairdbError):
        alice.rpc("get_all_tables", {"p_schema_name": schema})


def test_pitfall_3_rows_are_addressed_by_rowid(alice: Person, tmp_path: Path) -> None:
    receipt = load_csv(alice, tmp_path, "id,age\nP1,30\nP2,40\n")
    table = receipt.tables[0]
    assert alice.rpc(
        "update_table_row", {"p_table_name": table, "p_row_id": 2, "p_updates": {"age": 41}}
    )
    rows = alice.rpc("select_from_table", {"p_table_name": table, "p_row_limit": 10})
    assert sorted((row["rowid"], row["age"]) for row in rows) == [(1, 30), (2, 41)]


def test_pitfall_4_a_load_is_committed(alice: Person, tmp_path: Path) -> None:
    receipt = load_csv(alice, tmp_path, "id,age\nP1,30\n")
    other_session: Any = connection.copy()
    with other_session.cursor() as cursor:
        cursor.execute(f'select age from "_fd"."{receipt.tables[0]}"')
        assert cursor.fetchall() == [(30,)]
    other_session.close()


def test_pitfall_5_tables_are_created_by_the_service_role_alone(people: People) -> None:
    arguments = {
        "p_schema_name": "_fd",
        "p_table_name": "mine",
        "p_column_names": ["a"],
        "p_id_column": "id",
        "p_user_id": str(people.bob.user.pk),
    }
    for person in (people.alice, people.bob, people.carol):
        with pytest.raises(FairdbError) as refused:
            person.rpc("create_data_table", arguments)
        assert refused.value.status in {403, 404}
