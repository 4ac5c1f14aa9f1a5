"""What is on record of who did what, and that it stays there."""

import json
from io import StringIO
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction
from django.test import Client, RequestFactory

from accounts import audit
from accounts.models import AuditAction, AuditEvent, AuditOrigin, AuditOutcome
from accounts.tests.doors import sign_in
from conftest import make_person
from datasets.tests.loading.queue import load_by_page
from fairdb_site.errors import Refused, Unavailable
from fairdb_site.http import client_address

SIGN_IN = "/accounts/sign-in/"


def of(person: Any) -> list[tuple[str, str]]:
    """What a person did, or had done to their account, oldest first."""
    found = audit.events(account=person.user.pk, most=100)
    return [(event.action, event.outcome) for event in found][::-1]


def load(client: Client) -> UUID:
    """Load a small table by the page; return the dataset."""
    file = SimpleUploadedFile("t.csv", b"id,age\nP1,34\nP2,51\n")
    answer = load_by_page(client, {"file": file, "title": "t", "id_column": "id"})
    assert answer.status_code == 302, answer.content.decode()
    return UUID(answer["Location"].split("/")[2])


def test_sign_in_and_sign_out_are_on_record_with_address_and_browser(alice: Any) -> None:
    client = sign_in(alice, Client(HTTP_USER_AGENT="Lynx\n/2.9"))
    client.post("/accounts/sign-out/")

    assert of(alice) == [("signed in", "done"), ("signed out", "done")]
    event = next(audit.events(account=alice.user.pk, most=1))
    assert (event.actor_name, event.address, event.device) == (
        alice.email,
        "127.0.0.1",
        "Lynx?/2.9",
    )
    assert event.request


def test_wrong_password_is_on_record_for_the_account_and_names_no_actor(alice: Any) -> None:
    Client().post(SIGN_IN, {"email": alice.email.upper(), "password": "not this one"})

    (event,) = audit.events(account=alice.user.pk, most=10)
    assert (event.action, event.outcome) == ("signed in", "refused")
    assert (event.actor, event.subject_name) == (None, alice.email)


@pytest.mark.usefixtures("db_ready")
def test_what_was_typed_for_an_unknown_address_is_nowhere_on_record() -> None:
    typed = f"my-password-{uuid4().hex}@example.org"
    before = AuditEvent.objects.order_by("-pk").values_list("pk", flat=True).first() or 0

    Client().post(SIGN_IN, {"email": typed, "password": "not this one"})

    events = AuditEvent.objects.filter(pk__gt=before, action=AuditAction.SIGNED_IN, subject=None)
    assert events.filter(outcome=AuditOutcome.REFUSED).exists()
    assert not AuditOrigin.objects.filter(device__contains=typed).exists()
    assert typed not in repr(list(audit.events(most=1_000)))


def test_load_reading_and_deletion_are_on_record_for_the_dataset(alice: Any) -> None:
    client = sign_in(alice)
    dataset = load(client)
    for _ in range(3):
        assert client.get(f"/datasets/{dataset}/").status_code == 200
    sign_in(alice).get(f"/datasets/{dataset}/")
    client.post(f"/datasets/{dataset}/delete/", {"name": "t"})

    found = [event.action for event in audit.events(dataset=dataset, most=100)][::-1]
    # rows are on record once for each session and hour
    assert found == ["dataset loaded", "rows read", "rows read", "dataset deleted"]


def test_reading_again_is_one_event_an_hour(alice: Any, monkeypatch: Any) -> None:
    client = sign_in(alice)
    dataset = load(client)
    for hour in ("09", "09", "10"):
        monkeypatch.setattr(audit, "_hour", lambda hour=hour: f"2026-01-01 {hour}")
        client.get(f"/datasets/{dataset}/")

    events = AuditEvent.objects.filter(dataset=dataset, action=AuditAction.ROWS_READ)
    assert events.count() == 2


def test_somebody_elses_dataset_leaves_no_event_of_rows_read(alice: Any, bob: Any) -> None:
    dataset = load(sign_in(alice))

    assert sign_in(bob).get(f"/datasets/{dataset}/").status_code == 404

    events = AuditEvent.objects.filter(dataset=dataset, action=AuditAction.ROWS_READ)
    assert not events.exists()


def test_refused_load_is_on_record(alice: Any) -> None:
    load_by_page(sign_in(alice), {"file": SimpleUploadedFile("t.csv", b"a,b\n1\n")})

    assert of(alice)[-1] == ("dataset loaded", "refused")


