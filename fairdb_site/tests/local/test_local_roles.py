"""The embedded server has a hosted project's roles, limits and rights, in every database."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg2
import pytest
from psycopg2 import errors

from fairdb_site.local.bootstrap import bootstrap_embedded
from fairdb_site.local.state import LocalState, local_state
from fairdb_site.tests.local.stacks import query


@pytest.fixture
def state(running: Path) -> LocalState:
    return local_state(running)


@pytest.fixture
def later_database(state: LocalState) -> Iterator[str]:
    """Make a database as `postgres` would, from template1; give its name."""
    name = "made_later"
    _outside_transaction(state, f"drop database if exists {name}")
    _outside_transaction(state, f"create database {name}")
    yield name
    _outside_transaction(state, f"drop database {name}")


def _outside_transaction(state: LocalState, statement: str) -> None:
    with closing(psycopg2.connect(state.database_url(database="postgres"))) as server:
        server.autocommit = True
        server.cursor().execute(statement)


@pytest.mark.parametrize(
    ("role", "attributes"),
    [
        ("postgres", {"login", "createdb", "createrole", "bypassrls", "inherit"}),
        ("anon", set()),
        ("authenticated", set()),
        ("service_role", {"bypassrls"}),
        ("authenticator", {"login"}),
        ("supabase_auth_admin", {"login", "createrole"}),
    ],
)
def test_role_has_its_attributes_and_no_more(
    state: LocalState, role: str, attributes: set[str]
) -> None:
    names = ("super", "login", "createdb", "createrole", "bypassrls", "inherit", "replication")
    columns = ", ".join({"login": "rolcanlogin"}.get(name, f"rol{name}") for name in names)
    (row,) = query(
        state.database_url(),
        f"select {columns} from pg_roles where rolname = %s",
        role,
    )
    assert {name for name, has in zip(names, row, strict=True) if has} == attributes


@pytest.mark.parametrize(
    ("role", "limit"),
    [
        ("anon", "3s"),
        ("authenticated", "8s"),
        ("authenticator", "8s"),
        ("postgres", "2min"),
        ("service_role", None),
    ],
)
def test_statement_timeouts_are_the_hosted_ones(
    state: LocalState, role: str, limit: str | None
) -> None:
    (row,) = query(
        state.database_url(),
        "select (select split_part(entry, '=', 2) from unnest(rolconfig) entry "
        "where entry like 'statement_timeout=%%') from pg_roles where rolname = %s",
        role,
    )
    assert row == (limit,)


@pytest.mark.parametrize("role", ["anon", "authenticated", "service_role"])
@pytest.mark.parametrize("login", ["postgres", "authenticator"])
def test_login_roles_may_act_as_the_api_roles(state: LocalState, login: str, role: str) -> None:
    with closing(psycopg2.connect(state.database_url(login))) as server:
        cursor = server.cursor()
        cursor.execute(f"set local role {role}")
        cursor.execute("select current_user::text")
        assert cursor.fetchone() == (role,)


@pytest.mark.parametrize("role", ["supabase_admin", "supabase_auth_admin", "postgres"])
def test_authenticator_may_act_as_nobody_else(state: LocalState, role: str) -> None:
    with pytest.raises(errors.InsufficientPrivilege):
        query(state.database_url("authenticator"), f"set role {role}")


def test_postgres_owns_the_platforms_database(state: LocalState) -> None:
    (owner,) = query(
        state.database_url(),
        "select pg_get_userbyid(datdba)::text from pg_database where datname = 'fairdb'",
    )
    assert owner == ("postgres",)
    query(state.database_url(), "create schema own; create table public.own (); drop schema own")
    query(state.database_url(), "drop table public.own")


@pytest.mark.parametrize("role", ["postgres", "authenticator"])
def test_nobody_makes_anything_in_schema_auth(state: LocalState, role: str) -> None:
    with pytest.raises(errors.InsufficientPrivilege):
        query(state.database_url(role), "create table auth.intruder ()")


@pytest.mark.parametrize("role", ["anon", "authenticated", "service_role", "authenticator"])
@pytest.mark.parametrize("schema", ["public", "extensions", "auth"])
def test_api_roles_make_nothing_anywhere(state: LocalState, role: str, schema: str) -> None:
    (row,) = query(
        state.database_url(), "select has_schema_privilege(%s, %s, 'create')", role, schema
    )
    assert row == (False,)


def test_new_tables_are_granted_to_nobody(state: LocalState) -> None:
    query(state.database_url(), "drop table if exists fresh; create table fresh (a int)")
    for role in ("anon", "authenticated"):
        (row,) = query(
            state.database_url(),
            "select has_table_privilege(%s, 'fresh', 'select,insert,update,delete,truncate')",
            role,
        )
        assert row == (False,)
    query(state.database_url(), "drop table fresh")


def test_postgres_may_refer_to_users(state: LocalState) -> None:
    url = state.database_url()
    query(url, "create table refers (owner uuid references auth.users on delete cascade)")
    assert query(url, "select count(*) from auth.users") == [(0,)]
    query(url, "drop table refers")


def test_a_database_made_later_is_a_whole_project_too(
    state: LocalState, later_database: str
) -> None:
    url = state.database_url(database=later_database)
    query(url, "create table public.mine (owner uuid references auth.users)")
    assert query(url, "select auth.uid()") == [(None,)]
    auth = state.database_url("supabase_auth_admin", later_database)
    assert query(auth, "select count(*) from users") == [(0,)]


def test_bootstrap_may_be_repeated(state: LocalState) -> None:
    query(state.database_url(), "create table kept_by_bootstrap (owner uuid references auth.users)")
    query(
        state.database_url("supabase_auth_admin"),
        "insert into users (id, email) values (gen_random_uuid(), 'kept@example.org')",
    )
    assert bootstrap_embedded(state) is False
    for _ in range(2):
        assert bootstrap_embedded(state, again=True) is True
    assert query(state.database_url(), "select count(*) from auth.users") == [(1,)]
    query(state.database_url(), "drop table kept_by_bootstrap")
    query(state.database_url("supabase_auth_admin"), "delete from users")
