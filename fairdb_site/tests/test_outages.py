"""While the database is away, pages say so with a 503; what needs no database still works."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from accounts.kept_input import COOKIE
from accounts.tests.doors import sign_in
from fairdb_site.answers import NO_DATABASE

HTMX = {"HX-Request": "true"}
JSON = {"accept": "application/json"}


@contextmanager
def database_away() -> Iterator[None]:
    """Let every connection be refused: nothing listens on port 1."""
    port = connection.settings_dict["PORT"]
    connection.close()
    connection.settings_dict["PORT"] = "1"
    try:
        yield
    finally:
        connection.close()
        connection.settings_dict["PORT"] = port


@pytest.fixture
def client(db_ready: None, settings: Any, alice: Any) -> Client:
    settings.ROOT_URLCONF = "accounts.tests.probe_urls"
    client = sign_in(alice)
    client.raise_request_exception = False
    return client


def is_the_page(answer: Any) -> bool:
    said = answer.content.decode()
    return (
        answer.status_code == 503
        and "<html" in said
        and NO_DATABASE in said
        and answer["X-Request-ID"] in said
        and answer["Retry-After"] == "60"
        and "no-store" in answer["Cache-Control"]
        and "Content-Security-Policy" in answer
    )


@pytest.mark.parametrize("debug", [True, False])
@pytest.mark.parametrize("path", ["/", "/dashboard/", "/admin/", "/nowhere/", "/accounts/sign-in/"])
def test_signed_in_person_reads_that_the_database_is_away(
    client: Client, settings: Any, path: str, debug: bool
) -> None:
    settings.DEBUG = debug

    with database_away():
        answer = client.get(path)

    assert is_the_page(answer)
    assert f'href="{path}"' in answer.content.decode()
    assert client.get("/dashboard/").status_code == 200


def test_form_sent_meanwhile_is_not_offered_as_a_link(client: Client) -> None:
    with database_away():
        answer = client.post("/probe/page/", {"title": "x"})

    assert is_the_page(answer)
    assert "Try again</a>" not in answer.content.decode()


def test_htmx_gets_a_fragment_and_a_program_json(client: Client) -> None:
    with database_away():
        fragment = client.get("/datasets/", headers=HTMX)
        told = client.get("/datasets/", headers=JSON)

    assert (fragment.status_code, told.status_code) == (503, 503)
    assert (fragment["Retry-After"], told["Retry-After"]) == ("60", "60")
    assert NO_DATABASE in fragment.content.decode()
    assert "<html" not in fragment.content.decode()
    assert told.json()["error"]["message"] == NO_DATABASE


@pytest.mark.parametrize("path", ["/", "/accounts/sign-in/", "/accounts/register/"])
def test_pages_for_everybody_need_no_database(db_ready: None, path: str) -> None:
    with database_away():
        answer = Client().get(path)

    assert answer.status_code == 200


def test_sign_in_without_an_account_service_says_when_to_come_back(
    db_ready: None, settings: Any, alice: Any
) -> None:
    settings.SUPABASE_URL = "http://127.0.0.1:1"

    credentials = {"email": alice.email, "password": alice.password}
    answer = Client().post("/accounts/sign-in/", credentials)

    assert answer.status_code == 503
    assert answer["Retry-After"] == "60"


def test_address_that_leads_nowhere_is_said_without_the_database(db_ready: None) -> None:
    with database_away():
        answer = Client().get("/nowhere/")

    assert answer.status_code == 404


def test_input_that_cannot_be_kept_is_an_outage(client: Client) -> None:
    """Only the session is written here, after every view, as the answer passes its middleware."""
    del client.cookies["sessionid"]

    with database_away():
        answer = client.post("/probe/page/", {"title": "x"})

    assert COOKIE in client.cookies
    assert is_the_page(answer)


@pytest.mark.parametrize("debug", [True, False])
@pytest.mark.parametrize("how", ["terminated", "cut-off"])
def test_connection_lost_within_a_request_is_an_outage(
    client: Client, settings: Any, how: str, debug: bool
) -> None:
    settings.DEBUG = debug

    answer = client.get(f"/probe/failing/{how}/")
    connection.close()  # as Django does when the next request begins

    assert is_the_page(answer)
    assert client.get("/probe/page/").status_code == 200


@pytest.mark.parametrize("kind", ["mistaken", "timed-out", "DataError"])
def test_what_the_database_answered_is_none(client: Client, kind: str) -> None:
    answer = client.get(f"/probe/failing/{kind}/")

    assert answer.status_code == 500
    assert "Something of ours broke" in answer.content.decode()
