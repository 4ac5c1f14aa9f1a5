"""What goes wrong is said plainly: as a page, a fragment or JSON, never with a stack."""

from typing import Any

import pytest
from django.db import connection
from django.test import Client

from accounts.tests.doors import sign_in
from accounts.tests.probe_urls import SENTINEL

HTMX = {"HX-Request": "true"}
JSON = {"accept": "application/json"}


@pytest.fixture
def client(db_ready: None, settings: Any, alice: Any) -> Client:
    settings.ROOT_URLCONF = "accounts.tests.probe_urls"
    return sign_in(alice)


KINDS = {
    "Refused": 400,
    "Forbidden": 403,
    "NotFound": 404,
    "Conflict": 409,
    "TooLarge": 413,
    "Unavailable": 503,
}


@pytest.mark.parametrize(("kind", "status"), KINDS.items())
def test_error_is_a_page_with_its_sentence(client: Client, kind: str, status: int) -> None:
    answer = client.get(f"/probe/failing/{kind}/")

    page = answer.content.decode()
    assert answer.status_code == status
    assert "A plain sentence." in page
    assert "<html" in page
    assert answer["X-Request-ID"] in page


def test_htmx_gets_a_fragment(client: Client) -> None:
    answer = client.get("/probe/failing/Refused/", headers=HTMX)

    assert answer.status_code == 400
    assert "A plain sentence." in answer.content.decode()
    assert "<html" not in answer.content.decode()


def test_program_gets_json(client: Client) -> None:
    answer = client.get("/probe/failing/Conflict/", headers=JSON)

    assert answer.status_code == 409
    assert answer.json() == {
        "error": {
            "code": "conflict",
            "message": "A plain sentence.",
            "request": answer["X-Request-ID"],
        }
    }


def test_missing_object_is_json_for_a_program(client: Client) -> None:
    answer = client.get("/probe/failing/Http404/", headers=JSON)

    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")


@pytest.mark.parametrize("debug", [True, False])
@pytest.mark.parametrize("headers", [{}, HTMX, JSON])
def test_unexpected_error_shows_nothing_of_itself(
    client: Client, settings: Any, headers: dict[str, str], debug: bool
) -> None:
    settings.DEBUG = debug

    answer = client.get("/probe/failing/unexpected/", headers=headers)

    said = answer.content.decode()
    assert answer.status_code == 500
    assert SENTINEL not in said
    assert "Traceback" not in said
    assert "ValueError" not in said
    assert "probe_urls" not in said


@pytest.mark.parametrize("debug", [True, False])
@pytest.mark.parametrize("headers", [{}, HTMX, JSON])
@pytest.mark.parametrize("kind", ["DataError", "IntegrityError", "mistaken", "terminated"])
def test_what_the_database_refused_shows_no_sql_and_no_path(
    client: Client, settings: Any, kind: str, headers: dict[str, str], debug: bool
) -> None:
    settings.DEBUG = debug

    answer = client.get(f"/probe/failing/{kind}/", headers=headers)
    connection.close()  # as Django does when the next request begins

    said = answer.content.decode().lower()
    assert answer.status_code == (503 if kind == "terminated" else 500)
    for shown in ("select ", "insert into", "no_such_table", "psycopg2", "sqlstate", "traceback"):
        assert shown not in said
    assert str(settings.BASE_DIR) not in said
    assert SENTINEL not in said


def test_request_id_is_ours_and_new(client: Client) -> None:
    ids = {
        client.get("/probe/public/", headers={"X-Request-ID": "forged\nline"})["X-Request-ID"]
        for _ in range(3)
    }

    assert len(ids) == 3
    assert not any("forged" in request_id for request_id in ids)


def test_pages_run_no_inline_code_and_load_from_here_alone(client: Client) -> None:
    policy = client.get("/")["Content-Security-Policy"]

    assert "default-src 'self'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy


def test_private_pages_stay_out_of_caches(client: Client) -> None:
    assert client.get("/probe/page/")["Cache-Control"] == "private, no-store"
    assert "no-store" not in Client().get("/").headers.get("Cache-Control", "")


@pytest.mark.parametrize("debug", [True, False])
@pytest.mark.parametrize("headers", [{}, HTMX, JSON])
@pytest.mark.parametrize("path", ["/nowhere/", "/datasets/1/", "/probe/failing/Http404/"])
def test_address_that_leads_nowhere_lists_none_that_do(
    client: Client, settings: Any, path: str, headers: dict[str, str], debug: bool
) -> None:
    settings.DEBUG = debug

    answer = client.get(path, headers=headers)

    said = answer.content.decode()
    assert answer.status_code == 404
    assert "URLconf" not in said
    assert "sign-in/ [name=" not in said
    assert ("<html" in said) is (not headers)


def test_address_without_its_last_slash_still_gets_it(client: Client) -> None:
    assert client.get("/dashboard")["Location"] == "/dashboard/"


UNREADABLE: dict[str, dict[str, Any]] = {
    "a foreign host": {"headers": {"host": "evil.example"}},
    "a form in utf-7": {
        "content_type": "application/x-www-form-urlencoded; charset=utf-7",
        "data": "a=1",
    },
    "too many fields": {
        "content_type": "application/x-www-form-urlencoded",
        "data": "&".join("a=1" for _ in range(5_001)),
    },
    "a field too long": {
        "content_type": "application/x-www-form-urlencoded",
        "data": "a=" + "x" * 3_000_000,
    },
    "too many words in the address": {
        "query_params": {"q": ["1"] * 5_001},
    },
    "a multipart form without its boundary": {"content_type": "multipart/form-data", "data": "x"},
}


@pytest.mark.parametrize("debug", [True, False])
@pytest.mark.parametrize("what", UNREADABLE)
def test_unreadable_request_is_a_plain_400(
    client: Client, alice: Any, settings: Any, what: str, debug: bool
) -> None:
    settings.DEBUG = debug
    browser = Client(enforce_csrf_checks=True)
    browser.cookies = client.cookies
    browser.get("/accounts/register/")

    answer = browser.generic(
        "GET" if "query_params" in UNREADABLE[what] else "POST", "/search/", **UNREADABLE[what]
    )

    said = answer.content.decode()
    assert answer.status_code == 400
    heading = "Too much for one form" if what == "a field too long" else "was not understood"
    assert heading in said
    assert "Traceback" not in said
    assert "ALLOWED_HOSTS" not in said


@pytest.mark.parametrize("debug", [True, False])
def test_mistake_of_ours_before_any_view_shows_nothing_of_itself(
    db_ready: None, settings: Any, monkeypatch: pytest.MonkeyPatch, debug: bool
) -> None:
    settings.DEBUG = debug

    def broken(*args: Any) -> None:
        raise ValueError(SENTINEL)

    monkeypatch.setattr("fairdb_site.middleware.attach_supabase", broken)
    answer = Client(raise_request_exception=False).get("/")

    said = answer.content.decode()
    assert answer.status_code == 500
    assert "Something of ours broke" in said
    assert SENTINEL not in said
    assert "Traceback" not in said
