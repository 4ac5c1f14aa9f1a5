"""Who is not signed in gets to the sign-in page, each kind of client in its own way."""

from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.test import AsyncClient, Client
from django.urls import URLPattern, URLResolver, get_resolver

from accounts.tests import probe_urls
from accounts.tests.doors import next_of, row_of, sign_in

PAGE = "/probe/page/"


@pytest.fixture(autouse=True)
def _probe_pages(db_ready: None, settings: Any) -> None:
    settings.ROOT_URLCONF = "accounts.tests.probe_urls"


def test_page_sends_to_sign_in_and_back() -> None:
    answer = Client().get(f"{PAGE}?columns=1,2&q=a b")

    assert answer.status_code == 302
    assert next_of(answer) == f"{PAGE}?columns=1,2&q=a%20b"


def test_htmx_request_sends_the_whole_page_to_sign_in() -> None:
    headers = {"HX-Request": "true", "HX-Current-URL": "http://testserver/probe/other/?after=3"}

    answer = Client().get(PAGE, headers=headers)

    assert answer.status_code == 200
    assert next_of(answer) == "/probe/other/?after=3"


def test_htmx_request_from_elsewhere_comes_back_to_the_front(alice: Any) -> None:
    headers = {"HX-Request": "true", "HX-Current-URL": "https://evil.example/x"}

    assert next_of(Client().get(PAGE, headers=headers)) == "/"


def test_boosted_link_is_a_page() -> None:
    headers = {"HX-Request": "true", "HX-Boosted": "true"}

    answer = Client().get(PAGE, headers=headers)

    assert answer.status_code == 302
    assert next_of(answer) == PAGE


@pytest.mark.parametrize(
    "request_of_a_program",
    [
        {"headers": {"accept": "application/json"}},
        {"headers": {"accept": "application/json, text/html;q=0.5"}},
        {"content_type": "application/json"},
    ],
)
def test_program_gets_a_401_in_json(request_of_a_program: dict[str, Any]) -> None:
    answer = Client().post(PAGE, **request_of_a_program)

    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == "sign_in_required"


def test_browser_that_takes_anything_gets_the_page() -> None:
    assert Client().get(PAGE, headers={"accept": "*/*"}).status_code == 302


def test_public_view_is_open_and_knows_nobody() -> None:
    assert Client().get("/probe/public/").json() == {"user": "AnonymousUser"}


def test_public_pages_make_no_session() -> None:
    client = Client()

    client.get("/")

    assert "sessionid" not in client.cookies


def test_error_that_asks_to_sign_in_ends_the_session(alice: Any) -> None:
    client = sign_in(alice)

    answer = client.get("/probe/failing/SignInRequired/")

    assert next_of(answer) == "/probe/failing/SignInRequired/"
    assert "_auth_user_id" not in client.session


def test_ended_session_is_told_to_a_program_by_401(alice: Any) -> None:
    client = sign_in(alice)
    row_of(client).delete()

    assert client.get(PAGE, headers={"accept": "application/json"}).status_code == 401


def test_stale_csrf_token_is_a_friendly_page(alice: Any) -> None:
    client = sign_in(alice)
    client.handler.enforce_csrf_checks = True

    answer = client.post(PAGE, {"a": "b"})

    assert answer.status_code == 403
    assert "This form was open for too long" in answer.content.decode()


def test_async_view_under_asgi_calls_and_closes(
    alice: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DJANGO_ALLOW_ASYNC_UNSAFE")  # no database in the loop's own thread
    client = AsyncClient()
    client.cookies = sign_in(alice).cookies

    answer = async_to_sync(client.get)("/probe/tables-async/")

    assert answer.json() == {"tables": [[]] * 5}
    assert probe_urls.opened.pop().options.httpx_client.is_closed


def test_async_view_under_wsgi_calls_and_closes(alice: Any) -> None:
    answer = sign_in(alice).get("/probe/tables-async/")

    assert answer.json() == {"tables": [[]] * 5}
    assert probe_urls.opened.pop().options.httpx_client.is_closed


OPEN_TO_ALL = {
    "landing",
    "accounts:confirm",
    "accounts:confirm-again",
    "accounts:register",
    "accounts:reset",
    "accounts:sign-in",
    "accounts:sign-out",
    "admin:login",
    "admin:logout",
}


def views(patterns: list[Any], namespace: str = "") -> dict[str, Any]:
    """Return every named view of the platform."""
    found: dict[str, Any] = {}
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            inner = f"{namespace}{pattern.namespace}:" if pattern.namespace else namespace
            found |= views(pattern.url_patterns, inner)
        elif isinstance(pattern, URLPattern):
            found[f"{namespace}{pattern.name or pattern.pattern}"] = pattern.callback
    return found


def test_every_view_is_behind_sign_in_but_for_the_listed() -> None:
    every = views(get_resolver("fairdb_site.urls").url_patterns)

    marked = {name for name, view in every.items() if not getattr(view, "login_required", True)}

    assert len(every) > len(OPEN_TO_ALL)
    assert marked == OPEN_TO_ALL
