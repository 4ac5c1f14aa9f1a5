"""One archive has everything held on an account, and nothing else; it takes the password."""

import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.apps import apps
from django.test import Client

from accounts import audit, pace
from accounts.models import AuditAction, SupabaseSession
from accounts.own import deletion
from accounts.tests.doors import row_of, sign_in, tokens_of
from datasets import takeout
from datasets.browse.export_file import dataset_export
from datasets.models import Dataset
from datasets.tests.stored import (
    Columns,
    Stored,
    content_state,
    store_dataset,
    store_noise,
)
from fairdb_site import streams
from fairdb_site.middleware import AnswerBroken
from fairdb_site.rates import read_rates

DOWNLOAD = "/accounts/download/"
COLUMNS: Columns = {
    "age": ("integer", [31, 47, None]),
    "note": ("text", ['says "no", twice', "=1+1", "Ω\nnext line"]),
    "well": ("boolean", [True, False, None]),
}
IN_IT = {
    *("accounts.User", "accounts.SupabaseSession", "accounts.AuditOrigin", "accounts.AuditEvent"),
    *("datasets.Dataset", "datasets.Load", "datasets.DatasetColumn", "datasets.MetadataTable"),
    *("datasets.Attachment", "datasets.Change", "datasets.ChangedRow"),
    "datasets.Submission",
    "privacy.PrivacyReport",
}
NOT_IN_IT = {  # and why
    "accounts.AccountDeletion": "who is on their way out gets nothing",
    "accounts.RateLimit": "keys name nobody",
    "datasets.StagedFile": "names nobody, and is gone when its load ends",
    "datasets.Worker": "of the server",
    "privacy.PrivacyCodes": "made of rows that are in it",
    "privacy.PrivacyPopulationCodes": "made of rows that are in it",
    "django_tasks_database.DBTaskResult": "ids of loads that are in it",
    "sessions.Session": "ids of rows that are in it; what was typed, sealed, for an hour",
    "admin.LogEntry": "not used",
    "auth.Group": "not used",
    "auth.Permission": "of the code",
    "contenttypes.ContentType": "of the code",
}
PHONE = "Mozilla/5.0 (Android 15) Firefox/140.0"


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refuse a wrong password without the wait that hides which accounts there are."""
    monkeypatch.setattr(pace, "REFUSED_AFTER", 0.0)


def download(person: Any, client: Client | None = None) -> zipfile.ZipFile:
    """Download the archive and open it, having read it whole."""
    answer = (client or sign_in(person)).post(DOWNLOAD, {"old": person.password})
    assert answer.status_code == 200
    archive = zipfile.ZipFile(io.BytesIO(answer.getvalue()))
    assert archive.testzip() is None
    return archive


def begun(client: Client, person: Any) -> tuple[Any, list[bytes], Iterator[bytes]]:
    """Begin to download; return the answer, what came so far, and what is to come."""
    answer: Any = client.post(DOWNLOAD, {"old": person.password})
    pieces = iter(answer.streaming_content)
    return answer, [next(pieces)], pieces


def everything_in(archive: zipfile.ZipFile) -> str:
    return "\n".join([*archive.namelist(), *(archive.read(n).decode() for n in archive.namelist())])


def events_of(person: Any) -> list[tuple[str, str]]:
    found = audit.events(account=person.user.pk, most=100)
    return [(event.action, event.outcome) for event in found]


def test_rows_are_byte_for_byte_an_export(alice: Any, tmp_path: Path) -> None:
    store_dataset(alice.user.id, COLUMNS, title="In one part", columns_a_part=3)
    store_dataset(alice.user.id, COLUMNS, title="In three", columns_a_part=1)

    archive = download(alice)
    listed = json.loads(archive.read("datasets.json"))

    assert [each["title"] for each in listed] == ["In one part", "In three"]
    for each in listed:
        out = tmp_path / f"{each['title']}.csv"
        dataset_export(dataset_id=UUID(each["id"]), reader_id=alice.user.id, out=out)
        assert archive.read(f"{each['folder']}/data.csv") == out.read_bytes()


def test_all_that_is_kept_about_a_dataset_is_there(alice: Any) -> None:
    stored = store_dataset(alice.user.id, COLUMNS, title="Sepsis 2024")
    alice.rpc(
        "update_dataset_row",
        {"p_dataset_id": str(stored.id), "p_row_id": 2, "p_updates": {"2": 48}},
    )
    set_k = {"p_dataset_id": str(stored.id), "p_thresholds": {"k": 7}}
    alice.rpc("set_privacy_thresholds", set_k)
    report = {"p_state": content_state(stored), "p_roles": {}, "p_thresholds": {"k": 7}}
    alice.rpc(
        "keep_privacy_report",
        {"p_dataset_id": str(stored.id), "p_figures": {"k": 1}, **report},
    )
    client = sign_in(alice)
    client.get(f"/datasets/{stored.id}/")

    archive = download(alice, client)
    (listed,) = json.loads(archive.read("datasets.json"))
    facts = json.loads(archive.read(f"{listed['folder']}/dataset.json"))
    columns = json.loads(archive.read(f"{listed['folder']}/columns.json"))
    (changed,) = json.loads(archive.read(f"{listed['folder']}/changes.json"))
    (kept_report,) = json.loads(archive.read("privacy.json"))
    activity = archive.read(f"{listed['folder']}/activity.csv").decode()

    kept = {field.attname for field in Dataset._meta.concrete_fields}
    assert listed["folder"] == "datasets/001 Sepsis 2024"
    assert set(facts) == kept - takeout.UNSHOWN | {"attachments", "tables"}
    assert [table["table_name"] for table in facts["tables"]] == stored.parts
    assert [column["label"] for column in columns] == ["patient", *COLUMNS]
    assert (changed["row_number"], changed["old"]) == (2, {"c2": "47"})
    assert (kept_report["figures"], kept_report["dataset_id"]) == ({"k": 1}, str(stored.id))
    assert facts["privacy_k"] == 7
    assert changed["change__account"] == str(alice.user.id)
    assert "Corrected" in activity
    assert "Rows read" in activity


def test_every_table_is_in_it_or_holds_nothing_to_hand_out() -> None:
    assert {model._meta.label for model in apps.get_models()} == IN_IT | set(NOT_IN_IT)


def test_account_sessions_and_events_are_there(alice: Any) -> None:
    phone = sign_in(alice, Client(headers={"user-agent": PHONE}))
    archive = download(alice, phone)

    told = json.loads(archive.read("account.json"))
    events = archive.read("events.csv").decode()

    assert told["account"]["email"] == alice.email
    assert told["account"]["id"] == str(alice.user.pk)
    assert told["at_the_account_service"]["address_is_confirmed"] is True
    assert told["at_the_account_service"]["second_factors"] == []
    assert [(each["device"], each["is_this_one"]) for each in told["sessions"]] == [(PHONE, True)]
    assert [each["address"] for each in told["seen_from"]] == ["127.0.0.1"]
    assert f"signed in,done,you,,,127.0.0.1,{PHONE}" in events


def test_readme_names_every_kind_of_file(alice: Any) -> None:
    store_dataset(alice.user.id)
    archive = download(alice)

    readme = archive.read("README.txt").decode()

    assert {name.rsplit("/", 1)[-1] for name in archive.namelist()} == {
        name for name in readme.split() if name.endswith((".txt", ".json", ".csv"))
    }
    assert max(map(len, readme.splitlines())) <= 110


def test_upload_that_did_not_finish_is_told_of(alice: Any) -> None:
    Dataset.objects.create(
        user_id=alice.user.id, title="Half", file_name="half.csv", file_bytes=4711
    )

    archive = download(alice)
    (listed,) = json.loads(archive.read("datasets.json"))

    assert (listed["state"], listed["file_name"], listed["file_bytes"]) == (
        "created",
        "half.csv",
        4711,
    )
    assert not [name for name in archive.namelist() if name.endswith("data.csv")]


def test_nothing_of_others_is_in_it(people: Any) -> None:
    alice, bob, carol = people.alice, people.bob, people.carol
    theirs = store_dataset(bob.user.id, {"bobs": ("text", ["bobs-cell"] * 3)}, title="Bob's")
    own = store_dataset(alice.user.id, COLUMNS)
    elsewhere = Client(headers={"user-agent": "carols-browser"}, REMOTE_ADDR="203.0.113.9")
    request = sign_in(carol, elsewhere).get("/accounts/").wsgi_request
    for dataset in (own, theirs):  # what staff do to either
        audit.record(
            AuditAction.ACCOUNT_UNBANNED,
            actor=carol.user.pk,
            subject=dataset.owner,
            dataset=dataset.id,
            request=request,
        )

    told = everything_in(download(alice))

    assert "account unbanned,done,another account,you" in told
    for word in (
        *("bobs", "Bob's", bob.email, str(bob.user.pk), str(theirs.id), *theirs.parts),
        *("203.0.113.9", "carols-browser", str(carol.user.pk)),
    ):
        assert word not in told, word


def test_no_secret_is_in_it(people: Any) -> None:
    carol = people.carol  # staff have a second factor too
    store_dataset(carol.user.id)
    client = sign_in(carol)
    secrets = {
        *tokens_of(row_of(client)).values(),
        carol.password,
        carol.totp_secret,
        client.session.session_key,
        carol.user.session_salt,
        str(row_of(client).pk),
    }

    told = everything_in(download(carol, client))

    assert len(secrets) == 7
    assert [secret for secret in secrets if secret in told] == []


@pytest.mark.parametrize(
    "title", ["../../etc/passwd", "a/b\\c", "\u202egnp.exe", "CON", "x" * 5_000, ". . .", "\x01"]
)
def test_hostile_titles_stay_in_folders_of_their_own(alice: Any, title: str) -> None:
    for _ in range(2):
        store_dataset(alice.user.id, COLUMNS, title=title)

    archive = download(alice)
    names = archive.namelist()

    assert len({name.casefold() for name in names}) == len(names)
    assert sum(name.endswith("/data.csv") for name in names) == 2
    for name in names:
        parts = name.split("/")
        assert name.isprintable()
        assert not set(name) & set('\\<>:"|?*')
        assert len(parts) in {1, 3}
        assert all(part == part.strip(" .") and len(part.encode()) <= 255 for part in parts)


@pytest.mark.parametrize("typed", ["not this one", ""])
def test_it_takes_the_password(alice: Any, typed: str) -> None:
    answer = sign_in(alice).post(DOWNLOAD, {"old": typed})

    assert answer.status_code == 400
    assert "text/html" in answer["Content-Type"]
    assert events_of(alice)[0] == ("account downloaded", "refused")


def test_tries_of_the_password_are_limited(alice: Any, settings: Any) -> None:
    client = sign_in(alice)
    rates = read_rates("account=2/1h", "account=1/1h")
    settings.FAIRDB_LIMITS = settings.FAIRDB_LIMITS | {"SIGN_IN": rates}

    answers = [client.post(DOWNLOAD, {"old": "wrong"}).status_code for _ in range(3)]

    assert answers == [400, 400, 429]


def test_looking_at_the_page_downloads_nothing(alice: Any) -> None:
    client = sign_in(alice)

    assert "text/html" in client.get(DOWNLOAD)["Content-Type"]
    assert "text/html" in client.head(DOWNLOAD)["Content-Type"]
    assert "account downloaded" not in dict(events_of(alice))


def test_nobody_gets_it_without_signing_in_or_from_another_site(alice: Any) -> None:
    form = {"old": alice.password}

    assert Client().post(DOWNLOAD, form)["Location"].startswith("/accounts/sign-in/")
    client = sign_in(alice)
    client.handler.enforce_csrf_checks = True
    assert client.post(DOWNLOAD, form).status_code == 403


def test_answer_is_kept_by_nobody_on_the_way(alice: Any) -> None:
    answer = sign_in(alice).post(DOWNLOAD, {"old": alice.password})

    assert "no-store" in answer["Cache-Control"]
    assert answer["X-Accel-Buffering"] == "no"
    assert answer["Content-Disposition"].startswith('attachment; filename="fairdatabase-2')
    answer.close()


def test_what_went_out_is_on_record(alice: Any) -> None:
    stored = store_dataset(alice.user.id)

    download(alice)

    (exported,) = audit.events(dataset=stored.id, most=10)
    assert (exported.action, exported.outcome) == ("dataset exported", "done")
    assert (exported.actor, exported.address) == (alice.user.pk, "127.0.0.1")
    assert events_of(alice)[0] == ("account downloaded", "done")


def test_rows_are_read_while_they_are_sent(alice: Any, many_rows: Stored) -> None:
    client = sign_in(alice)

    answer, _, _ = begun(client, alice)
    answer.close()

    (exported,) = audit.events(dataset=many_rows.id, most=10)
    assert (exported.action, exported.outcome) == ("dataset exported", "failed")
    assert events_of(alice)[0] == ("account downloaded", "failed")


def test_it_breaks_off_where_the_session_ends(alice: Any, many_rows: Stored) -> None:
    client = sign_in(alice)
    _, sent, pieces = begun(client, alice)

    SupabaseSession.objects.filter(pk=row_of(client).pk).delete()

    with pytest.raises(AnswerBroken):
        sent.extend(pieces)
    with pytest.raises(zipfile.BadZipFile):
        zipfile.ZipFile(io.BytesIO(b"".join(sent)))


def test_no_row_more_is_sent_once_the_session_has_ended(
    alice: Any, many_rows: Stored, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "_WATCHED_EVERY", 0.0)
    client = sign_in(alice)
    _, _, pieces = begun(client, alice)
    next(pieces)  # the rows take many more

    SupabaseSession.objects.filter(pk=row_of(client).pk).delete()

    with pytest.raises(AnswerBroken):
        next(pieces)
    assert list(pieces) == []
    assert events_of(alice)[0] == ("account downloaded", "failed")


def test_one_at_a_time(alice: Any, bob: Any, many_rows: Stored) -> None:
    client = sign_in(alice)
    answer, _, _ = begun(client, alice)

    refused = client.post(DOWNLOAD, {"old": alice.password})

    assert refused.status_code == 409
    assert "is under way" in refused.content.decode()
    assert events_of(alice)[0] == ("account downloaded", "refused")
    download(bob)
    answer.close()
    download(alice, client)


def test_account_on_its_way_out_gets_nothing(alice: Any, many_rows: Stored) -> None:
    client = sign_in(alice)
    _, sent, pieces = begun(client, alice)

    deletion._mark(alice.user.pk, alice.user.pk)

    with pytest.raises(AnswerBroken):
        sent.extend(pieces)
    with pytest.raises(zipfile.BadZipFile):
        zipfile.ZipFile(io.BytesIO(b"".join(sent)))
    assert client.post(DOWNLOAD, {"old": alice.password}).status_code == 302


@pytest.fixture
def many_rows(alice: Any) -> Stored:
    return store_noise(alice.user.id)
