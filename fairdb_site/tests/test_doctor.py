"""Each check of the doctor: break the live thing, see the finding, mend it."""

import json
from io import StringIO
from time import time
from typing import Any

import httpx
import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import override_settings

from conftest import Person
from datasets.tests.second_database import second_database
from datasets.tests.stored import qualified, run, store_dataset
from fairdb_site.doctor import contract_checks, database_checks, supabase_checks
from fairdb_site.doctor.examination import examine
from fairdb_site.doctor.finding import names
from fairdb_site.tests.doctors import broken, found, only, superuser

pytestmark = pytest.mark.usefixtures("db_ready")


# roles --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "mend", "says"),
    [
        (
            "alter role anon bypassrls",
            "alter role anon nobypassrls",
            "anon passes row level security",
        ),
        (
            "alter role authenticated superuser",
            "alter role authenticated nosuperuser",
            "authenticated is a superuser",
        ),
        (
            "alter role authenticator createrole",
            "alter role authenticator nocreaterole",
            "authenticator may make roles",
        ),
        ("alter role postgres superuser", "alter role postgres nosuperuser", "DATABASE_URL"),
        ("alter role service_role rename to gone", "alter role gone rename to service_role", "not"),
    ],
)
def test_a_role_that_may_too_much_or_is_missing_is_found(change: str, mend: str, says: str) -> None:
    before = found(database_checks.examine_roles)

    with broken(change, mend, by=superuser):
        finding = only(found(database_checks.examine_roles), before)

    assert says in finding


def test_a_membership_of_outsiders_is_found() -> None:
    before = found(database_checks.examine_memberships)

    with broken("grant pg_read_all_data to anon", "revoke pg_read_all_data from anon", superuser):
        finding = only(found(database_checks.examine_memberships), before)

    assert "revoke pg_read_all_data from anon" in finding


def test_a_database_role_that_cannot_become_a_user_is_found() -> None:
    before = found(database_checks.examine_memberships)

    with broken(
        "revoke authenticated from postgres", "grant authenticated to postgres", by=superuser
    ):
        finding = only(found(database_checks.examine_memberships), before)

    assert "cannot act as a user" in finding


# the database -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "wrong"),
    [
        ({"PORT": 6543, "CONN_MAX_AGE": 60, "DISABLE_SERVER_SIDE_CURSORS": True}, True),
        ({"PORT": "6543", "CONN_MAX_AGE": 0, "DISABLE_SERVER_SIDE_CURSORS": False}, True),
        ({"PORT": 6543, "CONN_MAX_AGE": 0, "DISABLE_SERVER_SIDE_CURSORS": True}, False),
        ({"PORT": 5432, "CONN_MAX_AGE": 60, "DISABLE_SERVER_SIDE_CURSORS": False}, False),
    ],
)
def test_a_transaction_pooler_needs_short_connections(
    options: dict[str, Any], wrong: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in options.items():
        monkeypatch.setitem(connection.settings_dict, name, value)

    assert bool(found(database_checks.examine_pooler)) is wrong


@pytest.mark.parametrize(("offset", "wrong"), [(0, False), (-60, True), (60, True)])
def test_clocks_that_differ_are_found(offset: int, wrong: bool) -> None:
    def now() -> float:
        return time() + offset

    with (
        connection.cursor() as cursor,
        httpx.Client(base_url=settings.SUPABASE_URL, verify=False) as http,
    ):
        database = list(database_checks.examine_clock(cursor, now=now))
        supabase = list(supabase_checks.examine_clock(http, now=now))

    assert [bool(database), bool(supabase)] == [wrong, wrong]


def test_a_migration_that_has_not_run_is_found() -> None:
    ((last,),) = run("select max(name) from django_migrations where app = 'datasets'")
    with broken(
        f"update django_migrations set name = 'away' where app = 'datasets' and name = '{last}'",
        f"update django_migrations set name = '{last}' where name = 'away'",
    ):
        assert "manage.py migrate" in only(found(database_checks.examine_migrations), set())


def test_another_data_schema_than_the_one_in_use_is_found() -> None:
    with override_settings(FAIRDB_DATA_SCHEMA="elsewhere"):
        finding = only(found(database_checks.examine_data_schema), set())

    assert "FAIRDB_DATA_SCHEMA=_fd" in finding


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ("grant select on accounts_user to anon", "accounts_user"),
        ("grant all on django_session to public", "django_session"),
        ("grant select on fairdb_installation to service_role", "fairdb_installation"),
        ("alter table django_session disable row level security", "is off on django_session"),
    ],
)
def test_an_open_table_of_djangos_is_found_and_mended_by_migrate(change: str, says: str) -> None:
    run(change)
    finding = only(found(database_checks.examine_django_tables), set())
    call_command("migrate", verbosity=0)
    if "fairdb_installation" in change:
        run("revoke all on fairdb_installation from service_role")

    assert says in finding
    assert found(database_checks.examine_django_tables) == set()


