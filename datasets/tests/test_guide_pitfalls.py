"""The pitfalls that the original guide lists, each closed by the way this code is built."""

from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from conftest import People, Person
from datasets.tests.loading.tables import load_csv
from datasets.tests.queries import queries_not_executed
from fairdb_site.errors import FairdbError

ROOT = Path(__file__).resolve().parents[2]
# its table lists queries; one test sends each of them, sync and async
BUILT_TO_BE_DRIVEN = {"fairdb_site/tests/gateway/test_supabase_py.py"}


@pytest.mark.parametrize(
    "mistake",
    [
        "supabase.client.rpc('f', {})",
        "answer = supabase.client.rpc('f')",
        "client.table('t').select('*').eq('a', 1)",
        "client.from_('t').insert({})",
        "client.schema('s').rpc('f')",
        "query = client.schema('s').table('t')\nquery.select('*').execute()",
        "def f(): return client.rpc('f')",
        "client.rpc('f').execute",
        "print(client.rpc('f'), other.execute())",
        "client.rpc(client.table('t').select().execute().data[0])",
        "(await supabase.async_client).rpc('f')",
        "async def f(): client.rpc('f').execute()",
        "async def f(): return client.rpc('f').execute()",
    ],
)
def test_search_finds_a_query_without_execute(mistake: str) -> None:
    assert queries_not_executed(mistake)


@pytest.mark.parametrize(
    "right",
    [
        "supabase.client.rpc('f', {}).execute()",
        "data = (\n  client\n  .schema('s')\n  .table('t')\n  .select('*')\n  .execute()\n).data",
        "client.rpc('f', client.table('t').select().execute().data).execute()",
        "async def f(): return (await (await supabase.async_client).rpc('f').execute()).data",
        "async def f(): await asyncio.gather(client.rpc('f').execute(), client.rpc('g').execute())",
        "async def f():\n  def g(): return client.rpc('f').execute()",
        "supabase.safe_rpc_call('f')",
        "rpc.get_all_tables(supabase)",
        "client.auth.get_user()",
    ],
)
def test_search_leaves_queries_alone_that_are_executed(right: str) -> None:
    assert queries_not_executed(right) == []


def test_pitfall_1_no_query_lacks_execute() -> None:
    folders = ("accounts", "anonymization", "bench", "datasets", "fairdb_site", "privacy")
    sources = [path for folder in folders for path in (ROOT / folder).rglob("*.py")]
    assert len(sources) > 200
    found = {
        str(path.relative_to(ROOT)): queries_not_executed(
            path.read_text(), of_clients_alone="tests" in path.parts
        )
        for path in [*sources, ROOT / "conftest.py", ROOT / "manage.py"]
    }
    assert {path for path, lines in found.items() if lines} == BUILT_TO_BE_DRIVEN


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
