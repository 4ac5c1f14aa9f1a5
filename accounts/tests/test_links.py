"""Mailed links: GET shows a button, POST uses them up; a new password after a reset."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import pytest
from django.test import Client
from django.utils import timezone

from accounts import links
from accounts.administration import account_invite
from accounts.tests.doors import row_of, sign_in
from conftest import Person
from fairdb_site.local.outbox import Mail
from fairdb_site.tests.supabase_servers import another_gateway, answering, say

RESET, CONFIRM, PASSWORD = "/accounts/reset/", "/accounts/confirm/", "/accounts/password/"
NEW = "an owl in the attic"


@pytest.fixture
def outbox(settings: Any, tmp_path: Path) -> Iterator[Path]:
    with another_gateway(settings, tmp_path, autoconfirm=False):
        yield tmp_path


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let an answer wait for its mail alone, and for no fixed time."""

    def send(work: Any) -> None:
        work()

    monkeypatch.setattr(links, "_unseen", send)


def mails(outbox: Path) -> list[Mail]:
    import json

    return [json.loads(file.read_text()) for file in sorted(outbox.glob("*.json"))]


def fields_of(mail: Mail) -> dict[str, str]:
    query = parse_qs(urlsplit(mail["link"]).query)
    return {name: query[name][0] for name in ("token_hash", "type")}


def reset_link(person: Any, outbox: Path) -> dict[str, str]:
    Client().post(RESET, {"email": person.email})
    return fields_of(mails(outbox)[-1])


def test_link_of_a_reset_leads_to_the_page_with_the_button(alice: Any, outbox: Path) -> None:
    Client().post(RESET, {"email": alice.email}, headers={"host": "localhost"})

    link = urlsplit(mails(outbox)[-1]["link"])

    assert link.path == CONFIRM
    assert "Choose a new password" in Client().get(f"{CONFIRM}?{link.query}").content.decode()


def test_who_is_signed_in_is_told_that_a_link_leads_into_another_account(
    alice: Any, bob: Any, outbox: Path
) -> None:
    link = reset_link(bob, outbox)

    assert "You are signed in as" not in Client().get(CONFIRM, link).content.decode()
    told = sign_in(alice).get(CONFIRM, link).content.decode()

    assert f"You are signed in as <bdi>{alice.email}</bdi>" in told


def test_opening_a_link_uses_nothing_up(alice: Any, outbox: Path) -> None:
    link = reset_link(alice, outbox)

    for _ in range(3):  # a mail scanner
        assert Client().get(CONFIRM, link).status_code == 200

    assert Client().post(CONFIRM, link).headers["Location"] == PASSWORD


def test_link_works_once(alice: Any, outbox: Path) -> None:
    link = reset_link(alice, outbox)
    Client().post(CONFIRM, link)

    again = Client().post(CONFIRM, link)

    assert again.status_code == 400
    assert "used already" in again.content.decode()


def test_new_password_after_a_reset_needs_no_old_one(alice: Any, outbox: Path) -> None:
    client = Client()
    client.post(CONFIRM, reset_link(alice, outbox))

    client.post(PASSWORD, {"password": NEW, "password_again": NEW})

    sign_in(Person(alice.user, alice.email, NEW))
    assert "Your password" in client.get(PASSWORD).content.decode()  # asked for from now on


def test_old_password_is_asked_for_when_the_link_was_used_long_ago(
    alice: Any, outbox: Path
) -> None:
    client = Client()
    client.post(CONFIRM, reset_link(alice, outbox))
    session = client.session
    session["password_by_link"] = timezone.now().timestamp() - 1
    session.save()

    answer = client.post(PASSWORD, {"password": NEW, "password_again": NEW})

    assert answer.status_code == 400


def test_link_signs_out_who_was_signed_in_before(people: Any, outbox: Path) -> None:
    client = sign_in(people.bob)

    client.post(CONFIRM, reset_link(people.alice, outbox))

    assert row_of(client).user_id == people.alice.user.id


def test_unknown_address_gets_the_same_answer_and_no_mail(alice: Any, outbox: Path) -> None:
    unknown = f"{uuid4().hex[:12]}@example.org"

    pages = [
        Client().post(RESET, {"email": email}).content.decode().replace(email, "")
        for email in (alice.email, unknown)
    ]

    assert pages[0] == pages[1]
    assert [mail["to"] for mail in mails(outbox)] == [alice.email]