# the contract -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "mend", "says"),
    [
        (
            "grant execute on function public.get_overview(text) to anon",
            "revoke execute on function public.get_overview(text) from anon",
            "get_overview(text) may be called without signing in",
        ),
        (
            "grant execute on function public.drop_data_table(text,uuid,text) to authenticated",
            "revoke execute on function public.drop_data_table(text,uuid,text) from authenticated",
            "with its owner's rights",
        ),
        (
            "create function public.theirs() returns int security definer return 1",
            "drop function public.theirs()",
            "theirs() runs with its owner's rights",
        ),
        (
            "alter function public.get_overview(text) reset search_path",
            "alter function public.get_overview(text) set search_path = ''",
            "search_path",
        ),
        (
            "alter function public.get_overview(text) rename to away",
            "alter function public.away(text) rename to get_overview",
            "Missing in public: get_overview",
        ),
    ],
)
def test_a_function_that_is_open_loose_or_missing_is_found(
    change: str, mend: str, says: str
) -> None:
    with broken(change, mend):
        assert says in only(found(contract_checks.examine_functions), set())
    assert found(contract_checks.examine_functions) == set()


def test_a_function_of_another_owner_is_found() -> None:
    with broken(
        "alter function public.get_overview(text) owner to supabase_admin",
        "alter function public.get_overview(text) owner to postgres",
        by=superuser,
    ):
        assert "supabase_admin" in only(found(contract_checks.examine_functions), set())


def test_the_list_of_functions_is_the_one_in_the_database() -> None:
    rows = run(
        "select proname from pg_proc where pronamespace = 'public'::regnamespace"
        " and prorettype <> 'trigger'::regtype"  # those are not for anybody to call
    )

    assert sorted(contract_checks.REGISTERED_FUNCTIONS) == sorted(row[0] for row in rows)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ("alter table {part} disable row level security", "is off on {name}"),
        ("alter table {part} no force row level security", "does not bind the owner of {name}"),
        ("drop table {part}", "lack their tables {name}"),
    ],
)
def test_a_part_without_its_protection_or_gone_is_found(
    alice: Person, change: str, says: str
) -> None:
    stored = store_dataset(alice.user.id, {"a": ("text", ["x"])}, rows=1)
    before = found(contract_checks.examine_parts)

    run(change.format(part=stored.qualified))
    after = found(contract_checks.examine_parts)
    run(f"delete from {qualified('datasets')} where id = %s", [stored.id])
    run(f"drop table if exists {stored.qualified}")

    assert any(says.format(name=stored.table) in f or stored.table in f for f in after - before)


def test_a_part_whose_corrections_are_not_kept_is_found(alice: Person) -> None:
    stored = store_dataset(alice.user.id, {"a": ("text", ["x"])}, rows=1)

    with broken(
        f"alter table {stored.qualified} disable trigger keep_change",
        f"alter table {stored.qualified} enable trigger keep_change",
    ):
        findings = found(contract_checks.examine_history)

    assert any(stored.table in finding for finding in findings)


@pytest.mark.parametrize(
    "policy",
    [
        "for select to public using (OWN)",
        "for select to anon, authenticated using (OWN)",
        "for select to authenticated using (true)",
        "for update to authenticated using (OWN) with check (true)",
        "for select to authenticated using (OWN or c2 is not null)",
        "for delete to authenticated using (true)",
        "for select to authenticated using (user_id = (select auth.uid()))",
    ],
)
def test_a_policy_that_lets_others_in_is_found(alice: Person, policy: str) -> None:
    stored = store_dataset(alice.user.id, {"a": ("text", ["x"])}, rows=1)
    own = "user_id = (select _fd.require_caller())"

    with broken(
        f"create policy loose on {stored.qualified} {policy.replace('OWN', own)}",
        f"drop policy loose on {stored.qualified}",
    ):
        finding = only(found(contract_checks.examine_policies), set())

    assert f'drop policy "loose" on "_fd"."{stored.table}"' in finding


@pytest.mark.parametrize(
    ("grant", "on"),
    [
        ("select on {part} to anon", "{name}"),
        ("update (c2) on {part} to public", "{name}"),
        ("select on {datasets} to service_role", "datasets"),
        ("usage on {sequence} to anon", "metadata_tables_id_seq"),
        ("usage on schema {schema} to anon", "the schema itself"),
    ],
)
def test_a_grant_to_outsiders_is_found(alice: Person, grant: str, on: str) -> None:
    stored = store_dataset(alice.user.id, {"a": ("text", ["x"])}, rows=1)
    words = {
        "part": stored.qualified,
        "datasets": qualified("datasets"),
        "sequence": f"sequence {qualified('metadata_tables_id_seq')}",
        "schema": settings.FAIRDB_DATA_SCHEMA,
    }
    sql = grant.format(**words)
    before = found(contract_checks.examine_grants)

    with broken(f"grant {sql}", f"revoke {sql.replace(' to ', ' from ')}"):
        finding = only(found(contract_checks.examine_grants), before)

    assert on.format(name=stored.table) in finding


