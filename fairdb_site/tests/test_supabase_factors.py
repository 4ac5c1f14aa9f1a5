"""Second factors through supabase-py and the embedded Supabase, as the platform asks for them."""

import threading
import time
from typing import Any
from uuid import uuid4

import jwt
import pyotp
import pytest
from django.db import connection

from fairdb_site.errors import NotFound
from fairdb_site.local.gateway.keys import Keys
from fairdb_site.supabase import auth
from fairdb_site.supabase.errors import (
    SamePassword,
    SecondFactorNeeded,
    SessionEnded,
    TokenExpired,
    WeakPassword,
    WrongCode,
    WrongCredentials,
)
from fairdb_site.supabase.tokens import verify_access_token
from fairdb_site.tests.supabase_servers import gateway_config

Tokens = tuple[str, str]


def tokens_of(session: auth.Session) -> Tokens:
    return session.access_token, session.refresh_token


def sign_in(person: Any) -> Tokens:
    return tokens_of(auth.sign_in(person.email, person.password))


def code_of(factor: auth.NewFactor, step: int = 0) -> str:
    """The code of now, or of so many steps of 30 s later."""
    return pyotp.TOTP(factor.secret).at(int(time.time()), counter_offset=step)


def protect(person: Any) -> tuple[auth.NewFactor, auth.Session]:
    """Give somebody a second factor; return it with the session that proved it."""
    tokens = sign_in(person)
    made = auth.factor_enrol(*tokens, name="my phone")
    return made, auth.factor_verify(*tokens, factor=made.id, code=code_of(made))


def expired(token: str, *, left: int) -> str:
    claims = jwt.decode(token, options={"verify_signature": False})
    return Keys(gateway_config()).sign(claims | {"exp": int(time.time()) + left})


def test_right_code_makes_the_same_session_one_with_a_second_factor(alice: Any) -> None:
    tokens = sign_in(alice)
    made = auth.factor_enrol(*tokens, name="my phone")
    before = auth.get_account(tokens[0])

    session = auth.factor_verify(*tokens, factor=made.id, code=code_of(made))

    old, new = verify_access_token(tokens[0]), verify_access_token(session.access_token)
    assert (old.assurance, new.assurance) == ("aal1", "aal2")
    assert old.session_id == new.session_id
    assert not before.has_second_factor
    assert session.account.has_second_factor
    (factor,) = session.account.factors
    assert (factor.id, factor.name, factor.is_verified) == (made.id, "my phone", True)
    assert auth.admin_get_user(alice.user.id).factors == session.account.factors


def test_second_factor_lasts_through_refreshes(alice: Any) -> None:
    _, session = protect(alice)

    refreshed = auth.refresh(session.refresh_token)

    assert verify_access_token(refreshed.access_token).assurance == "aal2"
    assert refreshed.account.has_second_factor


def test_code_may_be_typed_in_two_groups(alice: Any) -> None:
    tokens = sign_in(alice)
    made = auth.factor_enrol(*tokens, name="my phone")
    code = code_of(made)

    assert auth.factor_verify(*tokens, factor=made.id, code=f" {code[:3]} {code[3:]}\n")


def test_uri_is_what_an_app_reads_and_the_secret_is_in_no_repr(alice: Any) -> None:
    made = auth.factor_enrol(*sign_in(alice), name="my phone")

    read = pyotp.parse_uri(made.uri)

    assert (read.issuer, read.name, read.secret) == ("FAIRDatabase", alice.email, made.secret)
    assert made.secret not in repr(made)


@pytest.mark.parametrize("code", ["000000", "", "letters", "１２３４５６", "1\x002345", "9" * 5000])
def test_wrong_code_is_refused_plainly(alice: Any, code: str) -> None:
    tokens = sign_in(alice)
    made = auth.factor_enrol(*tokens, name="my phone")

    with pytest.raises(WrongCode) as caught:
        auth.factor_verify(*tokens, factor=made.id, code=code)

    assert not code or code not in caught.value.message
    assert not auth.get_account(tokens[0]).has_second_factor


