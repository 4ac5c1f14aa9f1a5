"""No log line holds a value, whoever wrote it: our middleware, Django, or a server."""

import io
import json
import logging
import re
from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client

from accounts.tests.doors import sign_in
from accounts.tests.probe_urls import SENTINEL, refused_by_postgresql
from fairdb_site.logs import JsonFormatter, ValueFreeFormatter
from fairdb_site.middleware import AnswerBroken


@pytest.fixture
def objects(log: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], list[Any]]]:
    """Let the handlers write JSON, access lines too; give what reads the objects written."""
    for name in ("", "fairdb_site", "datasets", "django.server"):
        for handler in logging.getLogger(name).handlers:
            if isinstance(handler.formatter, ValueFreeFormatter):
                monkeypatch.setattr(handler, "formatter", JsonFormatter())
    requests = logging.getLogger("fairdb_site.requests")
    before = requests.level
    requests.setLevel(logging.INFO)
    yield lambda: [json.loads(line) for line in log.getvalue().splitlines()]
    requests.setLevel(before)


@pytest.fixture
def client(db_ready: None, settings: Any, alice: Any) -> Client:
    settings.ROOT_URLCONF = "accounts.tests.probe_urls"
    client = sign_in(alice)
    client.raise_request_exception = False
    return client


@pytest.mark.parametrize("debug", [True, False])
@pytest.mark.parametrize("kind", ["DataError", "IntegrityError"])
def test_value_that_postgresql_quotes_is_not_logged(
    client: Client, settings: Any, log: io.StringIO, kind: str, debug: bool
) -> None:
    settings.DEBUG = debug

    answer = client.get(f"/probe/failing/{kind}/?q={SENTINEL}")

    said = log.getvalue()
    assert answer.status_code == 500
    assert SENTINEL not in said.lower()
    assert f"{kind} (SQLSTATE 2" in said
    assert "in refused_by_postgresql" in said
    assert f"[{answer['X-Request-ID']}]" in said


@pytest.mark.parametrize("debug", [True, False])
def test_nor_where_it_breaks_outside_of_every_view(
    client: Client, settings: Any, log: io.StringIO, monkeypatch: pytest.MonkeyPatch, debug: bool
) -> None:
    settings.DEBUG = debug
    monkeypatch.setattr(
        "fairdb_site.middleware.attach_supabase",
        lambda request: refused_by_postgresql("IntegrityError"),
    )

    answer = client.get("/probe/public/")

    said = log.getvalue()
    assert answer.status_code == 500
    assert SENTINEL not in said.lower()
    assert "ERROR django.request" in said
    assert "IntegrityError (SQLSTATE 2" in said


def test_nor_where_a_streamed_answer_breaks_off(client: Client, log: io.StringIO) -> None:
    answer = client.get("/probe/failing/streamed/")

    with pytest.raises(AnswerBroken) as broken:
        b"".join(answer)

    assert broken.value.__context__ is None  # a server would print it
    assert SENTINEL not in log.getvalue()
    assert "in breaks_off" in log.getvalue()


def test_address_that_leads_nowhere_is_not_quoted(client: Client, log: io.StringIO) -> None:
    client.get(f"/patients/{SENTINEL}/")

    assert "WARNING django.request" in log.getvalue()
    assert SENTINEL not in log.getvalue()


@pytest.mark.parametrize("header", ["origin", "referer"])
def test_page_that_a_forged_form_came_from_is_not_quoted(
    client: Client, log: io.StringIO, header: str
) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.cookies = client.cookies
    forged = {header: f"https://{SENTINEL}.example/ does not match\x1b[2J"}

    answer = browser.post("/probe/page/", {}, headers=forged, secure=True)

    assert answer.status_code == 403
    assert "checking failed - ? does not match any trusted origins.): probe/page/" in log.getvalue()
    assert SENTINEL not in log.getvalue()


def test_what_others_log_is_one_line_of_bounded_length(log: io.StringIO) -> None:
    logging.getLogger("some.package").warning("got %s", "a\nb\r\x1b[31mc\u2028" + "x" * 10_000)

    line = log.getvalue()
    assert line.endswith("...\n")
    assert "got a\\nb\\r\\x1b[31mc\\u2028xxx" in line
    assert len(line) < 700
    assert line.splitlines() == [line.rstrip("\n")]


