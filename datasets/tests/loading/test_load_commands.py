"""`list_loads` and `cancel_load`, and what the doctor says of loads that wait in vain."""

import json
from datetime import timedelta
from io import StringIO
from typing import Any
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from conftest import People, Person
from datasets.loading.lease import LoadLease
from datasets.models import Submission, Worker
from datasets.tests.loading.queue import drain, now, submitted
from fairdb_site.doctor.worker_checks import examine_workers
from fairdb_site.tests.doctors import found

State = Submission.State


def said(*words: object) -> str:
    out = StringIO()
    call_command(*map(str, words), stdout=out, stderr=out)
    return out.getvalue()


def loads_of(owner: Person, *words: str) -> list[dict[str, Any]]:
    out = StringIO()
    call_command("list_loads", "--owner", owner.email, *words, "--json", stdout=out)
    found: list[dict[str, Any]] = json.loads(out.getvalue())["loads"]
    return found


def test_loads_are_listed_newest_first_with_what_became_of_them(people: People) -> None:
    submitted(people.alice, b"id,age\nP1,1\nP2\n", title="Ragged")
    stored = submitted(people.alice, title="Fine")
    drain()
    waits = submitted(people.alice, title="Waits")

    listed = loads_of(people.alice)

    assert [(load["title"], load["state"]) for load in listed] == [
        ("Waits", "waiting"),
        ("Fine", "stored"),
        ("Ragged", "failed"),
    ]
    assert listed[1]["dataset"] == str(now(stored).dataset)
    assert "has 1 field" in listed[2]["error"]
    assert [load["load"] for load in loads_of(people.alice, "--under-way")] == [str(waits.pk)]
    assert loads_of(people.bob) == []
    assert "has 1 field" in said("list_loads", "--owner", people.alice.email)


def test_a_load_that_waits_is_cancelled_at_once(alice: Person) -> None:
    submission = submitted(alice)

    assert "It is cancelled" in said("cancel_load", submission.pk)

    drain()
    assert now(submission).state == State.CANCELLED


def test_a_load_that_runs_is_asked_to_end(alice: Person) -> None:
    submission = submitted(alice)
    lease = LoadLease.claim(submission.pk)
    assert lease is not None

    assert "within seconds" in said("cancel_load", submission.pk)

    assert now(submission).cancel_asked
    lease.cancelled()


def test_a_load_that_has_ended_or_is_not_there_is_not_cancelled(alice: Person) -> None:
    submission = submitted(alice)
    drain()

    with pytest.raises(CommandError, match="ended already: stored"):
        said("cancel_load", submission.pk)
    with pytest.raises(CommandError, match="no such load"):
        said("cancel_load", uuid4())


def test_loads_that_wait_in_vain_are_found_by_the_doctor(alice: Person) -> None:
    Worker.objects.all().delete()
    Submission.objects.filter(state=State.WAITING).delete()
    submission = submitted(alice)
    assert found(examine_workers) == set()

    long_ago = timezone.now() - timedelta(minutes=5)
    Submission.objects.filter(pk=submission.pk).update(created_at=long_ago)
    [finding] = found(examine_workers)
    assert finding.startswith("1 load waiting, and no worker was seen for a minute.")
    assert "no worker is running" in said("list_loads", "--owner", alice.email)

    Worker.objects.create(name="somewhere:1", seen_at=timezone.now())
    assert found(examine_workers) == set()
    Worker.objects.all().delete()
