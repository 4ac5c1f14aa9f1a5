"""What PostgreSQL's catalogue must say, on a new Supabase project and on an old permissive one."""

from collections.abc import Iterator
from typing import Any

import pytest

from datasets.tests.second_database import SecondDatabase, second_database

OUTSIDERS = ("public", "anon", "service_role")
OF_USERS = {
    "delete_dataset_rows(uuid,bigint[],text)",
    "delete_privacy_report(uuid,text)",
    "describe_columns(uuid,jsonb,jsonb,text,text)",
    "describe_dataset(uuid,jsonb,jsonb,text)",
    "count_dataset_rows(uuid,jsonb,text)",
    "get_all_tables(text)",
    "get_changes(uuid,bigint,bigint,integer,integer,text)",
    "get_column_profile(uuid,integer,integer,text)",
    "get_columns_at(uuid,integer[],text)",
    "get_dataset(uuid,text)",
    "get_dataset_columns(uuid,text,integer,integer,text)",
    "get_dataset_outline(uuid,integer,text)",
    "get_join_report(uuid,uuid,text,text)",
    "get_overview(text)",
    "get_privacy_report(uuid,text)",
    "get_table_columns(text,text)",
    "insert_metadata(text,text,text,text,text)",
    "keep_privacy_report(uuid,text,jsonb,jsonb,jsonb,text)",
    "list_privacy_reports(uuid,timestamp with time zone,uuid,integer,text)",
    "list_datasets(timestamp with time zone,integer,uuid,text)",
    "list_versions(uuid,text)",
    "search_datasets(text,integer,text)",
    "search_columns(text,integer,text)",
    "search_tables_by_column(text,text)",
    "select_dataset_rows(uuid,integer[],bigint,bigint,integer,jsonb,integer,boolean,boolean,"
    "integer,text)",
    "select_from_table(text,integer,text)",
    "set_privacy_roles(uuid,jsonb,jsonb,text,text)",
    "set_privacy_thresholds(uuid,jsonb,text,text)",
    "table_exists(text,text)",
    "undo_change(uuid,text)",
    "update_dataset_row(uuid,bigint,jsonb,jsonb,text)",
    "update_table_row(text,bigint,jsonb,jsonb,text)",
}
OF_SERVICE_ROLE = {
    "index_dataset_column(uuid,integer,text)",
    "create_data_table(text,text,text[],text,uuid,text[])",
    "drop_data_table(text,uuid,text)",
}
REQUIRE_CALLER = "_fd.require_caller()"
KEEP_CHANGE = "_fd.keep_change()"
NOTE_DESCRIPTION = "_fd.note_description()"
INSIDE_FOR_USERS = {
    "_fd.change_made(uuid)",
    "_fd.column_cell(_fd.dataset_columns,integer)",
    "_fd.condition_text(_fd.dataset_columns,text,integer,text,integer)",
    "_fd.contains_pattern(text)",
    "_fd.cut_text(text,integer)",
    "_fd.content_state(_fd.datasets)",
    "_fd.dataset_facts(_fd.datasets)",
    "_fd.has_turn(uuid)",
    "_fd.is_newest(_fd.datasets)",
    "_fd.is_indexed(text,text)",
    "_fd.matching_rows(_fd.datasets,jsonb,boolean)",
    "_fd.page_orders(text,text,text,boolean,boolean,text,boolean)",
    "_fd.page_rowids(_fd.datasets,jsonb,integer,boolean,bigint,bigint,boolean,integer,boolean)",
    REQUIRE_CALLER,
    "_fd.fill_attached(uuid,bigint[])",
    "_fd.pseudonym_name(uuid)",
    "_fd.require_condition(_fd.dataset_columns,text,jsonb)",
    "_fd.require_data_schema(text)",
    "_fd.require_fit(_fd.dataset_columns,text,text)",
    "_fd.require_own_dataset(uuid,text)",
    "_fd.require_own_part(text,text)",
    "_fd.require_texts(jsonb,jsonb)",
    "_fd.rows_at(_fd.datasets,integer[],bigint[],integer)",
    "_fd.rows_from(_fd.datasets,jsonb,integer[],boolean,double precision)",
    "_fd.stored_type(text)",
    "_fd.texts_of(jsonb)",
    "_fd.walked_rowids(_fd.datasets,jsonb,_fd.dataset_columns,integer,text,text[],text,bigint,integer)",
}
INSIDE_FOR_NOBODY = {
    "_fd.begin_change(uuid)",
    KEEP_CHANGE,
    NOTE_DESCRIPTION,
    "_fd.orphan_parts()",
    "_fd.require_name(text,text)",
    "_fd.seal_part(text)",
    "accounts_auditevent_append_only()",
    "accounts_event_once(text,uuid,uuid,uuid)",
}


