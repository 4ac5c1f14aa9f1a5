"""Async views behind the whole middleware, under ASGI and WSGI: clients, tokens, errors."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from asgiref.testing import ApplicationCommunicator
from django.core.asgi import get_asgi_application
from django.test import AsyncClient, Client
from django.utils.module_loading import import_string

from accounts.tests.doors import (
    give_expired_token,
    let_it_expire,
    next_of,
    refreshes_of,
    row_of,
    sign_in,
    tokens_of,
)
from fairdb_site.supabase import auth
from fairdb_site.supabase.clients import Supabase, shared_http
from fairdb_site.tests import async_urls
from fairdb_site.tests.supabase_servers import answering, say

Get = Callable[..., Any]


@pytest.fixture(autouse=True)
def _probe_pages(db_ready: None, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.ROOT_URLCONF = "fairdb_site.tests.async_urls"
    monkeypatch.delenv("DJANGO_ALLOW_ASYNC_UNSAFE")  # no database in a loop's own thread
    async_urls.used.clear()


@pytest.fixture
def browser(alice: Any) -> Client:
    return sign_in(alice)


@pytest.fixture(params=["ASGI", "WSGI"])
def get(request: Any, browser: Client) -> Get:
    """Ask for a page as Alice's browser does, of either kind of server."""
    if request.param == "WSGI":
        browser.raise_request_exception = False
        return browser.get
    client = AsyncClient(raise_request_exception=False)
    client.cookies = browser.cookies
    return async_to_sync(client.get)


def is_closed(supabase: Supabase, http: Any) -> bool:
    return http.is_closed and not supabase._async_clients and not supabase._clients


def test_clients_are_closed_with_the_request(get: Get) -> None:
    assert get("/async/three/").json() == {"tables": [[]] * 3}

    assert is_closed(*async_urls.used.pop())
    assert not shared_http().is_closed  # the connections serve the next request


@pytest.mark.parametrize(("kind", "status"), [("ours", 404), ("unexpected", 500)])
def test_clients_are_closed_when_the_view_raises(get: Get, kind: str, status: int) -> None:
    assert get(f"/async/failing/{kind}/").status_code == status

    assert is_closed(*async_urls.used.pop())


def test_sync_clients_are_forgotten_when_the_view_raises(get: Get) -> None:
    assert get("/sync/failing/").status_code == 500

    supabase, http = async_urls.used.pop()
    assert supabase._clients == {}
    assert http is shared_http()


def test_clients_are_closed_when_the_browser_goes_away(browser: Client) -> None:
    cookie = "; ".join(f"{name}={morsel.value}" for name, morsel in browser.cookies.items())
    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": "GET",
        "path": "/async/waiting/",
        "query_string": b"",
        "headers": [(b"host", b"testserver"), (b"cookie", cookie.encode())],
    }

    async def go_away() -> None:
        async_urls.waits = asyncio.Event()
        request: Any = ApplicationCommunicator(  # type: ignore[no-untyped-call]
            get_asgi_application(), scope
        )
        await request.send_input({"type": "http.request"})
        await asyncio.wait_for(async_urls.waits.wait(), 20)
        await request.send_input({"type": "http.disconnect"})
        await request.wait(20)

    asyncio.run(go_away())

    assert is_closed(*async_urls.used.pop())


@pytest.mark.parametrize("path", ["/async/three/", "/dashboard/"])
@pytest.mark.parametrize("make_expired", [let_it_expire, give_expired_token])
def test_calls_at_once_with_an_expired_token_make_one_refresh(
    get: Get, browser: Client, make_expired: Callable[[Any], Any], path: str
) -> None:
    row = row_of(browser)
    make_expired(row)

    assert get(path).status_code == 200
    assert refreshes_of(row) == 1


@pytest.mark.parametrize("make_expired", [let_it_expire, give_expired_token])
def test_session_that_ended_leads_to_the_sign_in_page(
    get: Get, browser: Client, make_expired: Callable[[Any], Any]
) -> None:
    row = row_of(browser)
    auth.sign_out(tokens_of(row)["access"], "global")
    make_expired(row)

    answer = get("/dashboard/")

    assert answer.status_code == 302
    assert next_of(answer) == "/dashboard/"
    assert "_auth_user_id" not in browser.session


def test_supabase_that_is_away_is_a_503_with_a_sentence(get: Get, settings: Any) -> None:
    settings.SUPABASE_URL = "http://127.0.0.1:9"  # the discard port: nothing listens there

    answer = get("/dashboard/")

    assert answer.status_code == 503
    assert answer["Retry-After"] == "60"
    assert "does not answer just now" in answer.content.decode()


def test_supabase_that_breaks_down_is_a_503_with_a_sentence(get: Get, settings: Any) -> None:
    with answering(settings, say(502, "<html>Bad gateway</html>")):
        answer = get("/dashboard/")

    assert answer.status_code == 503
    assert "does not answer just now" in answer.content.decode()


def test_calls_of_the_dashboard_are_under_way_at_once(get: Get, settings: Any) -> None:
    """Each answer is held back until the other call is there; one by one, none would be given."""
    import threading

    both = threading.Barrier(2)
    answers = {
        "get_overview": '{"datasets": 0, "rows": 0, "columns": 0, "unfinished": []}',
        "list_datasets": "[]",
    }

    def together(handler: Any) -> None:
        handler.rfile.read(int(handler.headers["Content-Length"]))
        both.wait(20)
        say(200, answers[handler.path.rsplit("/", 1)[1]], "application/json")(handler)

    with answering(settings, together) as asked:
        answer = get("/dashboard/")

    assert "Upload your first table" in answer.content.decode()
    assert len(asked) == 2


def test_all_middleware_speaks_async_but_for_static_files(settings: Any) -> None:
    """Each that does not costs two changes of thread a request under ASGI."""
    sync_alone = {
        name
        for name in settings.MIDDLEWARE
        if not getattr(import_string(name), "async_capable", False)
    }

    assert sync_alone == {"whitenoise.middleware.WhiteNoiseMiddleware"}
