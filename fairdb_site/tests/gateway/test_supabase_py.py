"""supabase-py, unmodified, sync and async, as each caller: what it gets, in one table."""

import asyncio
import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest
from postgrest import APIError
from supabase import AsyncClientOptions, ClientOptions, acreate_client, create_client
from supabase_auth.errors import AuthApiError, AuthError, AuthWeakPasswordError

from fairdb_site.tests.gateway.served import Served, Session

MODES = ("sync", "async")
CALLERS = ("anonymous", "user", "service")


class Drive:
    """The three callers' clients in both kinds, and one loop for the asynchronous ones."""

    def __init__(self, gateway: Served, user: Session) -> None:
        self.gateway, self.user = gateway, user
        self.runner = asyncio.Runner()
        self.clients = {(mode, who): self.make(mode, who) for mode in MODES for who in CALLERS}

    def make(self, mode: str, caller: str) -> Any:
        config = self.gateway.config
        key = config.secret_key if caller == "service" else config.publishable_key
        headers = {"Authorization": f"Bearer {self.user.access_token}"} if caller == "user" else {}
        quiet: dict[str, Any] = {"auto_refresh_token": False, "persist_session": False}
        if mode == "sync":
            return create_client(config.url, key, ClientOptions(headers=headers, **quiet))
        options = AsyncClientOptions(headers=headers, **quiet)
        return self.runner.run(acreate_client(config.url, key, options))

    def run(self, result: Any) -> Any:
        return self.runner.run(_finish(result)) if inspect.isawaitable(result) else result


async def _finish(awaitable: Any) -> Any:
    return await awaitable


@pytest.fixture(scope="module")
def drive(gateway: Served, user: Session) -> Iterator[Drive]:
    driver = Drive(gateway, user)
    yield driver
    driver.runner.close()


@dataclass(frozen=True)
class Gives:
    """A result with this data, and this count where one was asked for."""

    data: Any
    count: int | None = None


@dataclass(frozen=True)
class Fails:
    """An APIError with this code, and a message that begins so."""

    code: str
    message: str = ""


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    name: str
    caller: str
    call: Callable[[Any], Any]
    expected: Gives | Fails


def rpc(function: str, **arguments: Any) -> Callable[[Any], Any]:
    return lambda client: client.rpc(function, arguments)


def get(function: str, **arguments: Any) -> Callable[[Any], Any]:
    return lambda client: client.rpc(function, arguments, get=True)


