"""The page "Pseudonyms": own ids, own key, in memory alone; nothing of them stays anywhere."""

import csv
import io
import logging
import re
from collections.abc import Callable
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from accounts.tests.doors import row_of, sign_in
from conftest import People, Person
from datasets.ingest import sandbox
from datasets.ingest.pseudonyms import owner_key, pseudonymize
from datasets.linking import views
from datasets.linking.uploads import MOST_BYTES
from datasets.tests.ingest.workbooks import xlsx
from datasets.tests.loading.tables import load_csv
from datasets.tests.loading.test_pseudonyms_stored import SENTINEL, pseudonyms, tables_holding
from datasets.tests.pages.markup import faults
from fairdb_site.errors import Unavailable

PAGE = "/pseudonyms/"
HTMX = {"HX-Request": "true"}


@pytest.fixture(autouse=True)
def no_file_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    """Break every handler and class by which an upload could get to the disk."""

    def refused(*args: Any, **kwargs: Any) -> None:
        raise AssertionError("an upload of ids went to the disk")

    for handler in django_settings.FILE_UPLOAD_HANDLERS:
        if "InMemory" not in handler:
            monkeypatch.setattr(f"{handler}.new_file", refused)
    monkeypatch.setattr("tempfile.NamedTemporaryFile", refused)


def expected(person: Person, *ids: str) -> list[tuple[str, str]]:
    key = owner_key(django_settings.FAIRDB_PSEUDONYM_KEY, person.user.pk)
    return list(zip(ids, pseudonymize(ids, key), strict=True))


def shown(answer: Any) -> list[tuple[str, str]]:
    """Return the pairs of the table on the page."""
    text = answer.content.decode()
    found = re.findall(r'<th scope="row">(.*?)</th>\s*<td>\s*<code>(\w+)</code>', text, re.DOTALL)
    return [(unescape(value), pseudonym) for value, pseudonym in found]


def downloaded(answer: Any) -> list[tuple[str, ...]]:
    header, *rows = csv.reader(io.StringIO(answer.content.decode()))
    assert header == ["id", "pseudonym"]
    return [tuple(row) for row in rows]


def words(answer: Any) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", answer.content.decode())).split())


def file_of(content: str | bytes, name: str = "ids.txt") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content.encode() if isinstance(content, str) else content)


def test_typed_ids_get_the_pseudonyms_that_loading_gave_them(alice: Person, tmp_path: Path) -> None:
    loaded = load_csv(alice, tmp_path, "id,v\nP1,1\nJosé,2\n")

    answer = sign_in(alice).post(PAGE, {"ids": " P1\r\nJose\u0301\r\n"})

    assert answer.status_code == 200
    assert [pseudonym for _, pseudonym in shown(answer)] == pseudonyms(alice, loaded.tables)
    assert shown(answer) == expected(alice, "P1", "Jose\u0301")


def test_everybody_gets_their_own_pseudonyms_and_staff_no_others(people: People) -> None:
    found = {}
    for person in (people.alice, people.bob, people.carol):
        found[person.email] = shown(sign_in(person).post(PAGE, {"ids": "P1\nP2"}))
        assert found[person.email] == expected(person, "P1", "P2")

    assert len({pseudonym for pairs in found.values() for _, pseudonym in pairs}) == 6


def test_nobody_else_can_be_asked_for(people: People) -> None:
    asked = {"ids": "P1", "owner": people.alice.email, "owner_id": str(people.alice.user.pk)}

    for address in (PAGE, f"{PAGE}?owner={people.alice.email}"):
        answer = sign_in(people.carol).post(address, asked)
        assert shown(answer) == expected(people.carol, "P1")


def test_strangers_are_sent_to_sign_in(db_ready: None) -> None:
    stranger = Client(enforce_csrf_checks=True)

    assert stranger.get(PAGE)["Location"].startswith("/accounts/sign-in/?next=")
    assert stranger.post(PAGE, {"ids": SENTINEL}).status_code == 403
    token = stranger.get("/accounts/sign-in/") and stranger.cookies["csrftoken"].value
    answer = stranger.post(PAGE, {"csrfmiddlewaretoken": token, "ids": SENTINEL})
    assert answer["Location"] == "/accounts/sign-in/?next=%2Fpseudonyms%2F"


