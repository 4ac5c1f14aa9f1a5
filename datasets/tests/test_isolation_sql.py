"""What a signed-in person reaches where our own code runs SQL as them."""

from typing import Any
from uuid import uuid4

import pytest
from django.db import connection, transaction
from django.db.utils import DatabaseError, ProgrammingError

from conftest import Person, make_person
from datasets.tests.stored import Stored, qualified, run, store_dataset
from fairdb_site.database import as_user


@pytest.fixture(scope="module")
def alice(db_ready: None) -> Person:
    return make_person("alice")


@pytest.fixture(scope="module")
def bob(db_ready: None) -> Person:
    return make_person("bob")


@pytest.fixture
def stored(alice: Person) -> Stored:
    return store_dataset(alice.user.id)


def denied(person: Person, sql: str, params: list[Any] | None = None) -> None:
    with pytest.raises(ProgrammingError, match="permission denied"), as_user(person.user.id):
        run(sql, params)


def test_the_owner_reads_their_rows_and_another_none(
    stored: Stored, alice: Person, bob: Person
) -> None:
    own = f" where dataset_id = '{stored.id}'"
    reads = [
        f"{qualified('datasets')} where id = '{stored.id}'",
        qualified("metadata_tables") + own,
        qualified("dataset_columns") + own,
        *map(qualified, stored.parts),
    ]
    counts = []
    for person in (alice, bob):
        with as_user(person.user.id):
            counts.append([run(f"select count(*) from {read}")[0][0] for read in reads])

    assert counts == [[1, 2, 4, 3, 3], [0, 0, 0, 0, 0]]


def test_another_owners_update_meets_no_row(stored: Stored, bob: Person) -> None:
    with as_user(bob.user.id), connection.cursor() as cursor:
        cursor.execute(f"update {stored.qualified} set c2 = 0")
        assert cursor.rowcount == 0
        cursor.execute(f"update {qualified('metadata_tables')} set description = 'x'")
        assert cursor.rowcount == 0


@pytest.mark.parametrize(
    "change",
    [
        "update {part} set user_id = user_id",
        "update {part} set rowid = rowid + 100",
        "update {part} set patient_hash = 'x'",
        "insert into {part} (rowid, user_id, patient_hash)"
        " values (9, '00000000-0000-4000-8000-000000000000', 'x')",
        "truncate {part}",
        "alter table {part} disable row level security",
        "alter table {part} no force row level security",
        "drop policy owner on {part}",
        "drop table {part}",
        "update {datasets} set state = 'ready'",
        "update {datasets} set user_id = user_id",
        "update {datasets} set parts = '{{}}'",
        "update {datasets} set described_at = now()",
        "update {columns} set label = 'x'",
        "update {columns} set name = name",
        "insert into {datasets} (user_id, title) values (auth.uid(), 'x')",
        "delete from {datasets}",
        "update {metadata} set user_id = user_id",
        "update {metadata} set table_name = 'x'",
        "update {metadata} set dataset_id = null",
        "insert into {metadata} (table_name, user_id) values ('x', auth.uid())",
        "delete from {metadata}",
        "update {columns} set name = 'user_id'",
        "delete from {columns}",
        "insert into {schema}.changes (id, dataset_id) values (gen_random_uuid(), auth.uid())",
        "update {schema}.changes set account = null",
        "delete from {schema}.changes",
        "delete from {schema}.attachments",
        "update {schema}.attachments set source_id = null",
        "update {schema}.changed_rows set old = '{{}}'",
        "delete from {schema}.changed_rows",
        "select {schema}.begin_change(auth.uid())",
        "select public.accounts_event_once('x', auth.uid(), auth.uid(), null)",
        "select {seal}('x')",
        "select {orphans}()",
        "select public.create_data_table('_fd', 'x', '{{}}', 'p', auth.uid())",
        "select public.drop_data_table('x', auth.uid())",
        "create table {schema}.mine (a int)",
        "select * from public.accounts_user",
        "select * from public.accounts_supabasesession",
        "select * from public.django_session",
        "select * from public.fairdb_installation",
        "select * from auth.users",
    ],
)
def test_the_owner_cannot_change_what_ownership_stands_on(
    stored: Stored, alice: Person, change: str
) -> None:
    sql = change.format(
        part=stored.qualified,
        datasets=qualified("datasets"),
        metadata=qualified("metadata_tables"),
        columns=qualified("dataset_columns"),
        seal=qualified("seal_part"),
        orphans=qualified("orphan_parts"),
        schema=qualified("x").split(".")[0],
    )

    with (
        pytest.raises(DatabaseError, match=r"permission denied|must be owner|violates row-level"),
        as_user(alice.user.id),
    ):
        run(sql)


