"""The page that takes a dataset out: for its owner alone, as long as the session lives."""

import hashlib
import io
import json
import zipfile
from email.message import Message
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from django.test import Client

from accounts import audit
from accounts.models import SupabaseSession
from accounts.tests.doors import row_of, sign_in
from conftest import People, Person
from datasets.browse.export_file import dataset_export
from datasets.tests.stored import (
    Columns,
    Stored,
    run,
    store_dataset,
    store_noise,
)
from fairdb_site import streams
from fairdb_site.middleware import AnswerBroken

COLUMNS: Columns = {
    "age": ("integer", [31, 47, None]),
    "note": ("text", ["=1+1", "fine", None]),
    "well": ("boolean", [True, False, None]),
}
WANTED = {"format": "csv", "of_columns": "all", "of_rows": "all"}


def export(client: Client, stored: Stored, **wanted: Any) -> Any:
    return client.post(f"/datasets/{stored.id}/export/", WANTED | wanted)


def events_of(stored: Stored) -> list[tuple[str, str]]:
    found = audit.events(dataset=stored.id, most=20)
    return [(event.action, event.outcome) for event in found]


@pytest.fixture
def stored(alice: Person) -> Stored:
    return store_dataset(alice.user.pk, COLUMNS)


def test_it_is_byte_for_byte_the_commands_export_where_no_cell_is_changed(
    alice: Person, stored: Stored, tmp_path: Path
) -> None:
    out = tmp_path / "out.csv"
    dataset_export(dataset_id=stored.id, reader_id=alice.user.pk, out=out)
    client = sign_in(alice)

    assert export(client, stored).getvalue() == out.read_bytes()
    ticked = export(client, stored, harmless="on").getvalue()
    assert ticked == out.read_bytes().replace(b"=1+1", b"'=1+1")
    assert events_of(stored) == [("dataset exported", "done")] * 2


@pytest.mark.parametrize(
    ("form", "content_type"),
    [
        ("csv", "text/csv; charset=utf-8"),
        ("tsv", "text/tab-separated-values; charset=utf-8"),
        ("parquet", "application/vnd.apache.parquet"),
        ("zip", "application/zip"),
    ],
)
def test_every_form_is_a_file_to_save_that_nobody_keeps_on_the_way(
    alice: Person, stored: Stored, form: str, content_type: str
) -> None:
    answer = export(sign_in(alice), stored, format=form)

    assert answer.status_code == 200
    assert answer["Content-Type"] == content_type
    assert answer["Content-Disposition"] == (
        f'attachment; filename="A cohort-{stored.id.hex[-12:]}.{form}"'
    )
    assert "no-store" in answer["Cache-Control"]
    assert answer["X-Accel-Buffering"] == "no"
    answer.close()


def test_page_says_what_there_is_and_ticks_the_harmless_choice(
    alice: Person, stored: Stored
) -> None:
    page = sign_in(alice).get(f"/datasets/{stored.id}/export/").content.decode()

    assert "All 3 rows" in page
    assert "All 3 columns" in page
    assert page.split('name="harmless"')[1].split(">")[0].strip().endswith("checked")
    assert "filter" in page
    assert 'value="some"' in page  # of columns
    assert page.count('name="of_rows"') == 1  # no filter, no choice


def test_what_was_on_show_can_be_taken_out(alice: Person, stored: Stored) -> None:
    client = sign_in(alice)
    asked = "columns=3,2&where=2.gt.40&where=4.in.false,true"

    page = client.get(f"/datasets/{stored.id}/export/?{asked}").content.decode()
    out = export(
        client,
        stored,
        of_columns="some",
        columns="Note, 2",
        pseudonym="on",
        of_rows="some",
        where=["2.gt.40", "4.in.false,true"],
    )

    assert "The 1 row that meets the filter" in page
    assert 'name="where" value="2.gt.40"' in page
    assert 'value="3,2"' in page
    assert out.getvalue() == b"patient_hash,note,age\nhash2,fine,47\n"
    assert out["Content-Disposition"].endswith('-part.csv"')


@pytest.mark.parametrize(
    ("wanted", "sentence"),
    [
        ({"format": "xlsx"}, "Select a valid choice"),
        ({"of_columns": "some", "columns": ""}, "Say which columns you want"),
        ({"of_columns": "some", "columns": "age,nope,99"}, "no columns &#x27;nope&#x27;, &#x27;99"),
        ({"of_rows": "some"}, "There is no filter"),
        ({"of_rows": "some", "where": "what"}, "cannot be read"),
        ({"of_rows": "some", "where": "2.gt.old"}, "takes a whole number"),
        ({"of_rows": "some", "where": "77.gt.1"}, "does not exist"),
    ],
)
def test_what_makes_no_sense_is_said_on_the_page(
    alice: Person, stored: Stored, wanted: dict[str, str], sentence: str
) -> None:
    answer = export(sign_in(alice), stored, **wanted)

    assert answer.status_code in {400, 422}
    assert sentence in answer.content.decode()
    assert 'role="alert"' in answer.content.decode()
    assert ("dataset exported", "done") not in events_of(stored)


def test_others_get_nothing_and_learn_nothing(people: People) -> None:
    theirs = store_dataset(people.alice.user.pk, COLUMNS)

    for person in (people.bob, people.carol):
        for method in ("get", "post"):
            answer = getattr(sign_in(person), method)(f"/datasets/{theirs.id}/export/", WANTED)
            assert answer.status_code == 404
            assert b"cohort" not in answer.content
    assert Client().post(f"/datasets/{theirs.id}/export/", WANTED).status_code == 302
    forger = sign_in(people.alice)
    forger.handler.enforce_csrf_checks = True
    assert export(forger, theirs).status_code == 403
    assert events_of(theirs) == []