FILES: dict[str, tuple[str | bytes, dict[str, str], tuple[str, ...]]] = {
    "a list": ("P1\r\n\r\nP2\rP1\n", {}, ("P1", "P2")),
    "a list in Windows-1252": (
        "Müller 1\nMüller 2\n".encode("cp1252"),
        {},
        ("Müller 1", "Müller 2"),
    ),
    "a table": ('age;pid\n1;"P;1"\n2;P2\n', {"id_column": "pid"}, ("P;1", "P2")),
    "a column by its place": ("age\tpid\n1\tP1\n", {"id_column": "#2"}, ("P1",)),
}


@pytest.mark.parametrize("given", FILES.values(), ids=FILES.keys())
def test_a_file_is_read_in_memory_as_loading_reads_it(
    alice: Person, given: tuple[str | bytes, dict[str, str], tuple[str, ...]]
) -> None:
    content, fields, ids = given

    answer = sign_in(alice).post(PAGE, fields | {"file": file_of(content)})

    assert shown(answer) == expected(alice, *ids)


def test_the_csv_has_what_the_page_shows_ids_unchanged(alice: Person) -> None:
    client, ids = sign_in(alice), ("=1+1", "-5", '"a"', "b,c")
    page = client.post(PAGE, {"ids": "\n".join(ids)})

    answer = client.post(PAGE, {"ids": hidden_ids(page), "csv": "1"})

    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert answer["Content-Disposition"] == 'attachment; filename="pseudonyms.csv"'
    assert downloaded(answer) == shown(page) == expected(alice, *ids)
    assert "2 ids begin with = + − or @" in words(page)
    assert "2 ids hold a comma" in words(page)


def hidden_ids(page: Any) -> str:
    found = re.search(r"<textarea[^>]*hidden>(.*?)</textarea>", page.content.decode(), re.DOTALL)
    assert found
    return unescape(found[1])