# name, caller, call, expected
ROWS = [
    # shapes
    Row("scalar", "anonymous", rpc("add_numbers", a=1, b=5), Gives(6)),
    Row("scalar with a default", "user", rpc("add_numbers", a=1), Gives(3)),
    Row("scalar by GET", "service", get("add_numbers", a=1), Gives(3)),
    Row("scalar null", "user", rpc("null_text"), Gives(None)),
    Row("no arguments", "anonymous", rpc("no_arguments"), Gives("fine")),
    Row("void", "user", rpc("nothing"), Gives([])),
    Row("composite", "user", rpc("one_pair", n=4), Gives({"first": 4, "second": "one"})),
    Row("OUT parameters", "user", rpc("out_values", n=2), Gives({"twice": 4, "thrice": 6})),
    Row("set of scalars", "user", rpc("numbers", n=3), Gives([1, 2, 3])),
    Row("empty set", "user", rpc("numbers", n=0), Gives([])),
    Row("jsonb", "user", rpc("as_json", value={"a": [1, None, "é"]}), Gives({"a": [1, None, "é"]})),
    Row("json null argument", "user", rpc("as_json", value=None), Gives(None)),
    Row("array argument", "user", rpc("many", words=["a", "b"]), Gives("a-b")),
    Row("odd names", "user", rpc('Odd "name" %', **{'an % "arg"': "50 %"}), Gives("50 %")),
    Row("text keeps its length", "user", rpc("wide_text", value="long"), Gives("long")),
    # overloads
    Row("one argument of two overloads", "user", rpc("area", width=1), Gives("square")),
    Row("both arguments of two", "user", rpc("area", width=1, height=2), Gives("rectangle")),
    Row("overload by GET", "user", get("area", width=1, height=2), Gives("rectangle")),
    Row(
        "types cannot choose",
        "user",
        rpc("unclear", value=1),
        Fails("PGRST203", "Could not choose"),
    ),
    # not there
    Row("unknown function", "user", rpc("absent"), Fails("PGRST202", "Could not find")),
    Row("unknown argument", "user", rpc("add_numbers", a=1, c=2), Fails("PGRST202")),
    Row("unknown argument by GET", "user", get("add_numbers", a=1, c=2), Fails("PGRST202")),
    Row("missing argument", "user", rpc("add_numbers", b=1), Fails("PGRST202")),
    Row("function of another schema", "service", rpc("secret"), Fails("PGRST202")),
    Row("trigger function", "user", rpc("a_trigger"), Fails("PGRST202")),
    Row("unnamed arguments", "user", rpc("unnamed", a=1), Fails("PGRST202")),
    Row("a table", "user", lambda c: c.table("notes").select("*"), Fails("PGRST127")),
    # reading a set
    Row("rows", "user", get("rows_of", n=1), Gives([{"id": 1, "name": "p1", 'odd % "name"': 1}])),
    Row("limit", "user", lambda c: get("numbers", n=5)(c).limit(2), Gives([1, 2])),
    Row("limit of a POST", "user", lambda c: rpc("numbers", n=5)(c).limit(2), Gives([1, 2])),
    Row("limit 0", "user", lambda c: rpc("numbers", n=5)(c).limit(0), Gives([])),
    Row("offset", "user", lambda c: get("numbers", n=5)(c).offset(3), Gives([4, 5])),
    Row("range", "user", lambda c: get("numbers", n=5)(c).range(1, 2), Gives([2, 3])),
    Row("select", "user", lambda c: rpc("rows_of")(c).select("name"), Fails("PGRST127")),
    Row("order", "user", lambda c: get("rows_of")(c).order("id"), Fails("PGRST127")),
    Row("eq", "user", lambda c: rpc("rows_of")(c).eq("id", 2), Fails("PGRST127")),
    Row("eq of a GET", "user", lambda c: get("rows_of")(c).eq("id", 2), Fails("PGRST202")),
    Row(
        "single",
        "user",
        lambda c: rpc("out_values", n=1)(c).single(),
        Gives({"twice": 2, "thrice": 3}),
    ),
    Row("single of a scalar", "user", lambda c: rpc("add_numbers", a=1)(c).single(), Gives(3)),
    Row("single of many", "user", lambda c: rpc("rows_of", n=2)(c).single(), Fails("PGRST116")),
    Row("single of none", "user", lambda c: rpc("rows_of", n=0)(c).single(), Fails("PGRST116")),
    Row("maybe single", "user", lambda c: rpc("numbers", n=1)(c).maybe_single(), Gives(1)),
    Row("or", "user", lambda c: rpc("rows_of")(c).or_("id.eq.1,id.eq.2"), Fails("PGRST127")),
    Row("csv", "user", lambda c: rpc("rows_of")(c).csv(), Fails("PGRST107")),
    Row("max affected", "user", lambda c: rpc("rows_of")(c).max_affected(1), Fails("PGRST127")),
    # counting
    Row("count", "user", lambda c: c.rpc("numbers", {"n": 3}, count="exact"), Gives([1, 2, 3], 3)),
    Row(
        "count beyond the page",
        "user",
        lambda c: c.rpc("numbers", {"n": 9}, count="exact", get=True).limit(1),
        Gives([1], 9),
    ),
    Row(
        "count alone",
        "user",
        lambda c: c.rpc("numbers", {"n": 9}, count="exact", head=True),
        Gives([], 9),
    ),
    Row("HEAD without a count", "user", lambda c: c.rpc("numbers", {"n": 9}, head=True), Gives([])),
    # who may do what
    Row("caller is anonymous", "anonymous", rpc("setting", name="role"), Gives("anon")),
    Row("caller is a user", "user", rpc("setting", name="role"), Gives("authenticated")),
    Row("caller is the service", "service", rpc("setting", name="role"), Gives("service_role")),
    Row("service's function, anonymous", "anonymous", rpc("only_service"), Fails("42501")),
    Row("service's function, user", "user", rpc("only_service"), Fails("42501")),
    Row("service's function, service", "service", rpc("only_service"), Gives(1)),
    Row("accounts' table, anonymous", "anonymous", rpc("forbidden"), Fails("42501")),
    Row("accounts' table, user", "user", rpc("forbidden"), Fails("42501")),
    Row("accounts' table, service", "service", rpc("forbidden"), Fails("42501")),
    # limits that roles have
    Row("time of anonymous", "anonymous", rpc("setting", name="statement_timeout"), Gives("3s")),
    Row("time of a user", "user", rpc("setting", name="statement_timeout"), Gives("8s")),
    Row("time of the service", "service", rpc("setting", name="statement_timeout"), Gives("8s")),
    Row("time of a function", "anonymous", rpc("sleep_longer", seconds=0), Gives("20s")),
    Row("over a function's time", "service", rpc("sleep_briefly", seconds=9), Fails("57014")),
    # failing
    Row("division by zero", "user", rpc("divide", n=0), Fails("22012", "division by zero")),
    Row("wrong type", "user", rpc("add_numbers", a="x"), Fails("22P02")),
    Row("a domain's check", "user", rpc("a_domain", n=-1), Fails("23514")),
    Row("raised", "user", rpc("fail", code="P0001", message="not so"), Fails("P0001", "not so")),
    Row("raised as a status", "user", rpc("fail", code="PT404"), Fails("PT404", "no")),
    Row("a write in a stable function", "user", rpc("stable_writer", id=1), Fails("25006")),
    Row("a write by GET", "user", get("write_note", id=1, text="x"), Fails("25006")),
]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_function_call_gives_what_the_table_says(drive: Drive, mode: str, row: Row) -> None:
    call = row.call(drive.clients[mode, row.caller])

    if isinstance(row.expected, Fails):
        with pytest.raises(APIError) as caught:
            drive.run(call.execute())
        assert caught.value.code == row.expected.code
        assert (caught.value.message or "").startswith(row.expected.message)
    else:
        result = drive.run(call.execute())
        assert (result.data, result.count) == (row.expected.data, row.expected.count)


