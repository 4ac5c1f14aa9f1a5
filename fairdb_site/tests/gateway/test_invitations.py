"""Invitations, confirmation mails sent again, and which links open what."""

from typing import Any

import pytest

from fairdb_site.tests.gateway.served import Served, Session
from fairdb_site.tests.gateway.test_accounts import PASSWORD, new_email, outcome, verify


def invite(gateway: Served, email: str, **more: Any) -> Any:
    return gateway.admin("POST", "/invite", {"email": email, **more})


def test_invited_person_opens_an_account_by_the_link_and_sets_a_password(gateway: Served) -> None:
    email = new_email()

    made = invite(gateway, email, data={"name": "A."}).json()
    (mail,) = gateway.mails(email)
    opened = verify(gateway, mail).json()
    token = opened["access_token"]
    gateway.request("PUT", "/auth/v1/user", token=token, json={"password": PASSWORD})

    assert made["invited_at"]
    assert made.get("email_confirmed_at") is None
    assert (mail["type"], made["user_metadata"]) == ("invite", {"name": "A."})
    assert opened["user"]["email_confirmed_at"]
    assert gateway.sign_in(email, PASSWORD).status_code == 200
    assert outcome(verify(gateway, mail)) == (403, "otp_expired")


def test_invited_again_only_the_newest_link_opens(gateway: Served) -> None:
    email = new_email()
    first, second = (invite(gateway, email).json()["id"] for _ in range(2))
    older, newer = gateway.mails(email)

    assert first == second
    assert outcome(verify(gateway, older)) == (403, "otp_expired")
    assert verify(gateway, newer).status_code == 200
    assert outcome(invite(gateway, email)) == (422, "email_exists")
    assert len(gateway.mails(email)) == 2


def test_password_of_a_stranger_who_signed_up_first_opens_no_invited_account(
    careful_gateway: Served,
) -> None:
    email = new_email()
    careful_gateway.auth("/signup", {"email": email, "password": "a stranger's"})

    invite(careful_gateway, email)
    verify(careful_gateway, careful_gateway.mails(email)[-1])

    assert careful_gateway.sign_in(email, "a stranger's").status_code == 400


def test_only_the_service_role_invites(gateway: Served, user: Session) -> None:
    body = {"email": new_email()}

    answers = [gateway.auth("/invite", body, token=token) for token in (None, user.access_token)]

    assert {outcome(answer) for answer in answers} == {(403, "not_admin")}
    assert gateway.mails(body["email"]) == []


def test_link_of_an_invitation_leads_where_it_should(gateway: Served) -> None:
    email = new_email()
    gateway.admin(
        "POST", "/invite?redirect_to=http%3A%2F%2Flocalhost%3A8000%2Fwelcome", {"email": email}
    )

    assert gateway.mails(email)[0]["link"].startswith("http://localhost:8000/welcome?token_hash=")


def test_confirmation_is_mailed_again_to_who_waits_for_it_alone(careful_gateway: Served) -> None:
    waiting, done = new_email(), new_email()
    for email in (waiting, done):
        careful_gateway.auth("/signup", {"email": email, "password": PASSWORD})
    verify(careful_gateway, careful_gateway.mails(done)[0])

    answers = [
        careful_gateway.auth("/resend", {"type": "signup", "email": email})
        for email in (waiting, done, "nobody@example.org")
    ]

    assert [(answer.status_code, answer.json()) for answer in answers] == [(200, {})] * 3
    assert [len(careful_gateway.mails(email)) for email in (waiting, done)] == [2, 1]
    assert careful_gateway.mails("nobody@example.org") == []
    assert verify(careful_gateway, careful_gateway.mails(waiting)[1]).status_code == 200


@pytest.mark.parametrize(("kind", "status"), [("email", 200), ("recovery", 403)])
def test_token_of_a_sign_up_is_one_of_an_email_too(
    careful_gateway: Served, kind: str, status: int
) -> None:
    email = new_email()
    careful_gateway.auth("/signup", {"email": email, "password": PASSWORD})
    (mail,) = careful_gateway.mails(email)

    assert verify(careful_gateway, mail | {"type": kind}).status_code == status
