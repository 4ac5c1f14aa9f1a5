"""Whatever is answered bears the headers that a browser needs to protect whoever reads it."""

import json
import re
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client

from accounts.tests.doors import sign_in
from conftest import People
from fairdb_site.rates import read_rates
from fairdb_site.tests.test_outages import database_away

JSON = {"accept": "application/json"}
HTMX = {"HX-Request": "true"}


@pytest.fixture
def browsers(db_ready: None, settings: Any, people: People) -> dict[str, Client]:
    """Anonymous, Alice's and a member of staff's browser, at a site served as in production."""
    settings.ROOT_URLCONF = "accounts.tests.probe_urls"
    settings.DEBUG = False
    settings.SECURE_HSTS_SECONDS = 31_536_000
    settings.SECURE_HSTS_INCLUDE_SUBDOMAINS = True
    found = {"nobody": Client(), "alice": sign_in(people.alice), "staff": sign_in(people.carol)}
    for browser in found.values():
        browser.raise_request_exception = False
    return found


ANSWERS: dict[str, tuple[str, str, int]] = {
    "front page": ("nobody", "/", 200),
    "sign-in": ("nobody", "/accounts/sign-in/", 200),
    "registration": ("nobody", "/accounts/register/", 200),
    "redirect to sign-in": ("nobody", "/dashboard/", 302),
    "dashboard": ("alice", "/dashboard/", 200),
    "upload": ("alice", "/datasets/new/", 200),
    "not yours": ("alice", "/admin/login/", 403),
    "nothing there": ("alice", "/nowhere/", 404),
    "our mistake": ("alice", "/probe/failing/unexpected/", 500),
    "not answering": ("alice", "/probe/failing/Unavailable/", 503),
    "not understood": ("nobody", "/search/?" + "q=1&" * 5_001, 400),
    "admin": ("staff", "/admin/", 200),
    "admin's sign-in": ("nobody", "/admin/login/", 302),
    "admin's list": ("staff", "/admin/accounts/user/", 200),
    "admin's form": ("staff", "/admin/accounts/auditevent/", 200),
    "static file": ("nobody", "/static/fairdb/fairdb.css", 200),
    "admin's static file": ("nobody", "/static/admin/css/base.css", 200),
    "probe": ("nobody", "/healthz", 200),
}


def is_protected(answer: Any) -> bool:
    policy = answer["Content-Security-Policy"]
    return (
        "default-src 'self'" in policy
        and "frame-ancestors 'none'" in policy
        and "object-src 'none'" in policy
        and "unsafe" not in policy
        and answer["Strict-Transport-Security"] == "max-age=31536000; includeSubDomains"
        and answer["Referrer-Policy"] == "same-origin"
        and answer["X-Content-Type-Options"] == "nosniff"
        and answer["X-Frame-Options"] == "DENY"
        and "camera=()" in answer["Permissions-Policy"]
        and answer["Cross-Origin-Opener-Policy"] == "same-origin"
    )


def runs_nothing_inline(page: str) -> bool:
    """Nothing that the policy would forbid: no script, style or handler within the page."""
    scripts = re.findall(r"<script\b([^>]*)>(.*?)</script>", page, re.S)
    inline = [
        words for given, words in scripts if words.strip() and "application/json" not in given
    ]
    return not inline and not re.search(r"<style|\sstyle=|\son[a-z]+=\"", page)


@pytest.mark.parametrize("what", ANSWERS)
def test_every_kind_of_answer_is_protected(browsers: dict[str, Client], what: str) -> None:
    who, path, status = ANSWERS[what]

    answer = browsers[who].get(path, secure=True)

    assert answer.status_code == status
    assert is_protected(answer)
    if answer.headers.get("Content-Type", "").startswith("text/html"):
        assert runs_nothing_inline(answer.content.decode())


@pytest.mark.parametrize("headers", [{}, HTMX, JSON])
@pytest.mark.parametrize("path", ["/nowhere/", "/probe/failing/unexpected/"])
def test_so_is_a_fragment_and_json(
    browsers: dict[str, Client], path: str, headers: dict[str, str]
) -> None:
    assert is_protected(browsers["alice"].get(path, headers=headers, secure=True))


def test_so_is_an_outage_a_foreign_host_a_stale_form_and_too_many_tries(
    browsers: dict[str, Client], settings: Any
) -> None:
    strict = Client(enforce_csrf_checks=True)
    limits = {"SIGN_IN": read_rates("", "pair=1/1d")}
    settings.FAIRDB_LIMITS = settings.FAIRDB_LIMITS | limits
    form = {"email": f"{uuid4().hex}@example.org", "password": "x"}
    asked: dict[int, Callable[[], Any]] = {
        503: lambda: browsers["alice"].get("/dashboard/", secure=True),
        400: lambda: strict.get("/", headers={"host": "evil.example"}, secure=True),
        403: lambda: strict.post("/accounts/sign-in/", form, secure=True),
        429: lambda: [Client().post("/accounts/sign-in/", form, secure=True) for _ in "12"][1],
    }
    for status, ask in asked.items():
        with database_away() if status == 503 else nullcontext():
            answer = ask()
        assert answer.status_code == status
        assert is_protected(answer)


@pytest.mark.parametrize(
    "what", ["front page", "dashboard", "nothing there", "our mistake", "not understood"]
)
def test_htmx_evaluates_nothing_and_writes_no_styles(
    browsers: dict[str, Client], what: str
) -> None:
    who, path, _ = ANSWERS[what]

    page = browsers[who].get(path, secure=True).content.decode()

    found = re.search(r"name=\"htmx-config\"\s+content='([^']*)'", page)
    assert found is not None
    config = json.loads(found[1])
    assert config["allowEval"] is config["allowScriptTags"] is False
    assert config["includeIndicatorStyles"] is False


def test_no_hx_attribute_needs_evaluation() -> None:
    """`hx-on`, `hx-vals="js:"` and filters of triggers are what `allowEval` would be for."""
    from pathlib import Path

    pages = Path(__file__).parents[2].joinpath("templates").rglob("*.html")
    assert not [
        page.name
        for page in pages
        if re.search(r"hx-on|=\"js:|=\"javascript:|hx-trigger=\"[^\"]*\[", page.read_text())
    ]
