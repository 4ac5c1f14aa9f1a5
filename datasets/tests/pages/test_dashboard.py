"""The dashboard tells what was done last to one's own datasets, and what came to nothing."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from accounts import audit
from accounts.models import AuditAction, AuditEvent, AuditOutcome
from datasets.browse.activity import newest_events
from datasets.models import Dataset
from datasets.tests.loading.queue import load_by_page, submitted
from datasets.tests.pages.tables import load_table
from datasets.tests.pages.test_lists import text_of


def activity_on(client: Client) -> str:
    text = text_of(client.get("/dashboard/"))
    return text.partition("Recent activity")[2]


def upload(client: Client, content: bytes, **fields: str) -> Any:
    file = SimpleUploadedFile("table.csv", content)
    return load_by_page(client, {"file": file, "id_column": "id"} | fields)


def test_a_load_and_a_look_at_rows_are_the_newest_activity(alice: Any, client_of: Any) -> None:
    client = client_of(alice)
    address = upload(client, b"id,age\nP1,34\n", title="First")["Location"]
    client.get(address.replace("receipt/", ""))

    text = activity_on(client)

    assert text.index("Rows read: First") < text.index("Loaded: First")


def test_a_load_that_was_refused_is_told_even_on_an_empty_account(
    alice: Any, client_of: Any
) -> None:
    client = client_of(alice)
    upload(client, b"id,age\nP1,34,too,many\n", title="Broken")

    text = activity_on(client)

    assert "Load: nothing of its file was kept refused" in text


def test_loads_that_are_not_done_with_are_told_with_what_became_of_them(
    people: Any, client_of: Any
) -> None:
    client = client_of(people.alice)
    upload(client, b"id,age\nP1,34,too,many\n", title="Broken")
    upload(client, b"id,age\nP1,34\n", title="Fine")
    submitted(people.alice, title="In the queue")

    told = text_of(client.get("/dashboard/")).partition("All loads")[2].partition("Dataset")[0]

    assert "In the queue" in told
    assert "waiting" in told
    assert "Broken" in told
    assert "The header ha" in told
    assert "Fine" not in told
    assert "All loads" not in text_of(client_of(people.bob).get("/dashboard/"))


def test_a_deleted_dataset_leaves_its_deletion_on_the_page(alice: Any, client_of: Any) -> None:
    client = client_of(alice)
    dataset = load_table(alice, b"id,x\n1,2\n", title="Short-lived")
    client.post(dataset.at("delete/"), {"name": "Short-lived"})

    text = activity_on(client)

    assert "Deleted: a dataset that is gone" in text


def test_what_an_operator_did_is_told_with_who_it_was(people: Any, client_of: Any) -> None:
    dataset = load_table(people.alice, b"id,x\n1,2\n", title="Mine").id
    audit.record(AuditAction.DATASET_EXPORTED, actor=None, dataset=dataset)
    audit.record(AuditAction.DATASET_EXPORTED, actor=people.carol.user.pk, dataset=dataset)

    text = activity_on(client_of(people.alice))

    assert f"Exported by {people.carol.email}: Mine" in text
    assert "Exported by an operator, by a command: Mine" in text


def test_datasets_that_staff_deleted_are_told_to_their_owner_alone(
    people: Any, client_of: Any
) -> None:
    alice, carol = people.alice.user.pk, people.carol.user.pk
    audit.record(AuditAction.DATASET_DELETED, actor=carol, subject=alice, dataset=uuid4())
    load_table(people.alice, b"id,x\n1,2\n", title="Mine")

    assert f"Deleted by {people.carol.email}: a dataset" in activity_on(client_of(people.alice))
    assert newest_events(owner_id=carol, most=10) == ()


def test_nothing_of_anybody_else_is_told(people: Any, client_of: Any) -> None:
    theirs = load_table(people.bob, b"id,x\n1,2\n", title="Bob's own").id
    audit.record(AuditAction.DATASET_LOADED, actor=people.bob.user.pk, dataset=theirs)
    refused = AuditOutcome.REFUSED
    audit.record(AuditAction.DATASET_LOADED, actor=people.bob.user.pk, outcome=refused)
    # staff's own doings on others' datasets are those others' activity
    audit.record(AuditAction.DATASET_EXPORTED, actor=people.alice.user.pk, dataset=theirs)

    assert activity_on(client_of(people.alice)) == ""
    assert newest_events(owner_id=people.alice.user.pk, most=10) == ()


@pytest.mark.usefixtures("db_ready")
def test_newest_events_come_first_and_no_more_than_asked_for(alice: Any) -> None:
    now = timezone.now()
    datasets = [
        Dataset.objects.create(
            user_id=alice.user.pk, title=f"Table {n}", state="ready", ready_at=now
        ).pk
        for n in range(3)
    ]
    AuditEvent.objects.bulk_create(
        AuditEvent(
            at=now + timedelta(minutes=n),
            action=AuditAction.ROWS_READ,
            outcome=AuditOutcome.DONE,
            actor=alice.user.pk,
            dataset=datasets[n % 3],
            once=uuid4().hex,
        )
        for n in range(12)
    )

    found = newest_events(owner_id=alice.user.pk, most=5)

    assert [event.title for event in found] == [
        *("Table 2", "Table 1", "Table 0", "Table 2"),
        "Table 1",
    ]
    assert [event.at for event in found] == sorted((e.at for e in found), reverse=True)
