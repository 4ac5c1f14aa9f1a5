"""The platform's own account functions, and supabase-py beneath them, on the embedded gateway."""

import time
from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

import jwt
import pyotp
import pytest

from fairdb_site.errors import NotFound
from fairdb_site.supabase import auth
from fairdb_site.supabase.clients import make_client
from fairdb_site.supabase.errors import (
    AccountExists,
    FactorNameTaken,
    LinkUsed,
    SecondFactorNeeded,
    SessionEnded,
    WrongCode,
)
from fairdb_site.supabase.tokens import signing_keys
from fairdb_site.tests.gateway.served import Served
from fairdb_site.tests.gateway.test_accounts import PASSWORD, new_email
from fairdb_site.tests.supabase_servers import point_at

PAGE = "http://127.0.0.1:8000/welcome"
Tokens = tuple[str, str]


@pytest.fixture
def platform(settings: Any, careful_gateway: Served) -> Iterator[Served]:
    """The gateway of a project that confirms addresses, which the platform is pointed at."""
    point_at(settings, careful_gateway.config.url)
    yield careful_gateway
    signing_keys.forget()


def tokens(session: auth.Session) -> Tokens:
    return session.access_token, session.refresh_token


def code_of(secret: str, step: int = 0) -> str:
    return pyotp.TOTP(secret).at(int(time.time()), counter_offset=step)


def protected(email: str) -> tuple[auth.NewFactor, auth.Session]:
    """Give an account a second factor; return it and the session that proved it."""
    auth.admin_create_user(email, PASSWORD)
    session = auth.sign_in(email, PASSWORD)
    factor = auth.factor_enrol(*tokens(session), name="phone")
    code = code_of(factor.secret)
    return factor, auth.factor_verify(*tokens(session), factor=factor.id, code=code)


def test_second_factor_from_enrolling_to_removing(platform: Served) -> None:
    email = new_email()
    auth.admin_create_user(email, PASSWORD)
    session = auth.sign_in(email, PASSWORD)

    left = auth.factor_enrol(*tokens(session), name="phone")
    factor = auth.factor_enrol(*tokens(session), name="phone")
    with pytest.raises(WrongCode):
        auth.factor_verify(*tokens(session), factor=factor.id, code="no code")
    with pytest.raises(NotFound):
        auth.factor_verify(*tokens(session), factor=left.id, code=code_of(left.secret))
    code = code_of(factor.secret)
    raised = auth.factor_verify(*tokens(session), factor=factor.id, code=f" {code[:3]} {code[3:]}")

    assert pyotp.parse_uri(factor.uri).issuer == "FAIRDatabase"
    assert raised.account.has_second_factor
    with pytest.raises(SessionEnded):
        auth.refresh(session.refresh_token)
    with pytest.raises(FactorNameTaken):
        auth.factor_enrol(*tokens(raised), name="phone")
    half = auth.sign_in(email, PASSWORD)
    for refused in (
        lambda: auth.factor_enrol(*tokens(half), name="another"),
        lambda: auth.factor_remove(*tokens(half), factor=factor.id),
        lambda: auth.change_password(*tokens(half), "another password"),
    ):
        with pytest.raises(SecondFactorNeeded):
            refused()
    auth.factor_remove(*tokens(raised), factor=factor.id)
    assert not auth.get_account(raised.access_token).has_second_factor


def test_sign_in_takes_the_factors_next_code(platform: Served) -> None:
    email = new_email()
    factor, _ = protected(email)

    half = auth.sign_in(email, PASSWORD)
    whole = auth.factor_verify(*tokens(half), factor=factor.id, code=code_of(factor.secret, 1))

    claims = jwt.decode(whole.access_token, options={"verify_signature": False})
    assert half.account.has_second_factor
    assert claims["aal"] == "aal2"
    auth.change_password(*tokens(whole), "another password")


def test_administrators_remove_factors_and_accounts(platform: Served) -> None:
    email = new_email()
    _, raised = protected(email)
    person = raised.account.id

    assert auth.admin_get_user(person).has_second_factor
    assert auth.admin_remove_factors(person) == 1
    assert auth.admin_remove_factors(person) == 0
    assert not auth.sign_in(email, PASSWORD).account.has_second_factor
    auth.admin_delete_user(person)
    auth.admin_delete_user(person)
    with pytest.raises(NotFound):
        auth.admin_remove_factors(person)


def test_invited_person_comes_in_by_the_link(platform: Served) -> None:
    email = new_email()

    invited = auth.invite(email, redirect_to=PAGE)
    (mail,) = platform.mails(email)
    session = auth.verify_link(mail["token_hash"], "invite")
    auth.change_password(*tokens(session), PASSWORD)

    assert (invited.is_confirmed, session.account.is_confirmed) == (False, True)
    assert invited.invited_at
    assert mail["link"].startswith(PAGE)
    assert auth.sign_in(email, PASSWORD).account.id == invited.id
    with pytest.raises(LinkUsed):
        auth.verify_link(mail["token_hash"], "invite")
    with pytest.raises(AccountExists):
        auth.invite(email, redirect_to=PAGE)


def test_confirmation_and_recovery_by_mailed_links(platform: Served) -> None:
    email = new_email()

    auth.sign_up(email, PASSWORD, redirect_to=PAGE)
    auth.resend_confirmation(email, redirect_to=PAGE)
    auth.resend_confirmation("nobody@example.org", redirect_to=PAGE)
    auth.verify_link(platform.mails(email)[-1]["token_hash"], "email")
    auth.send_recovery(email, redirect_to=PAGE)
    session = auth.verify_link(platform.mails(email)[-1]["token_hash"], "recovery")
    auth.change_password(*tokens(session), "another password")

    assert [mail["type"] for mail in platform.mails(email)] == ["signup", "signup", "recovery"]
    assert auth.sign_in(email, "another password").account.email == email
    with pytest.raises(LinkUsed):
        auth.verify_link(uuid4().hex, "signup")


def test_supabase_py_knows_the_level_and_lists_the_factors(platform: Served) -> None:
    factor, raised = protected(new_email())
    client = make_client(platform.config.publishable_key)
    client.auth.set_session(*tokens(raised))
    service = make_client(platform.config.secret_key)

    level = client.auth.mfa.get_authenticator_assurance_level()
    (listed,) = client.auth.mfa.list_factors().totp
    whose = {"user_id": str(raised.account.id)}

    assert (level.current_level, level.next_level) == ("aal2", "aal2")
    assert [entry.method for entry in level.current_authentication_methods] == ["totp", "password"]
    assert UUID(listed.id) == factor.id
    assert [f.id for f in service.auth.admin.mfa.list_factors(whose)] == [listed.id]  # type: ignore[arg-type]