@pytest.mark.parametrize("mode", MODES)
def test_maybe_single_of_no_rows_is_none(drive: Drive, mode: str) -> None:
    call = drive.clients[mode, "user"].rpc("rows_of", {"n": 0}).maybe_single()

    assert drive.run(call.execute()) is None


@pytest.mark.parametrize("mode", MODES)
def test_function_sees_the_caller(drive: Drive, mode: str) -> None:
    seen = {
        who: drive.run(rpc("caller")(drive.clients[mode, who]).execute()).data for who in CALLERS
    }

    nobody = {"uid": None, "email": None}
    assert seen == {
        "anonymous": {"user": "anon", "role": "anon", **nobody},
        "service": {"user": "service_role", "role": "service_role", **nobody},
        "user": {
            "user": "authenticated",
            "role": "authenticated",
            "uid": drive.user.id,
            "email": drive.user.email,
        },
    }


# ---------------------------------------------------------------------------------- accounts


@pytest.fixture(params=MODES)
def mode(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_a_person_signs_up_works_and_signs_out(drive: Drive, mode: str) -> None:
    client, email = drive.make(mode, "anonymous"), f"{uuid4().hex}@example.org"
    credentials = {"email": email, "password": "a password"}

    made = drive.run(client.auth.sign_up({**credentials, "options": {"data": {"name": "A"}}}))
    signed_in = drive.run(client.auth.sign_in_with_password(credentials))
    shown = drive.run(client.auth.get_user())
    seen = drive.run(client.rpc("caller", {}).execute()).data
    claims = drive.run(client.auth.get_claims())["claims"]
    refreshed = drive.run(client.auth.refresh_session())
    changed = drive.run(client.auth.update_user({"data": {"name": "B", "more": 1}}))
    drive.run(client.auth.sign_out())

    assert made.session.user.id == signed_in.user.id == shown.user.id == seen["uid"]
    assert shown.user.email == seen["email"] == claims["email"] == email
    assert shown.user.user_metadata == {"name": "A"}
    assert shown.user.app_metadata == {"provider": "email", "providers": ["email"]}
    assert refreshed.session.refresh_token != signed_in.session.refresh_token
    assert changed.user.user_metadata == {"name": "B", "more": 1}
    assert drive.run(client.auth.get_session()) is None


def test_a_person_recovers_a_lost_password(drive: Drive, mode: str) -> None:
    person, client = drive.gateway.sign_up(), drive.make(mode, "anonymous")

    drive.run(client.auth.reset_password_for_email(person.email))
    (mail,) = drive.gateway.mails(person.email)
    token = {"token_hash": mail["token_hash"], "type": mail["type"]}
    recovered = drive.run(client.auth.verify_otp(token))
    drive.run(client.auth.update_user({"password": "another one"}))

    assert recovered.user.id == person.id
    assert drive.gateway.sign_in(person.email, "another one").status_code == 200
    assert drive.gateway.sign_in(person.email, person.password).status_code == 400
    with pytest.raises(AuthApiError) as caught:
        drive.run(client.auth.verify_otp(token))
    assert caught.value.code == "otp_expired"


def test_service_role_keeps_accounts(drive: Drive, mode: str) -> None:
    admin, email = drive.make(mode, "service").auth.admin, f"{uuid4().hex}@example.org"
    wanted = {
        "email": email.upper(),
        "password": "a password",
        "email_confirm": True,
        "user_metadata": {"name": "A"},
        "app_metadata": {"staff": True},
    }

    made = drive.run(admin.create_user(wanted)).user
    listed = drive.run(admin.list_users(page=1, per_page=1000))
    changed = drive.run(
        admin.update_user_by_id(made.id, {"app_metadata": {"staff": None, "level": 2}})
    ).user
    shown = drive.run(admin.get_user_by_id(made.id)).user
    drive.run(admin.delete_user(made.id))

    assert (made.email, made.user_metadata) == (email, {"name": "A"})
    assert made.email_confirmed_at is not None
    assert made.id in [user.id for user in listed]
    assert changed.app_metadata == {"provider": "email", "providers": ["email"], "level": 2}
    assert shown == changed
    with pytest.raises(AuthApiError) as caught:
        drive.run(admin.get_user_by_id(made.id))
    assert (caught.value.status, caught.value.code) == (404, "user_not_found")


REFUSALS: list[tuple[str, str, Callable[[Any, Session], Any], tuple[int, str]]] = [
    (
        "wrong password",
        "anonymous",
        lambda c, u: c.auth.sign_in_with_password({"email": u.email, "password": "no"}),
        (400, "invalid_credentials"),
    ),
    (
        "unknown address",
        "anonymous",
        lambda c, u: c.auth.sign_in_with_password({"email": "x@example.org", "password": "no"}),
        (400, "invalid_credentials"),
    ),
    (
        "address taken",
        "anonymous",
        lambda c, u: c.auth.sign_up({"email": u.email.upper(), "password": "a password"}),
        (422, "user_already_exists"),
    ),
    (
        "no address",
        "anonymous",
        lambda c, u: c.auth.sign_up({"email": "no address", "password": "a password"}),
        (400, "validation_failed"),
    ),
    (
        "phone",
        "anonymous",
        lambda c, u: c.auth.sign_up({"phone": "+4912345", "password": "a password"}),
        (501, "not_implemented"),
    ),
    (
        "short password",
        "anonymous",
        lambda c, u: c.auth.sign_up({"email": "s@example.org", "password": "short"}),
        (422, "weak_password"),
    ),
    (
        "unknown link",
        "anonymous",
        lambda c, u: c.auth.verify_otp({"token_hash": "x", "type": "recovery"}),
        (403, "otp_expired"),
    ),
    (
        "an invitation of somebody who is here",
        "service",
        lambda c, u: c.auth.admin.invite_user_by_email(u.email),
        (422, "email_exists"),
    ),
    (
        "a sign-in by mail",
        "anonymous",
        lambda c, u: c.auth.sign_in_with_otp({"email": u.email}),
        (501, "not_implemented"),
    ),
    (
        "anonymous sign-in",
        "anonymous",
        lambda c, u: c.auth.sign_in_anonymously(),
        (400, "validation_failed"),
    ),
    (
        "unknown refresh token",
        "anonymous",
        lambda c, u: c.auth.refresh_session("not a token of ours"),
        (400, "refresh_token_not_found"),
    ),
    ("a forged token", "anonymous", lambda c, u: c.auth.get_user("a.b.c"), (403, "bad_jwt")),
    (
        "admin as anonymous",
        "anonymous",
        lambda c, u: c.auth.admin.list_users(),
        (403, "not_admin"),
    ),
    ("admin as user", "user", lambda c, u: c.auth.admin.get_user_by_id(u.id), (403, "not_admin")),
    ("delete as user", "user", lambda c, u: c.auth.admin.delete_user(u.id), (403, "not_admin")),
    (
        "create, address taken",
        "service",
        lambda c, u: c.auth.admin.create_user({"email": u.email}),
        (422, "email_exists"),
    ),
    (
        "update nobody",
        "service",
        lambda c, u: c.auth.admin.update_user_by_id(str(uuid4()), {"ban_duration": "1h"}),
        (404, "user_not_found"),
    ),
    (
        "a nonsense ban",
        "service",
        lambda c, u: c.auth.admin.update_user_by_id(u.id, {"ban_duration": "a while"}),
        (400, "validation_failed"),
    ),
]


@pytest.mark.parametrize(
    ("caller", "call", "expected"), [row[1:] for row in REFUSALS], ids=[row[0] for row in REFUSALS]
)
def test_account_call_is_refused_as_the_table_says(
    drive: Drive,
    mode: str,
    caller: str,
    call: Callable[[Any, Session], Any],
    expected: tuple[int, str],
) -> None:
    with pytest.raises(AuthError) as caught:
        drive.run(call(drive.clients[mode, caller], drive.user))

    assert isinstance(caught.value, AuthApiError | AuthWeakPasswordError)
    assert (caught.value.status, caught.value.code) == expected
