"""What a mailed link opens, and what its use leaves of the others, as GoTrue has it."""

from fairdb_site.tests.gateway.served import Served
from fairdb_site.tests.gateway.test_accounts import PASSWORD, new_email, outcome, verify


def test_a_link_that_was_used_takes_all_others_of_its_account_along(
    careful_gateway: Served,
) -> None:
    email = new_email()
    careful_gateway.auth("/signup", {"email": email, "password": PASSWORD})
    careful_gateway.auth("/recover", {"email": email})
    confirmation, recovery = careful_gateway.mails(email)

    assert verify(careful_gateway, recovery).status_code == 200
    assert outcome(verify(careful_gateway, confirmation)) == (403, "otp_expired")


def test_links_of_sign_ups_and_of_recoveries_are_taken_as_email_too(gateway: Served) -> None:
    person = gateway.sign_up()
    gateway.auth("/recover", {"email": person.email})
    (mail,) = gateway.mails(person.email)

    answer = gateway.auth("/verify", {"token_hash": mail["token_hash"], "type": "email"})

    assert answer.json()["user"]["id"] == person.id


def test_link_of_somebody_banned_opens_nothing_and_is_not_used_up(gateway: Served) -> None:
    person = gateway.sign_up()
    gateway.auth("/recover", {"email": person.email})
    (mail,) = gateway.mails(person.email)

    gateway.admin("PUT", f"/admin/users/{person.id}", {"ban_duration": "24h"})
    banned = verify(gateway, mail)
    gateway.admin("PUT", f"/admin/users/{person.id}", {"ban_duration": "none"})

    assert outcome(banned) == (403, "user_banned")
    assert verify(gateway, mail).status_code == 200