DESCRIBING = ("title", "description", "origin", "keywords", "licence")
PRIVACY = ("k", "l", "t", "risk", "missing", "population", "population_dataset", "changed_at")


@pytest.fixture(
    scope="module", params=[False, True], ids=["strict defaults", "permissive defaults"]
)
def database(db_ready: None, request: pytest.FixtureRequest) -> Iterator[SecondDatabase]:
    """A migrated database with one ready part (`sealed`) and one that is loading (`open`)."""
    with second_database(permissive=request.param) as second:
        second.migrate()
        second.store_part("sealed", ready=True)
        second.store_part("open", ready=False)
        yield second


def tables(database: SecondDatabase, condition: str) -> set[str]:
    rows = database.run(
        "select c.oid::regclass::text from pg_class c"
        " where c.relkind in ('r', 'p') and c.relnamespace in"
        f" ('_fd'::regnamespace, 'public'::regnamespace) and {condition}"
    )
    return {row[0] for row in rows}


def privileges(database: SecondDatabase, role: str) -> set[tuple[str, str]]:
    """Return (object, privilege) of a role on tables, columns and sequences of ours."""
    rows: list[tuple[Any, ...]] = database.run(
        """
        select c.oid::regclass::text, a.privilege_type
          from pg_class c, aclexplode(c.relacl) a
         where c.relnamespace in ('_fd'::regnamespace, 'public'::regnamespace)
           and a.grantee = coalesce(to_regrole(%(role)s)::oid, 0)
        union all
        select t.attrelid::regclass::text || '.' || t.attname, a.privilege_type
          from pg_attribute t, pg_class c, aclexplode(t.attacl) a
         where c.oid = t.attrelid
           and c.relnamespace in ('_fd'::regnamespace, 'public'::regnamespace)
           and a.grantee = coalesce(to_regrole(%(role)s)::oid, 0)
        """,
        {"role": role},
    )
    return {(row[0], row[1]) for row in rows}


def functions(database: SecondDatabase, condition: str = "true") -> set[str]:
    rows = database.run(
        "select p.oid::regprocedure::text from pg_proc p"
        " where p.pronamespace in ('_fd'::regnamespace, 'public'::regnamespace)"
        f" and {condition}"
    )
    return {row[0] for row in rows}


def executable(database: SecondDatabase, role: str) -> set[str]:
    return functions(database, f"has_function_privilege('{role}', p.oid, 'execute')")


def test_row_level_security_is_on_for_every_table(database: SecondDatabase) -> None:
    assert tables(database, "not c.relrowsecurity") == set()
    assert {"accounts_user", "django_session", "django_migrations"} <= tables(database, "true")


def test_ready_parts_bind_their_owner_too(database: SecondDatabase) -> None:
    assert tables(database, "c.relforcerowsecurity") == {"_fd.sealed"}


@pytest.mark.parametrize("role", OUTSIDERS)
def test_outsiders_have_no_grant_on_any_table(database: SecondDatabase, role: str) -> None:
    assert privileges(database, role) == set()


