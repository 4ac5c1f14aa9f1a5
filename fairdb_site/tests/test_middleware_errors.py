"""What goes wrong is said plainly: as a page, a fragment or JSON, never with a stack."""

import logging
from typing import Any

import pytest
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


def test_log_names_where_it_broke_and_quotes_nothing(
    client: Client, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    settings.DEBUG = False
    logging.getLogger("fairdb_site").addHandler(caplog.handler)
    try:
        answer = client.get("/probe/failing/unexpected/")
    finally:
        logging.getLogger("fairdb_site").removeHandler(caplog.handler)

    assert "unexpected ValueError" in caplog.text
    assert "in failing" in caplog.text
    assert answer["X-Request-ID"] in caplog.text
    assert SENTINEL not in caplog.text


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