def test_commands_are_on_record_as_an_operators(alice: Any, tmp_path: Any) -> None:
    path = tmp_path / "t.csv"
    path.write_text("id,age\nP1,34\n")
    out = StringIO()
    call_command("import_dataset", str(path), "--owner", alice.email, "--json", stdout=out)
    dataset = json.loads(out.getvalue())["dataset"]
    call_command("export_dataset", dataset, str(tmp_path / "o.csv"), stdout=StringIO())
    call_command("delete_dataset", dataset, "--yes", stdout=StringIO())

    found = list(audit.events(dataset=UUID(dataset), most=10))[::-1]
    assert [event.action for event in found] == [
        "dataset loaded",
        "dataset exported",
        "dataset deleted",
    ]
    assert {(event.actor, event.subject_name, event.address) for event in found} == {
        (None, alice.email, "")
    }


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (Refused("no"), "refused"),
        (Unavailable("down"), "failed"),
        (ZeroDivisionError(), "failed"),
    ],
)
def test_an_event_says_whose_the_error_was(alice: Any, error: Exception, outcome: str) -> None:
    with pytest.raises(type(error)), audit.trail(AuditAction.IDS_LINKED, actor=alice.user.pk):
        raise error

    assert of(alice) == [("ids linked", outcome)]


def test_a_trail_is_refused_inside_a_transaction(alice: Any) -> None:
    with pytest.raises(RuntimeError), transaction.atomic():
        audit.record(AuditAction.IDS_LINKED, actor=alice.user.pk)


@pytest.mark.parametrize(
    "statement",
    [
        "update accounts_auditevent set outcome = 'done'",
        "delete from accounts_auditevent",
        "truncate accounts_auditevent",
    ],
)
def test_events_are_neither_changed_nor_dropped(alice: Any, statement: str) -> None:
    audit.record(AuditAction.IDS_LINKED, actor=alice.user.pk)

    with (
        pytest.raises(DatabaseError, match="Audit events"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement)

    assert of(alice) == [("ids linked", "done")]


def test_where_an_account_was_seen_can_be_forgotten_and_the_events_stay(alice: Any) -> None:
    sign_in(alice)

    assert audit.forget_origins(alice.user.pk) == 1

    (event,) = audit.events(account=alice.user.pk, most=10)
    assert (event.action, event.address, event.device) == ("signed in", "", "")


@pytest.mark.parametrize(
    ("proxies", "header", "expected"),
    [
        (0, "203.0.113.9", "127.0.0.1"),
        (1, "198.51.100.1, 203.0.113.9", "203.0.113.9"),
        (2, "198.51.100.1, 203.0.113.9", "198.51.100.1"),
        (3, "198.51.100.1, 203.0.113.9", "127.0.0.1"),
        (1, "<script>", None),
        (1, "2001:db8::1", "2001:db8::1"),
    ],
)
def test_only_our_own_proxies_are_believed(
    settings: Any, proxies: int, header: str, expected: str | None
) -> None:
    settings.FAIRDB_TRUSTED_PROXIES = proxies
    request = RequestFactory().get("/", HTTP_X_FORWARDED_FOR=header)

    assert client_address(request) == expected


def test_command_prints_the_events_of_an_account(alice: Any, bob: Any) -> None:
    for person in (alice, bob):
        sign_in(person)
    out, plain = StringIO(), StringIO()

    call_command("audit_log", "--account", alice.email, "--json", stdout=out)
    call_command("audit_log", "--account", alice.email, stdout=plain)

    (event,) = json.loads(out.getvalue())["events"]
    assert (event["action"], event["actor"]) == ("signed in", alice.email)
    assert f"signed in  by {alice.email}  from 127.0.0.1" in plain.getvalue()
    assert bob.email not in plain.getvalue()


def test_staff_look_through_the_events_and_change_none(alice: Any) -> None:
    sign_in(alice)
    event = AuditEvent.objects.get(actor=alice.user.pk)
    carol = sign_in(make_person("carol", staff=True))

    listed = carol.get("/admin/accounts/auditevent/", {"q": str(alice.user.pk)})
    shown = carol.get(f"/admin/accounts/auditevent/{event.pk}/change/")

    assert alice.email in listed.content.decode()
    assert "127.0.0.1" in shown.content.decode()
    assert carol.get("/admin/accounts/auditevent/add/").status_code == 404
    assert carol.post(f"/admin/accounts/auditevent/{event.pk}/delete/").status_code == 404
    assert sign_in(alice).get("/admin/accounts/auditevent/").status_code in {302, 403}


def test_owners_see_the_activity_on_their_datasets_and_nobody_elses(alice: Any, bob: Any) -> None:
    client = sign_in(alice, Client(HTTP_USER_AGENT="Lynx/2.9"))
    dataset = load(client)
    client.get(f"/datasets/{dataset}/")
    path = f"/datasets/{dataset}/activity/"

    page = client.get(path).content.decode()

    assert page.index("Rows read") < page.index("Loaded")
    assert "You" in page
    assert "127.0.0.1" in page
    assert "Lynx/2.9" in page
    assert sign_in(bob).get(path).status_code == 404
    assert sign_in(make_person("carol", staff=True)).get(path).status_code == 404
    assert Client().get(path).status_code == 302


def test_what_an_operator_did_is_shown_without_where_from(alice: Any, tmp_path: Any) -> None:
    client = sign_in(alice)
    dataset = load(client)
    call_command("export_dataset", str(dataset), str(tmp_path / "o.csv"), stdout=StringIO())

    page = client.get(f"/datasets/{dataset}/activity/").content.decode()

    assert "Exported" in page
    assert "An operator, by a command" in page