def test_users_have_exactly_these_grants(database: SecondDatabase) -> None:
    assert privileges(database, "authenticated") == {
        ("_fd.attachments", "SELECT"),
        ("_fd.changed_rows", "SELECT"),
        ("_fd.changes", "SELECT"),
        ("_fd.datasets", "SELECT"),
        ("_fd.dataset_columns", "SELECT"),
        ("_fd.dataset_columns.description", "UPDATE"),
        ("_fd.dataset_columns.unit", "UPDATE"),
        ("_fd.dataset_columns.privacy_role", "UPDATE"),
        *((f"_fd.datasets.{name}", "UPDATE") for name in DESCRIBING),
        *((f"_fd.datasets.privacy_{name}", "UPDATE") for name in PRIVACY),
        ("_fd.metadata_tables", "SELECT"),
        ("_fd.metadata_tables.main_table", "UPDATE"),
        ("_fd.metadata_tables.description", "UPDATE"),
        ("_fd.metadata_tables.origin", "UPDATE"),
        ("_fd.privacy_reports", "SELECT"),
        ("_fd.privacy_reports", "INSERT"),
        ("_fd.privacy_reports", "DELETE"),
        ("_fd.sealed", "SELECT"),
        ("_fd.sealed", "INSERT"),
        ("_fd.sealed", "DELETE"),
        ("_fd.sealed.a", "UPDATE"),
    }


def test_users_may_enter_the_data_schema_and_nobody_else(database: SecondDatabase) -> None:
    acl = database.run(
        "select coalesce(to_regrole(a.grantee::regrole::text)::text, 'public'), a.privilege_type"
        " from pg_namespace n, aclexplode(n.nspacl) a where n.nspname = '_fd'"
    )

    assert set(acl) == {
        ("postgres", "USAGE"),
        ("postgres", "CREATE"),
        ("authenticated", "USAGE"),
    }


def test_every_function_is_listed(database: SecondDatabase) -> None:
    listed = OF_USERS | OF_SERVICE_ROLE | INSIDE_FOR_USERS | INSIDE_FOR_NOBODY
    assert functions(database) == listed


def test_each_function_is_open_to_its_callers_alone(database: SecondDatabase) -> None:
    assert executable(database, "anon") == set()
    assert executable(database, "authenticated") == OF_USERS | INSIDE_FOR_USERS
    assert executable(database, "service_role") == OF_SERVICE_ROLE


def test_functions_run_as_their_caller_but_those_that_make_drop_tell_who_asks_and_keep_history(
    database: SecondDatabase,
) -> None:
    own_rights = OF_SERVICE_ROLE | {REQUIRE_CALLER, KEEP_CHANGE, NOTE_DESCRIPTION}

    assert functions(database, "p.prosecdef") == own_rights


def test_every_function_has_an_empty_search_path_and_one_owner(database: SecondDatabase) -> None:
    pinned = functions(database, "'search_path=\"\"' = any (p.proconfig)")
    owned = functions(database, "p.proowner = 'postgres'::regrole")

    assert functions(database) == pinned == owned


def test_who_asks_is_an_error_where_row_level_security_would_hide_second_factors(
    database: SecondDatabase,
) -> None:
    (settings,) = database.run(
        f"select proconfig from pg_proc where oid = '{REQUIRE_CALLER}'::regprocedure"
    )

    assert sorted(settings[0]) == ["row_security=off", 'search_path=""']


def test_every_policy_is_for_users_and_asks_once_a_statement_whose_row_it_is(
    database: SecondDatabase,
) -> None:
    policies = database.run(
        "select polrelid::regclass::text, polcmd::text, polroles::regrole[]::text[],"
        " pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid)"
        " from pg_policy where polrelid::regclass::text not like 'auth.%'"
    )
    own = "(user_id = ( SELECT _fd.require_caller() AS require_caller))"

    assert {(table, command) for table, command, *_ in policies} == {
        ("_fd.attachments", "r"),
        ("_fd.changed_rows", "r"),
        ("_fd.changes", "r"),
        ("_fd.datasets", "r"),
        ("_fd.datasets", "w"),
        ("_fd.dataset_columns", "r"),
        ("_fd.dataset_columns", "w"),
        ("_fd.metadata_tables", "r"),
        ("_fd.metadata_tables", "w"),
        ("_fd.privacy_reports", "*"),
        ("_fd.sealed", "*"),
        ("_fd.open", "*"),
    }
    of_own_datasets = {
        "_fd.attachments",
        "_fd.changed_rows",
        "_fd.changes",
        "_fd.dataset_columns",
    }
    for table, command, roles, using, check in policies:
        assert roles == ["authenticated"]
        if table not in of_own_datasets:
            assert using == own
        assert check == (None if command == "r" else using)
