"""The contract is laid, taken away and laid again, in whatever schema is set."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from django.core.checks import Error, Warning
from django.core.management import CommandError, call_command
from django.db import DatabaseError
from django.test import override_settings

from datasets import checks
from datasets.sql.operation import FOLDER, render
from datasets.tests.second_database import SecondDatabase, second_database
from datasets.tests.stored import run


@pytest.fixture
def empty(db_ready: None) -> Iterator[SecondDatabase]:
    with second_database() as database:
        yield database


def everything(database: SecondDatabase) -> list[tuple[str, ...]]:
    """Return each table, function, policy and privilege of ours, by name."""
    return database.run(
        """
        select 'table', c.oid::regclass::text, coalesce(c.relacl::text, ''), c.relrowsecurity::text
          from pg_class c
         where c.relnamespace = to_regnamespace(%(schema)s) and c.relkind in ('r', 'S', 'i')
        union all
        select 'function', p.oid::regprocedure::text, coalesce(p.proacl::text, ''), md5(p.prosrc)
          from pg_proc p
         where p.pronamespace in (to_regnamespace(%(schema)s), 'public'::regnamespace)
        union all
        select 'policy', polrelid::regclass::text, polname::text, pg_get_expr(polqual, polrelid)
          from pg_policy where polrelid::regclass::text not like 'auth.%%'
        union all
        select 'schema', nspname::text, coalesce(nspacl::text, ''), ''
          from pg_namespace where nspname = %(schema)s
        order by 1, 2, 3
        """,
        {"schema": database.schema},
    )


@pytest.mark.parametrize("schema", ["_fd", "_realtime"])
def test_up_down_and_up_again_ends_where_it_began(db_ready: None, schema: str) -> None:
    with second_database(schema=schema) as database:
        database.migrate("accounts")  # which keeps what of the trail datasets rely on
        nothing = everything(database)

        database.migrate("datasets")
        first = everything(database)
        assert {name for _, name, *_ in first} >= {f"{schema}.datasets", schema}

        database.migrate("datasets", "zero")
        assert everything(database) == nothing
        assert database.run("select to_regclass('public.fairdb_installation')") == [(None,)]

        database.migrate("datasets")
        assert everything(database) == first


def test_migrations_need_no_superuser_and_no_right_to_create_in_auth(db_ready: None) -> None:
    facts = run(
        "select current_user, rolsuper, has_schema_privilege('auth', 'create')"
        " from pg_roles where rolname = current_user"
    )

    assert facts == [("postgres", False, False)]


def test_undoing_refuses_while_tables_of_data_are_left(empty: SecondDatabase) -> None:
    empty.migrate("datasets")
    empty.store_part("kept", ready=True)

    with pytest.raises(DatabaseError, match="tables of data are still in the data schema"):
        empty.migrate("datasets", "zero")

    assert empty.run("select count(*) from %%schema%%.kept") == [(0,)]


def test_a_schema_that_holds_something_else_is_kept(empty: SecondDatabase) -> None:
    empty.run("create schema %%schema%%")
    empty.run("create view %%schema%%.theirs as select 1")

    empty.migrate("datasets")
    empty.migrate("datasets", "zero")

    assert empty.run("select * from %%schema%%.theirs") == [(1,)]


def test_the_schema_is_that_of_the_environment(db_ready: None) -> None:
    with second_database(schema="_other") as database:
        migrated = database.django("migrate", "--skip-checks", "--verbosity=0", "datasets")
        checked = database.django("check", "--database", "default", FAIRDB_DATA_SCHEMA="elsewhere")

        assert migrated.returncode == 0, migrated.stderr
        assert database.run("select to_regclass('_other.datasets') is not null") == [(True,)]
        assert checked.returncode != 0
        assert "datasets.E002" in checked.stderr
        assert "FAIRDB_DATA_SCHEMA=_other" in checked.stderr


def test_a_schema_changed_after_migrating_stops_the_next_migrate(empty: SecondDatabase) -> None:
    empty.migrate("datasets")

    with pytest.raises(CommandError, match=f"FAIRDB_DATA_SCHEMA={empty.schema}"):
        replace(empty, schema="elsewhere").migrate()

    assert empty.run("select to_regnamespace('elsewhere')") == [(None,)]


def test_the_schema_in_use_is_no_error(db_ready: None) -> None:
    assert checks.check_data_schema(None, databases=["default"]) == []


def test_another_schema_is_an_error_where_the_database_may_be_asked(db_ready: None) -> None:
    with override_settings(FAIRDB_DATA_SCHEMA="elsewhere"):
        unasked = checks.check_data_schema(None)
        asked = checks.check_data_schema(None, databases=["default"])

    assert unasked == []
    assert [message.id for message in asked] == ["datasets.E002"]


def test_supabases_own_schema_name_is_warned_of(db_ready: None) -> None:
    with override_settings(FAIRDB_DATA_SCHEMA="_realtime"):
        messages = checks.check_data_schema(None)

    assert [m.id for m in messages if isinstance(m, Warning)] == ["datasets.W001"]


@pytest.mark.parametrize("name", ["", "public", "auth", "pg_data", "Data", 'a"b', "a" * 64, "1a"])
def test_a_name_that_cannot_hold_the_data_is_an_error(db_ready: None, name: str) -> None:
    with override_settings(FAIRDB_DATA_SCHEMA=name):
        messages = checks.check_data_schema(None)

    assert [m.id for m in messages if isinstance(m, Error)] == ["datasets.E001"]


def test_every_sql_file_has_its_reverse() -> None:
    files = {path.name for path in FOLDER.glob("*.sql")}
    forwards = {name for name in files if not name.endswith(".reverse.sql")}

    assert forwards
    assert files - forwards == {name.replace(".sql", ".reverse.sql") for name in forwards}


def test_the_placeholder_is_quoted_and_nothing_else_is_touched() -> None:
    text = render("0003_tables_of_users.sql", schema="a\"b'c")

    assert '"a""b\'c".require_own_part' in text
    assert "default 'a\"b''c'" in text
    assert "'%' || replace" in text
    assert ":'" not in text
    assert ':"' not in text


def test_the_models_agree_with_the_migrations(db_ready: None) -> None:
    call_command("makemigrations", "datasets", check=True, dry_run=True, verbosity=0)