def test_a_part_open_to_users_before_its_dataset_is_ready_is_found(alice: Person) -> None:
    loading = store_dataset(alice.user.id, ready=False)
    before = found(contract_checks.examine_grants)

    with broken(
        f"grant select on {loading.qualified} to authenticated",
        f"revoke select on {loading.qualified} from authenticated",
    ):
        new = found(contract_checks.examine_grants) - before

    assert any("which no ready dataset has" in finding for finding in new)


def test_another_pseudonym_key_than_the_one_stored_is_found(alice: Person) -> None:
    from datasets.ingest.pseudonyms import key_fingerprint

    stored = store_dataset(alice.user.id)
    before = found(contract_checks.examine_pseudonym_key)
    run(
        f"update {qualified('datasets')} set key_fingerprint = %s where id = %s",
        [key_fingerprint(settings.FAIRDB_PSEUDONYM_KEY), stored.id],
    )
    assert found(contract_checks.examine_pseudonym_key) == before

    with override_settings(FAIRDB_PSEUDONYM_KEY="another key of more than 32 characters"):
        assert found(contract_checks.examine_pseudonym_key) != before


@pytest.mark.usefixtures("db_ready")
def test_an_audit_trail_that_can_be_changed_is_found() -> None:
    table = "accounts_auditevent"
    off, on = (f"alter table {table} {word} trigger append_only" for word in ("disable", "enable"))
    renamed, back = (
        f"alter trigger {old} on {table} rename to {new}"
        for old, new in (("append_only", "gone"), ("gone", "append_only"))
    )

    for change, mend, says in ((off, on, "is off"), (renamed, back, "is gone")):
        with broken(change, mend):
            assert says in only(found(contract_checks.examine_audit), set())
    assert found(contract_checks.examine_audit) == set()


# Supabase -----------------------------------------------------------------------------------------


def test_a_token_key_of_before_is_found() -> None:
    assert found(contract_checks.examine_token_keys) == set()
    with override_settings(FAIRDB_TOKEN_KEYS=["new", "old"]):
        (finding,) = found(contract_checks.examine_token_keys)

    assert "rotate_token_key" in finding
    assert "old" not in finding.replace("holds", "")


# the whole ----------------------------------------------------------------------------------------


def test_a_fresh_installation_is_well_and_a_broken_one_is_told_line_by_line() -> None:
    def doctor(*arguments: str) -> tuple[int, str]:
        out = StringIO()
        try:
            with database.in_use():
                call_command("doctor", *arguments, stdout=out)
        except CommandError as error:
            return error.returncode, out.getvalue()
        return 0, out.getvalue()

    with second_database() as database:
        unmigrated, before = doctor("--json")
        database.migrate()
        well = doctor("--json")
        database.store_part("sealed", ready=True)
        database.run("alter table %%schema%%.sealed no force row level security")
        database.run("grant select on public.accounts_user to anon")
        broken_down, ill = doctor()

    assert unmigrated == 1
    assert json.loads(before)["findings"][0]["check"] == "migrations"
    assert (well[0], json.loads(well[1])) == (0, {"findings": []})
    assert broken_down == 1
    lines = ill.splitlines()
    assert len(lines) == 2
    assert all(" Mend: " in line for line in lines)


def test_a_database_or_supabase_that_does_not_answer_is_a_finding_not_a_crash() -> None:
    with override_settings(SUPABASE_URL="http://127.0.0.1:9"):
        problems = [finding for finding in examine() if finding.check == "supabase"]

    assert "does not answer" in problems[0].problem


def test_findings_end_the_command_with_exit_code_1_and_one_object() -> None:
    out = StringIO()
    with override_settings(FAIRDB_REGISTRATION="closed"), pytest.raises(CommandError) as ended:
        call_command("doctor", "--json", stdout=out)

    assert ended.value.returncode == 1
    findings = json.loads(out.getvalue())["findings"]
    assert {"check", "problem", "mend"} == set(findings[0])
    assert "registration" in {finding["check"] for finding in findings}


def test_long_lists_of_names_are_cut() -> None:
    assert names(["b", "a"]) == "a, b"
    assert names([f"t{n}" for n in range(9)]) == "t0, t1, t2, t3, t4 and 4 more"