def test_what_is_searched_for_stays_out_of_the_lines_of_runserver(log: io.StringIO) -> None:
    line = f"GET /search/?q={SENTINEL} HTTP/1.1"

    logging.getLogger("django.server").info('"%s" %s %s', line, "200", "12")

    assert '"GET /search/? HTTP/1.1" 200 12' in log.getvalue()
    assert SENTINEL not in log.getvalue()


def test_exception_quoted_in_a_message_is_named_by_its_kind(log: io.StringIO) -> None:
    try:
        int(SENTINEL)
    except ValueError as error:
        logging.getLogger("asyncio").exception("never retrieved: %r", error)

    assert "never retrieved: ValueError" in log.getvalue()
    assert SENTINEL not in log.getvalue()


def test_other_handlers_find_the_record_as_it_was() -> None:
    record = logging.makeLogRecord({"msg": "%s", "args": (SENTINEL,), "name": "django.server"})
    record.exc_text = "as another handler has formatted it"

    ValueFreeFormatter("%(message)s").format(record)

    assert record.getMessage() == SENTINEL
    assert record.exc_text == "as another handler has formatted it"


@pytest.mark.parametrize("kind", ["DataError", "IntegrityError"])
def test_json_is_as_value_free_as_lines(
    client: Client, objects: Callable[[], list[Any]], log: io.StringIO, kind: str
) -> None:
    answer = client.get(f"/probe/failing/{kind}/?q={SENTINEL}", headers={"x-note": SENTINEL})

    said = next(said for said in objects() if "unexpected" in said["message"])
    assert SENTINEL not in log.getvalue().lower()
    assert said["request"] == answer["X-Request-ID"]
    assert (said["level"], said["logger"]) == ("ERROR", "fairdb_site.middleware")
    assert f"{kind} (SQLSTATE 2" in said["message"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", said["time"])


def test_exception_in_json_is_frames_and_kinds_from_its_cause_on(
    objects: Callable[[], list[Any]], log: io.StringIO
) -> None:
    try:
        try:
            int(SENTINEL)
        except ValueError as error:
            raise KeyError(SENTINEL) from error
    except KeyError:
        logging.getLogger("some.package").exception("broken\nby %s", SENTINEL.upper())

    (said,) = objects()
    assert [link["kind"] for link in said["exceptions"]] == ["ValueError", "KeyError"]
    assert said["exceptions"][0]["frames"][0].endswith(
        "in test_exception_in_json_is_frames_and_kinds_from_its_cause_on"
    )
    assert SENTINEL not in log.getvalue()


def test_request_leaves_one_line_with_its_route(
    client: Client, objects: Callable[[], list[Any]], log: io.StringIO
) -> None:
    answer = client.get(f"/datasets/{uuid4()}/?q={SENTINEL}")
    client.generic(SENTINEL, f"/nowhere/{SENTINEL}/")

    known, unknown = (said for said in objects() if said["logger"] == "fairdb_site.requests")
    assert known["request"] == answer["X-Request-ID"]
    assert (known["method"], known["route"], known["status"]) == (
        "GET",
        "datasets/<uuid:dataset_id>/",
        404,
    )
    assert known["ms"] > 0
    assert (unknown["method"], unknown["route"], unknown["status"]) == ("?", "?", 404)
    assert SENTINEL not in log.getvalue()


@pytest.mark.usefixtures("db_ready")
def test_static_files_and_probes_leave_none(objects: Callable[[], list[Any]]) -> None:
    for path in ("/static/fairdb/fairdb.css", "/healthz"):
        assert Client().get(path).status_code == 200

    assert objects() == []


def test_others_do_not_add_members(objects: Callable[[], list[Any]]) -> None:
    logging.getLogger("some.package").warning("x", extra={"facts": {"password": SENTINEL}})

    assert set(objects()[0]) == {"time", "level", "logger", "request", "message"}
