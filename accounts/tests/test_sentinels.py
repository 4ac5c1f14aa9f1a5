"""Passwords, tokens and keys are on no page under /accounts/, in no log line and no table."""

import io
import json
import logging
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.conf import settings as django_settings
from django.test import Client
from django.urls import get_resolver

from accounts import limits, links, pace
from accounts.models import SupabaseSession, User
from accounts.sessions import SESSION_KEY
from accounts.tests.doors import sign_in, tokens_of
from accounts.tests.test_second_factor import set_up
from accounts.tests.test_tokens_at_rest import everything_of_django
from conftest import Person
from fairdb_site.tests.supabase_servers import another_gateway

OWN = "/accounts/"
SESSION_END = "/accounts/sessions/{}/end/"


class Watched(Client):
    """A browser that keeps all it was answered, and notes each token that its session ever had."""

    def __init__(self) -> None:
        super().__init__()
        self.raise_request_exception = False
        self.shown: list[str] = []
        self.routes: set[str] = set()
        self.secrets: set[str] = {str(django_settings.SUPABASE_SECRET_KEY)}

    def request(self, **environ: Any) -> Any:
        answer: Any = super().request(**environ)
        body = answer.getvalue()
        if answer["Content-Type"] == "application/zip":
            archive = zipfile.ZipFile(io.BytesIO(body))
            body = b"\n".join(map(archive.read, archive.namelist()))
        self.shown += [body.decode(), str(answer.headers), str(answer.cookies)]
        self.routes.add(getattr(answer.resolver_match, "view_name", ""))
        if self.session.get(SESSION_KEY):
            for row in SupabaseSession.objects.filter(id=self.session[SESSION_KEY]):
                self.secrets |= set(tokens_of(row).values())
        return answer

    def leaks(self, log: io.StringIO) -> list[str]:
        """Return where a secret was found; the tables' bytes are looked at as PostgreSQL shows."""
        places = {"page": "\n".join(self.shown), "log": log.getvalue()}
        found = [name for name, text in places.items() for s in self.secrets if s in text]
        hexed = self.secrets | {secret.encode().hex() for secret in self.secrets}
        tables = [table for table, row in everything_of_django() for s in hexed if s in row]
        return found + tables


@pytest.fixture
def outbox(settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where mails go of a Supabase that confirms no addresses; they are sent at once."""
    monkeypatch.setattr(links, "_unseen", lambda send: send())
    with another_gateway(settings, tmp_path):
        yield tmp_path


@pytest.fixture
def browser(
    caplog: pytest.LogCaptureFixture, log: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> Watched:
    caplog.set_level(logging.DEBUG)  # whatever an operator may have logged
    monkeypatch.setattr(pace, "REFUSED_AFTER", 0.0)
    return Watched()


def password_of(browser: Watched) -> str:
    """Return a new password, which is never to be seen."""
    word = f"sesame {uuid4().hex}"
    browser.secrets.add(word)
    return word


def link_of(outbox: Path) -> dict[str, str]:
    mail = json.loads(max(outbox.glob("*.json")).read_text())
    return {"token_hash": mail["token_hash"], "type": mail["type"]}


def test_whole_life_of_an_account_shows_no_secret(
    db_ready: None, outbox: Path, browser: Watched, log: io.StringIO
) -> None:
    email = f"ida.{uuid4().hex[:8]}@example.org"  # which no password is like
    first, second, third, wrong = (password_of(browser) for _ in range(4))

    def post(page: str, **form: str) -> int:
        browser.get(OWN + page)
        return int(browser.post(OWN + page, form).status_code)

    def new(word: str, again: str = "") -> dict[str, str]:
        return {"password": word, "password_again": again or word}

    assert post("register/", email=email, **new(first, wrong)) == 400
    assert post("register/", email=email, **new(first)) == 302
    person = Person(User.objects.get(email=email), email, first)
    browser.get(OWN)
    assert post("second-factor/", code="000000") == 400
    person = set_up(person, browser)
    browser.shown = [page for page in browser.shown if "otpauth://" not in page]  # shown this once
    browser.secrets.add(person.totp_secret)
    assert post("password/", old=wrong, **new(second)) == 400
    assert post("password/", old=first, **new(email)) == 400
    assert post("password/", old=first, **new(second)) == 302
    assert post("download/", old=wrong) == 400
    assert post("download/", old=second) == 200
    sign_in(Person(person.user, email, second, person.totp_secret))
    other = SupabaseSession.objects.filter(user=person.user).latest("created_at")
    assert browser.post(SESSION_END.format(other.pk)).status_code == 302
    assert browser.post(f"{OWN}sessions/end-others/").status_code == 302
    assert browser.leaks(log) == []

    assert post("sign-out/") == 302
    assert post("sign-in/", email=email, password=wrong) == 400
    assert post("sign-in/", email=email, password=second) == 302
    assert post("sign-in/code/", code="000000") == 400
    assert post("sign-in/code/", code=person.code()) == 302
    assert post("second-factor/remove/", code="000000") == 400
    assert post("second-factor/remove/", code=person.code()) == 302
    assert browser.post(f"{OWN}sessions/end-all/").status_code == 302
    assert post("confirm/again/", email=email) == 200
    assert post("reset/", email=email) == 200
    used = link_of(outbox)
    assert post("confirm/", token_hash="no such", type="recovery") == 400
    assert browser.get(f"{OWN}confirm/", used).status_code == 200
    assert browser.post(f"{OWN}confirm/", used).status_code == 302
    assert post("password/", **new(third, wrong)) == 400
    assert post("password/", **new(third)) == 302
    assert post("delete/", old=wrong) == 400
    assert browser.leaks(log) == []
    assert post("delete/", old=third) == 302

    assert browser.leaks(log) == []
    assert browser.routes >= {f"accounts:{name}" for name in names_of_accounts()}


def test_pages_of_errors_show_no_secret(
    alice: Any, settings: Any, browser: Watched, log: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser.secrets.add(alice.password)
    sign_in(alice, browser)
    new = password_of(browser)
    tokens = sorted(browser.secrets)
    forms = {
        "password/": {"old": alice.password, "password": new, "password_again": new},
        "download/": {"old": alice.password},
        "delete/": {"old": alice.password},
        "second-factor/": {"old": alice.password},
        "register/": {"email": "x@example.org", "password": new, "password_again": new},
        "reset/": {"email": alice.email},
        "sign-in/": {"email": alice.email, "password": alice.password},
    }

    def broken(*args: Any, **kwargs: Any) -> None:
        raise RuntimeError(f"{tokens} {args} {kwargs}")

    with monkeypatch.context() as patched:
        patched.setattr(limits, "require", broken)
        mistakes = {page: browser.post(OWN + page, form) for page, form in forms.items()}
    settings.SUPABASE_URL = "http://127.0.0.1:1"
    outages = {page: browser.post(OWN + page, form) for page, form in forms.items()}

    assert {page: answer.status_code for page, answer in mistakes.items()} == dict.fromkeys(
        forms, 500
    )
    assert {page: answer.status_code for page, answer in outages.items()} == dict.fromkeys(
        forms, 503
    )
    assert browser.leaks(log) == []


def names_of_accounts() -> Iterator[str]:
    """Yield the names of all addresses under /accounts/, so that a new one has to be visited."""
    for pattern in get_resolver("accounts.urls").url_patterns:
        yield str(pattern.name)  # type: ignore[union-attr]
