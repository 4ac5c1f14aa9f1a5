"""The doctor's checks of Supabase: keys, tokens, sign-up, functions over REST, exposure."""

import pytest
from django.conf import settings
from django.test import override_settings

from datasets.tests.stored import qualified, run
from fairdb_site.doctor import supabase_checks
from fairdb_site.tests.doctors import broken, superuser, told

pytestmark = pytest.mark.usefixtures("db_ready")


def test_swapped_keys_are_found() -> None:
    with override_settings(
        SUPABASE_PUBLISHABLE_KEY=settings.SUPABASE_SECRET_KEY,
        SUPABASE_SECRET_KEY=settings.SUPABASE_PUBLISHABLE_KEY,
    ):
        problems = [finding.problem for finding in told(supabase_checks.examine_keys)]

    assert any("swapped" in problem for problem in problems)
    assert any("SUPABASE_SECRET_KEY" in problem for problem in problems)


@pytest.mark.parametrize("setting", ["SUPABASE_PUBLISHABLE_KEY", "SUPABASE_SECRET_KEY"])
def test_a_key_that_does_not_work_is_found(setting: str) -> None:
    with override_settings(**{setting: "sb_wrong_key"}):
        (finding,) = told(supabase_checks.examine_keys)

    assert setting in finding.problem


def test_an_issuer_that_tokens_do_not_name_is_found() -> None:
    assert told(supabase_checks.examine_issuer) == []
    with override_settings(SUPABASE_JWT_ISSUER="https://elsewhere.example/auth/v1"):
        (finding,) = told(supabase_checks.examine_issuer)

    assert "https://elsewhere.example/auth/v1" in finding.problem
    assert f"SUPABASE_JWT_ISSUER={settings.SUPABASE_URL}/auth/v1" in finding.mend
    assert run("select count(*) from auth.users where email like '%%@doctor.invalid'") == [(0,)]


def test_tokens_of_no_issuer_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Self-hosted GoTrue writes none unless it is told one; ours is asked for real, and read so."""
    monkeypatch.setattr("jwt.decode", lambda token, options: {"sub": "x"})

    (finding,) = told(supabase_checks.examine_issuer)

    assert (
        f"GOTRUE_JWT_ISSUER of Supabase's auth service to {settings.SUPABASE_URL}" in finding.mend
    )


def test_people_whom_supabase_does_not_let_in_by_password_are_found() -> None:
    with broken(
        "create function auth.keep_out() returns trigger language plpgsql as"
        " $$begin raise 'no'; end$$;"
        " create trigger keep_out before insert on auth.sessions"
        " for each row execute function auth.keep_out()",
        "drop function auth.keep_out() cascade",
        by=superuser,
    ):
        (finding,) = told(supabase_checks.examine_issuer)

    assert "lets nobody in" in finding.problem


def test_an_exposed_data_schema_is_found() -> None:
    """`public` is exposed: taken for the data schema it is what an exposed one looks like."""
    with override_settings(FAIRDB_DATA_SCHEMA="public"):
        (finding,) = told(supabase_checks.examine_exposure)

    assert "exposed schemas" in finding.mend


def test_functions_that_rest_does_not_know_or_gives_to_anybody_are_found() -> None:
    with broken(
        "alter function public.get_all_tables(text) rename to away; notify pgrst, 'reload schema'",
        "alter function public.away(text) rename to get_all_tables; notify pgrst, 'reload schema'",
    ):
        assert "does not know" in told(supabase_checks.examine_exposure)[0].problem
    function = "public.get_all_tables(text)"
    inside = f"{settings.FAIRDB_DATA_SCHEMA}.require_data_schema(text)"
    with broken(
        f"grant usage on schema {settings.FAIRDB_DATA_SCHEMA} to anon;"
        f" grant select on {qualified('datasets')}, {qualified('metadata_tables')} to anon;"
        f" grant execute on function {function}, {inside} to anon",
        f"revoke usage on schema {settings.FAIRDB_DATA_SCHEMA} from anon;"
        f" revoke select on {qualified('datasets')}, {qualified('metadata_tables')} from anon;"
        f" revoke execute on function {function}, {inside} from anon",
    ):
        assert "without anybody" in told(supabase_checks.examine_exposure)[0].problem


@pytest.mark.parametrize(
    ("registration", "wrong"), [("open", False), ("invite", True), ("closed", True)]
)
def test_a_sign_up_policy_that_supabase_does_not_keep_is_found(
    registration: str, wrong: bool
) -> None:
    with override_settings(FAIRDB_REGISTRATION=registration):
        assert bool(told(supabase_checks.examine_registration)) is wrong