def test_factor_never_verified_makes_way_for_the_next(alice: Any) -> None:
    tokens = sign_in(alice)
    left = auth.factor_enrol(*tokens, name="my phone")

    made = auth.factor_enrol(*tokens, name="my phone")

    assert [factor.id for factor in auth.get_account(tokens[0]).factors] == [made.id]
    with pytest.raises(NotFound):
        auth.factor_verify(*tokens, factor=left.id, code=code_of(left))


def test_session_without_the_factor_changes_neither_factors_nor_password(alice: Any) -> None:
    made, session = protect(alice)
    tokens = sign_in(alice)

    for refused in (
        lambda: auth.factor_enrol(*tokens, name="another"),
        lambda: auth.factor_remove(*tokens, factor=made.id),
        lambda: auth.change_password(*tokens, "another password"),
    ):
        with pytest.raises(SecondFactorNeeded):
            refused()
    auth.change_password(*tokens_of(session), "another password")

    assert auth.sign_in(alice.email, "another password")


def test_factor_is_removed_in_a_session_that_has_it(alice: Any) -> None:
    made, session = protect(alice)

    auth.factor_remove(*tokens_of(session), factor=made.id)
    refreshed = auth.refresh(session.refresh_token)

    assert refreshed.account.factors == ()
    assert verify_access_token(refreshed.access_token).assurance == "aal1"


def test_factor_of_somebody_else_is_not_there(alice: Any, bob: Any) -> None:
    made, _ = protect(alice)
    tokens = sign_in(bob)

    with pytest.raises(NotFound):
        auth.factor_verify(*tokens, factor=made.id, code=code_of(made, 1))
    with pytest.raises(NotFound):
        auth.factor_remove(*tokens, factor=made.id)

    assert auth.admin_get_user(alice.user.id).has_second_factor


def test_service_role_removes_all_factors(alice: Any) -> None:
    protect(alice)

    assert auth.admin_remove_factors(alice.user.id) == 1
    assert auth.admin_remove_factors(alice.user.id) == 0
    with pytest.raises(NotFound):
        auth.admin_remove_factors(uuid4())


def test_no_call_swaps_the_refresh_token(alice: Any) -> None:
    access, refresh = sign_in(alice)

    with pytest.raises(TokenExpired):
        auth.factor_enrol(expired(access, left=5), refresh, name="my phone")
    with pytest.raises(TokenExpired):
        auth.change_password(expired(access, left=-5), refresh, "another password")

    with connection.cursor() as cursor:
        cursor.execute("select revoked from auth.refresh_tokens where token = %s", [refresh])
        assert cursor.fetchall() == [(False,)]


def test_no_thread_and_no_shared_session_is_left_behind(alice: Any, bob: Any) -> None:
    threads = threading.active_count()

    protect(alice)
    sign_in(bob)

    assert threading.active_count() == threads


@pytest.mark.parametrize("token", ["", "not.a.token", "a.b"])
def test_what_is_no_token_is_a_session_that_ended(db_ready: None, token: str) -> None:
    with pytest.raises(SessionEnded):
        auth.factor_enrol(token, "anything", name="my phone")


def test_banned_person_has_no_session_any_more(alice: Any) -> None:
    access, refresh = sign_in(alice)
    auth.admin_update_user(alice.user.id, ban_for="24h")

    with pytest.raises(SessionEnded):
        auth.get_account(access)
    with pytest.raises(SessionEnded):
        auth.factor_enrol(access, refresh, name="my phone")


def test_change_of_the_password_keeps_this_session_and_ends_the_others(alice: Any) -> None:
    tokens, other = sign_in(alice), sign_in(alice)

    auth.change_password(*tokens, "another password")

    assert auth.get_account(tokens[0]).email == alice.email
    with pytest.raises(SessionEnded):
        auth.refresh(other[1])
    with pytest.raises(WrongCredentials):
        auth.sign_in(alice.email, alice.password)


@pytest.mark.parametrize(("password", "refused"), [(None, SamePassword), ("short", WeakPassword)])
def test_password_that_cannot_be_is_refused(
    alice: Any, password: str | None, refused: type[Exception]
) -> None:
    tokens = sign_in(alice)

    with pytest.raises(refused):
        auth.change_password(*tokens, password or alice.password)