def test_an_unready_part_is_closed_to_its_own_owner(alice: Person) -> None:
    loading = store_dataset(alice.user.id, ready=False)

    denied(alice, f"select * from {loading.qualified}")
    denied(alice, f"update {loading.qualified} set c2 = 0")


def test_nobody_and_the_service_role_have_no_way_into_the_data(stored: Stored) -> None:
    for role in ("anon", "service_role"):
        for table in ("datasets", "metadata_tables", "dataset_columns", stored.table):
            with pytest.raises(ProgrammingError, match="permission denied"), transaction.atomic():
                run(f"set local role {role}; select * from {qualified(table)}")


def test_the_owner_of_the_table_is_bound_once_it_is_sealed(
    stored: Stored,
) -> None:
    """FORCE binds whoever owns the table unless the role has BYPASSRLS, as `postgres` does."""
    role = f"owner_{uuid4().hex[:8]}"
    with transaction.atomic():
        run(f"create role {role}")
        run(f"grant {role} to postgres with set true")
        run(f"grant usage, create on schema {qualified('x').split('.')[0]} to {role}")
        run(f"grant usage on schema auth to {role}")
        run(f"alter table {stored.qualified} owner to {role}")
        run(f"set local role {role}")
        assert run(f"select count(*) from {stored.qualified}") == [(0,)]
        transaction.set_rollback(True)


def plan(table: str, condition: str = "true") -> str:
    return "\n".join(row[0] for row in run(f"explain select * from {table} where {condition}"))


def test_whose_row_it_is_is_asked_once_a_statement_and_found_by_index(alice: Person) -> None:
    """1M rows, 5,000 visible: asked for each row 2,300 ms, once 150 ms, by index 17 ms."""
    table = qualified(f"many_{uuid4().hex}")
    run(
        f"create table {table} as select n as rowid,"
        " case when n %% 200 = 0 then %s else gen_random_uuid() end as user_id"
        " from generate_series(1, 50000) n",
        [alice.user.id],
    )
    run(f"create index on {table} (user_id)")
    run(f"alter table {table} enable row level security")
    run(
        f"create policy owner_select on {table} for select to authenticated"
        f" using (user_id = (select {qualified('require_caller')}()))"
    )
    run(f"grant select on {table} to authenticated")
    run(f"analyze {table}")

    with as_user(alice.user.id):
        explained = plan(table)
        visible = run(f"select count(*) from {table}")
    run(f"drop table {table}")

    assert visible == [(250,)]
    assert "InitPlan" in explained
    assert "Index Cond: (user_id = (InitPlan" in explained
    assert "Filter" not in explained


def test_a_window_of_rowids_is_read_by_the_primary_key(alice: Person) -> None:
    stored = store_dataset(alice.user.id, {"a": ("integer", range(5000))}, rows=5000)
    run(f"analyze {stored.qualified}")

    with as_user(alice.user.id):
        explained = plan(stored.qualified, "rowid > 1000 order by rowid limit 50")

    assert f"Index Scan using {stored.table}_pkey" in explained
    assert "InitPlan" in explained
    assert "Sort" not in explained