@pytest.mark.parametrize(
    "title",
    ["../../etc/passwd", "a/b\\c", "\u202egnp.exe", "CON", '"; x="', "Ω" * 300, ". . .", "\r\n"],
)
def test_hostile_titles_are_names_of_files_all_the_same(alice: Person, title: str) -> None:
    stored = store_dataset(alice.user.pk, COLUMNS, title=title)

    answer = export(sign_in(alice), stored)
    told = Message()
    told["Content-Disposition"] = answer["Content-Disposition"]
    name = told.get_filename() or ""
    answer.close()

    assert name.endswith(f"-{stored.id.hex[-12:]}.csv")
    assert name.isprintable()
    assert not set(name) & set('/\\<>:"|?*')
    assert len(name.encode()) < 255


def test_archive_holds_what_it_says_and_its_checksums_are_right(
    alice: Person, stored: Stored
) -> None:
    alice.rpc(
        "update_dataset_row",
        {"p_dataset_id": str(stored.id), "p_row_id": 2, "p_updates": {"2": 48}},
    )
    answer = export(sign_in(alice), stored, format="zip", with_parquet="on", harmless="on")

    archive = zipfile.ZipFile(io.BytesIO(answer.getvalue()))
    names = archive.namelist()
    lines = archive.read("SHA256SUMS").decode().splitlines()
    sums = {name: digest for digest, _, name in (line.partition("  ") for line in lines)}

    assert names == [
        "README.txt", "data.csv", "data.parquet", "dictionary.csv", "dictionary.json",
        "dataset.json", "changes.json", "SHA256SUMS",
    ]  # fmt: skip
    assert sums == {name: hashlib.sha256(archive.read(name)).hexdigest() for name in names[:-1]}
    readme = archive.read("README.txt").decode()
    assert set(names) <= {*readme.split(), "README.txt"}
    assert "apostrophe" in readme
    assert b"'=1+1" in archive.read("data.csv")
    assert pl.read_parquet(io.BytesIO(archive.read("data.parquet")))["note"][0] == "=1+1"
    assert b'"old": {"c2": "47"}' in archive.read("changes.json")
    assert b"user_id" not in archive.read("dataset.json")
    assert str(alice.user.pk) not in archive.read("dataset.json").decode()


def test_archive_of_a_part_tells_nothing_of_the_rest(alice: Person) -> None:
    stored = store_dataset(
        alice.user.pk,
        {"kept": ("integer", [1, 2, 3]), "secret": ("text", ["classified"] * 3)},
    )
    alice.rpc(
        "update_dataset_row",
        {"p_dataset_id": str(stored.id), "p_row_id": 2, "p_updates": {"3": "classified too"}},
    )

    answer = export(sign_in(alice), stored, format="zip", of_columns="some", columns="2")
    archive = zipfile.ZipFile(io.BytesIO(answer.getvalue()))

    for name in archive.namelist():
        told = archive.read(name)
        assert b"classified" not in told
        assert b"secret" not in told
    assert archive.read("data.csv") == b"kept\n1\n2\n3\n"


def test_archive_of_some_rows_tells_no_statistics_of_all(alice: Person) -> None:
    stored = store_dataset(alice.user.pk, {"age": ("integer", [30, 40, 99])})
    run(
        "update \"_fd\".dataset_columns set minimum = '30', maximum = '99', mean = 56.3"
        " where dataset_id = %s and position = 2",
        [stored.id],
    )
    client = sign_in(alice)

    def dictionary(**wanted: str) -> list[dict[str, object]]:
        answer = export(client, stored, format="zip", **wanted)
        archive = zipfile.ZipFile(io.BytesIO(answer.getvalue()))
        entries: list[dict[str, object]] = json.loads(archive.read("dictionary.json"))
        return entries

    assert dictionary()[1]["maximum"] == "99"
    assert dictionary(of_rows="some", where="2.lt.50")[1]["maximum"] is None


@pytest.fixture
def many_rows(alice: Person) -> Stored:
    return store_noise(alice.user.pk)


@pytest.mark.parametrize("form", ["csv", "parquet", "zip"])
def test_it_breaks_off_within_the_rows_where_the_session_ends(
    alice: Person, many_rows: Stored, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "_WATCHED_EVERY", 0.0)
    client = sign_in(alice)
    pieces = iter(export(client, many_rows, format=form).streaming_content)
    next(pieces)

    SupabaseSession.objects.filter(pk=row_of(client).pk).delete()

    with pytest.raises(AnswerBroken):
        next(pieces)
    assert list(pieces) == []
    assert events_of(many_rows) == [("dataset exported", "failed")]


def test_one_download_at_a_time(alice: Person, bob: Person, many_rows: Stored) -> None:
    client = sign_in(alice)
    answer = export(client, many_rows)

    refused = export(client, many_rows, format="parquet")

    assert refused.status_code == 409
    assert "is under way" in refused.content.decode()
    assert events_of(many_rows) == [("dataset exported", "refused")]
    theirs = store_dataset(bob.user.pk, COLUMNS)
    assert export(sign_in(bob), theirs).getvalue()
    answer.close()
    assert len(export(client, many_rows).getvalue()) > 7_000_000


def test_date_that_parquet_does_not_hold_is_said_on_the_page(alice: Person) -> None:
    stored = store_dataset(alice.user.pk, {"day": ("date", ["2024-01-01"] * 3)})
    alice.rpc(
        "update_dataset_row",
        {"p_dataset_id": str(stored.id), "p_row_id": 1, "p_updates": {"2": "10000-01-01"}},
    )

    answer = export(sign_in(alice), stored, format="parquet")

    assert answer.status_code == 400
    assert "has a date outside the years 1 to 9999" in answer.content.decode()