def test_many_ids_are_shown_in_part_and_downloaded_whole(
    alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(views, "SHOWN", 2)
    client = sign_in(alice)

    page = client.post(PAGE, {"ids": "P1\nP2\n\nP3\nP1"})

    assert shown(page) == expected(alice, "P1", "P2")
    assert "The first 2 of 3 are shown here" in words(page)
    assert "1 empty line passed over, 1 id given again" in words(page)
    everything = client.post(PAGE, {"ids": hidden_ids(page), "csv": "1"})
    assert downloaded(everything) == expected(alice, "P1", "P2", "P3")


def test_htmx_gets_what_came_of_it_alone(alice: Person) -> None:
    client = sign_in(alice)
    good = client.post(PAGE, {"ids": "P1"}, headers=HTMX)
    bad = client.post(PAGE, {"ids": ""}, headers=HTMX)

    for answer in (good, bad):
        assert "<html" not in answer.content.decode()
        assert 'id="linked"' in answer.content.decode()
        assert faults(answer.content.decode(), whole=False) == []
        assert "HX-Request" in answer["Vary"]
    assert (good.status_code, bad.status_code) == (200, 422)


def test_pages_are_sound_before_and_after(alice: Person) -> None:
    client = sign_in(alice)
    answers = [
        client.get(PAGE),
        client.post(PAGE, {"ids": "P1\n" + "x" * 300}),
        client.post(PAGE, {"ids": "", "id_column": "pid"}),
    ]

    assert [faults(answer.content.decode()) for answer in answers] == [[], [], []]


# What keeps ids out of places where they would stay ----------------------------------------------


def test_answers_are_in_no_cache_and_browsers_are_told_to_help_with_nothing(alice: Person) -> None:
    client = sign_in(alice)
    empty, filled = client.get(PAGE), client.post(PAGE, {"ids": "P1"})
    file = client.post(PAGE, {"ids": "P1", "csv": "1"})

    assert {answer["Cache-Control"] for answer in (empty, filled, file)} == {"no-store"}
    for form in re.findall(r"<form[^>]*/pseudonyms/[^>]*>", filled.content.decode(), re.DOTALL):
        assert 'autocomplete="off"' in form
    for field in re.findall(r"<textarea[^>]*>", filled.content.decode(), re.DOTALL):
        assert 'autocomplete="off"' in field
    assert 'spellcheck="false"' in empty.content.decode()  # some browsers send words away to check


def test_ids_in_an_address_are_not_taken(alice: Person) -> None:
    client = sign_in(alice)

    assert SENTINEL not in client.get(PAGE, {"ids": SENTINEL}).content.decode()
    assert client.post(f"{PAGE}?ids={SENTINEL}").status_code == 422
    assert client.put(PAGE, {"ids": SENTINEL}).status_code == 405


def test_a_session_that_ended_keeps_no_ids_and_says_so(alice: Person) -> None:
    client = sign_in(alice)
    row_of(client).delete()

    answer = client.post(PAGE, {"ids": SENTINEL, "file": file_of(SENTINEL)})

    assert answer["Location"] == "/accounts/sign-in/?next=%2Fpseudonyms%2F"
    assert "kept_input" not in client.session
    assert "What you sent is not kept" in client.get(answer["Location"]).content.decode()
    sign_in(alice, client)
    assert SENTINEL not in client.get(PAGE).content.decode()


ENDS: dict[str, Callable[[Client], Any]] = {
    "answered": lambda client: client.post(PAGE, {"ids": SENTINEL}),
    "downloaded": lambda client: client.post(PAGE, {"ids": SENTINEL, "csv": "1"}),
    "in a file": lambda client: client.post(PAGE, {"file": file_of(SENTINEL)}),
    "refused": lambda client: client.post(PAGE, {"ids": f"{SENTINEL}\0"}),
    "no such column": lambda client: client.post(
        PAGE, {"file": file_of(f"id\n{SENTINEL}\n"), "id_column": "pid"}
    ),
    "too large": lambda client: client.post(
        PAGE, {"file": file_of(f"{SENTINEL}\n" * (MOST_BYTES // len(SENTINEL)))}
    ),
    "not understood": lambda client: client.post(PAGE, {"ids": SENTINEL * 200_000}),
    "a form too old": lambda client: _strict(client).post(PAGE, {"ids": SENTINEL}),
    "out of session": lambda client: _ended(client).post(PAGE, {"ids": SENTINEL}),
}


def _strict(client: Client) -> Client:
    client.handler.enforce_csrf_checks = True
    return client


def _ended(client: Client) -> Client:
    row_of(client).delete()
    return client


@pytest.mark.parametrize("debug", [True, False])
@pytest.mark.parametrize("end", ENDS)
def test_however_it_ends_ids_are_in_no_log_and_no_table(
    alice: Person, settings: Any, caplog: pytest.LogCaptureFixture, end: str, debug: bool
) -> None:
    settings.DEBUG = debug
    caplog.set_level(logging.DEBUG)
    client = sign_in(alice)
    client.raise_request_exception = False

    answer = ENDS[end](client)

    asked_back = end in {"answered", "downloaded", "in a file", "refused"}
    assert (SENTINEL in answer.content.decode()) is asked_back
    assert SENTINEL not in caplog.text
    assert SENTINEL not in str(client.session.items())
    assert tables_holding(SENTINEL) == []


@pytest.mark.parametrize("debug", [True, False])
def test_a_mistake_of_ours_shows_and_logs_no_id(
    alice: Person,
    settings: Any,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    debug: bool,
) -> None:
    def broken(ids: tuple[str, ...], key: bytes) -> None:
        raise ValueError(f"no pseudonym of {ids}")

    monkeypatch.setattr("datasets.linking.pseudonyms.pseudonymize", broken)
    settings.DEBUG = debug
    client = sign_in(alice)
    client.raise_request_exception = False

    answers = [client.post(PAGE, {"ids": SENTINEL}, headers=headers) for headers in ({}, HTMX)]

    assert [answer.status_code for answer in answers] == [500, 500]
    assert SENTINEL not in caplog.text + "".join(a.content.decode() for a in answers)
    assert "unexpected ValueError in POST pseudonyms/" in caplog.text


# What is refused, with its limit ------------------------------------------------------------------


REFUSED: dict[str, tuple[dict[str, Any], int, str]] = {
    "nothing": ({}, 422, "Type the ids, or choose a file"),
    "blanks": ({"ids": " \r\n\r\n"}, 422, "Type the ids, or choose a file"),
    "both": ({"ids": "P1", "file": b"P1\n"}, 422, "not both"),
    "an empty file": ({"file": b""}, 422, "The file is empty"),
    "a file of blanks": ({"file": b"\n \n"}, 400, "There is no id in this"),
    "a column without a file": ({"ids": "P1", "id_column": "pid"}, 422, "Only a file"),
    "no such column": ({"file": b"id\nP1\n", "id_column": "pid"}, 400, "no column"),
    "a file too large": ({"file": b"P1\n" * (MOST_BYTES // 3 + 1)}, 422, "larger than 1 MiB"),
    "too many ids": ({"ids": "\n".join(map(str, range(11)))}, 413, "At most 10 different ids"),
    "a PDF": ({"file": b"%PDF-1.7\n"}, 400, "PDF"),
}


@pytest.mark.parametrize("given", REFUSED.values(), ids=REFUSED.keys())
def test_what_is_refused_is_said_plainly(
    alice: Person, monkeypatch: pytest.MonkeyPatch, given: tuple[dict[str, Any], int, str]
) -> None:
    fields, status, message = given
    monkeypatch.setattr(views, "MOST_IDS", 10)
    if "file" in fields:
        fields = fields | {"file": file_of(fields["file"])}

    answer = sign_in(alice).post(PAGE, fields)

    assert answer.status_code == status
    assert message in words(answer)
    assert faults(answer.content.decode()) == []


def test_a_refusal_stands_above_the_form_and_leads_to_its_field(alice: Person) -> None:
    file = file_of(b"id\nP1\n")

    page = sign_in(alice).post(PAGE, {"file": file, "id_column": "pid"}).content.decode()

    assert 'href="#id_id_column"' in page
    assert page.index('role="alert"') < page.index('aria-label="Ids"')


def test_only_the_column_is_said_to_be_optional(alice: Person) -> None:
    page = words(sign_in(alice).get(PAGE))

    assert "Give ids or a file." in page
    assert page.count("(optional)") == 1
    assert "Id column of the file (optional)" in page


def test_typed_ids_are_still_there_after_a_refusal(
    alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(views, "MOST_IDS", 1)

    answer = sign_in(alice).post(PAGE, {"ids": "P1\nP2"})

    assert "P1\nP2</textarea>" in answer.content.decode()


def test_a_workbook_is_converted_within_small_limits_and_not_at_all_as_a_list(
    alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: list[str] = []

    def take(kind: str, **limits: Any) -> None:
        taken.append(kind)
        raise Unavailable("busy")

    monkeypatch.setattr(sandbox, "take_slot", take)
    browser = sign_in(alice)

    def send(**fields: str) -> str:
        file = SimpleUploadedFile("ids.xlsx", xlsx({"Data": [["id"], ["P1"]]}))
        return browser.post("/pseudonyms/", {"file": file, **fields}).content.decode()

    assert "is no list" in send()
    assert taken == []
    assert "busy" in send(id_column="id")
    assert taken == ["linking"]


def test_files_of_one_request_share_the_limit(alice: Person) -> None:
    half = b"P1\n" * (MOST_BYTES // 5)

    answer = sign_in(alice).post(PAGE, {"file": file_of(half), "more": file_of(half)})

    assert answer.status_code == 422
    assert "larger than 1 MiB" in words(answer)


@pytest.mark.parametrize("debug", [True, False])
def test_more_than_a_form_takes_is_refused_with_its_limit(
    alice: Person, settings: Any, debug: bool
) -> None:
    settings.DEBUG = debug
    client = sign_in(alice)
    fields = {"ids": "P1\n" * 1_000_000, "csrfmiddlewaretoken": client.cookies["csrftoken"].value}

    for checked in (False, True):  # it is read for its CSRF token, or first by the view
        client.handler.enforce_csrf_checks = checked
        page, fragment = client.post(PAGE, fields), client.post(PAGE, fields, headers=HTMX)

        assert (page.status_code, fragment.status_code) == (400, 400)
        assert "take up to 2 MiB" in words(page)
        assert "take up to 2 MiB" in words(fragment)
        assert "<html" in page.content.decode()
        assert "<html" not in fragment.content.decode()


def test_another_key_answers_503_and_gives_no_pseudonym(
    alice: Person, tmp_path: Path, settings: Any
) -> None:
    load_csv(alice, tmp_path, "id,v\nP1,1\n")
    settings.FAIRDB_PSEUDONYM_KEY = "another key of sufficient length 1234"

    answer = sign_in(alice).post(PAGE, {"ids": "P1"})

    assert answer.status_code == 503
    assert "put the earlier key back" in words(answer)
    assert shown(answer) == []