def test_links_of_the_mail_templates_in_the_manual_open_the_page(db_ready: None) -> None:
    manual = (Path(__file__).parents[2] / "docs/supabase.md").read_text()
    written = re.findall(r"{{ \.SiteURL }}(/[^\"]+)", manual)

    assert [link.rpartition("=")[2] for link in written] == ["signup", "invite", "recovery"]
    for link in written:
        page = Client().get(link.replace("{{ .TokenHash }}", "a1b2c3"))
        assert page.status_code == 200
        assert 'value="a1b2c3"' in page.content.decode()


@pytest.mark.parametrize(
    "link",
    [
        {},
        {"token_hash": "", "type": "recovery"},
        {"token_hash": "made up", "type": "recovery"},
        {"token_hash": "x" * 5000, "type": "recovery"},
        {"token_hash": "made up", "type": "email_change"},
        {"token_hash": "made\x00up", "type": "invite"},
    ],
)
def test_link_that_is_none_of_ours_is_refused(link: dict[str, str], outbox: Path) -> None:
    assert Client().get(CONFIRM, link).status_code == 200
    assert Client().post(CONFIRM, link).status_code == 400


def test_reset_with_supabase_away_says_so(alice: Any, settings: Any) -> None:
    with answering(settings, say(503, "away")):
        answer = Client().post(RESET, {"email": alice.email})

    assert answer.status_code == 503
    assert "does not answer" in answer.content.decode()


def register(email: str, password: str) -> None:
    form = {"email": email, "password": password, "password_again": password}
    assert Client().post("/accounts/register/", form).status_code == 200


def test_address_is_confirmed_by_the_mailed_link_and_the_password_registered_with(
    outbox: Path,
) -> None:
    email = f"{uuid4().hex[:12]}@example.org"
    register(email, NEW)
    client = Client()

    link = fields_of(mails(outbox)[-1])
    answer = client.post(CONFIRM, {**link, "password": NEW}, follow=True)

    assert "you are signed in" in answer.content.decode()
    assert client.get("/probe/tables/").status_code == 200
    assert sign_in(Person(None, email, NEW)).get("/probe/tables/").status_code == 200


@pytest.mark.parametrize("typed", ["the words of its owner", ""])
def test_who_registered_an_address_first_is_not_let_in_when_its_owner_confirms_it(
    outbox: Path, typed: str
) -> None:
    email = f"{uuid4().hex[:12]}@example.org"
    register(email, "the words of a thief")
    register(email, "the words of its owner")
    owner, thief = Client(), {"email": email, "password": "the words of a thief"}

    link = fields_of(mails(outbox)[-1])
    answer = owner.post(CONFIRM, {**link, "password": typed})

    assert answer.headers["Location"] == PASSWORD
    assert Client().post("/accounts/sign-in/", thief).status_code == 400
    assert "counts no more" in owner.get(PASSWORD).content.decode()
    owner.post(PASSWORD, {"password": NEW, "password_again": NEW})
    assert sign_in(Person(None, email, NEW)).get("/probe/tables/").status_code == 200
    assert Client().post("/accounts/sign-in/", thief).status_code == 400


def test_first_link_to_set_a_password_ends_the_one_from_before_at_once(outbox: Path) -> None:
    email = f"{uuid4().hex[:12]}@example.org"
    register(email, "the words of a thief")
    account_invite(email=email, by=None)

    Client().post(CONFIRM, fields_of(mails(outbox)[-1]))

    thief = {"email": email, "password": "the words of a thief"}
    assert Client().post("/accounts/sign-in/", thief).status_code == 400


def test_links_are_to_the_set_address_whatever_the_host_header_says(
    alice: Any, outbox: Path, settings: Any
) -> None:
    settings.FAIRDB_SITE_URL = "http://127.0.0.1:8999"

    Client().post(RESET, {"email": alice.email}, headers={"host": "localhost"})

    assert mails(outbox)[-1]["link"].startswith("http://127.0.0.1:8999/accounts/confirm/?")


def test_answer_does_not_wait_for_the_mail(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    monkeypatch.setattr(links, "ANSWERED_AFTER", 0.0)
    import threading

    sent, answered = threading.Event(), threading.Event()

    def slow() -> None:
        answered.wait(10)
        sent.set()

    links._unseen(slow)
    assert not sent.is_set()
    answered.set()
    assert sent.wait(10)
