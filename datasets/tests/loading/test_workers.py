"""Workers that are killed, paused or race each other: each file is stored once, or not at all."""

import os
import select
import signal
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import DatabaseError, OperationalError, connection, transaction
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from accounts.models import AuditAction, AuditEvent
from conftest import Person
from datasets.ingest.pipeline import Receipt
from datasets.jobs.lease import MOST_LOSSES
from datasets.loading import taking
from datasets.loading.lease import LoadLease
from datasets.loading.recovery import take_back_lost
from datasets.loading.submissions import submission_cancel, submission_start
from datasets.models import Dataset, Submission
from datasets.services import reap_uploads
from datasets.tests.loading.forked import forking
from datasets.tests.loading.queue import drain, now, submitted
from datasets.tests.loading.tables import load_csv
from datasets.tests.loading.test_faults import kill, leftovers
from fairdb_site.database import is_outage

# two tables of text
WIDE = f"id,{','.join(f'c{n}' for n in range(340))}\nP1{',x' * 340}\nP2{',y' * 340}\n"
State = Submission.State

# Imports what a load needs, once; then makes a worker for each line it reads, which does one load.
# It holds still at the step named, for a signal of whoever reads its number. Its lease runs out at
# once, and counts when somebody looks.
WORKERS = """
import json, os, signal, sys
from datetime import timedelta
import django
django.setup()
import supabase
from datasets.jobs import lease
from datasets.ingest import pipeline
from datasets.loading.lease import LoadLease
from datasets.loading.tasks import load_submission

def work(submission, step, done):
    progress, seal, stored = LoadLease.progress, LoadLease.seal, LoadLease.stored

    def hold(*now):
        if now == (step, done):
            print(os.getpid(), flush=True)
            signal.sigwait([signal.SIGUSR1])

    def held_progress(self, now, done, total):
        hold(now, done)
        progress(self, now, done, total)

    def held_seal(self, dataset):
        seal(self, dataset)
        hold("sealed", 0)

    def held_stored(self, dataset):
        hold("stored", 0)
        stored(self, dataset)

    LoadLease.progress, LoadLease.seal, LoadLease.stored = held_progress, held_seal, held_stored
    load_submission.call(submission)

lease.LEASE = timedelta(seconds=-1)
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
"""
STEPS = [("reading", 0), ("creating", 1), ("storing", 0), ("sealing", 0), ("sealed", 0)]

Started = Callable[[Submission, str, int], int]


@pytest.fixture(scope="module")
def started(db_ready: None) -> Iterator[Started]:
    """Return a function that has a worker load up to a step and gives the number of its process."""
    with forking(WORKERS) as work:
        yield lambda submission, step, done: work(str(submission.pk), step, done)


def run_out(submission: Submission) -> None:
    """Let the lease run out, as it does a minute after its worker was heard of."""
    Submission.objects.filter(pk=submission.pk).update(
        lease_until=timezone.now() - timedelta(seconds=1)
    )


def take_back(submission: Submission) -> None:
    """Take a lost load back as the chores of another worker do, in one round or two."""
    for _ in range(2):
        take_back_lost()
    assert now(submission).state != State.RUNNING


def stored_once(owner: Person, expected: Receipt | None = None) -> Dataset:
    """Return the owner's one dataset beside the expected one, which it equals."""
    others = Dataset.objects.filter(user_id=owner.user.pk)
    if expected is not None:
        others = others.exclude(pk=expected.dataset)
    dataset = others.get()
    assert dataset.state == Dataset.State.READY
    if expected is not None:
        assert dataset.digest == expected.digest
    return dataset


def on_record(owner: Person) -> list[str]:
    """Return how the owner's loads ended, oldest first; those by command are not among them."""
    found = AuditEvent.objects.filter(actor=owner.user.pk, action=AuditAction.DATASET_LOADED)
    return list(found.order_by("id").values_list("outcome", flat=True))


@pytest.mark.parametrize(("step", "done"), STEPS)
def test_the_load_of_a_killed_worker_is_done_by_another_one(
    alice: Person, tmp_path: Path, started: Started, step: str, done: int
) -> None:
    expected = load_csv(alice, tmp_path, WIDE)
    submission = submitted(alice, WIDE.encode())
    kill(started(submission, step, done))
    assert now(submission).state == State.RUNNING

    take_back(submission)
    drain()

    dataset = stored_once(alice, expected)
    assert (now(submission).dataset, now(submission).losses) == (dataset.pk, 1)
    reap_uploads()
    assert len(leftovers(alice)) == 2 * (1 + 2 * len(dataset.parts))  # each dataset, its tables


def test_a_worker_that_is_killed_once_all_is_stored_leaves_it_stored(
    alice: Person, started: Started
) -> None:
    submission = submitted(alice)
    kill(started(submission, "stored", 0))

    assert now(submission).state == State.STORED
    take_back_lost()
    drain()
    assert now(submission).dataset == stored_once(alice).pk
    assert on_record(alice) == ["done"]
    reap_uploads()
    assert len(leftovers(alice)) == 3  # the dataset, its record, its table


@pytest.mark.parametrize(("step", "done"), STEPS)
def test_a_worker_that_was_paused_for_minutes_stores_nothing_when_it_wakes_up(
    alice: Person, tmp_path: Path, started: Started, step: str, done: int
) -> None:
    expected = load_csv(alice, tmp_path, WIDE)
    submission = submitted(alice, WIDE.encode())
    paused = started(submission, step, done)
    os.kill(paused, signal.SIGSTOP)
    os.kill(paused, signal.SIGUSR1)  # so that it goes on as soon as it wakes up
    take_back(submission)
    drain()
    dataset = stored_once(alice, expected)

    ended = os.pidfd_open(paused)
    os.kill(paused, signal.SIGCONT)
    assert select.select([ended], [], [], 60)[0]
    os.close(ended)

    assert stored_once(alice, expected).pk == dataset.pk
    assert (now(submission).state, now(submission).dataset) == (State.STORED, dataset.pk)
    assert on_record(alice) == ["done"]
    reap_uploads()
    assert {table["table_name"] for table in alice.rpc("get_all_tables")} == {
        *expected.tables,
        *dataset.parts,
    }


def test_a_load_ends_with_its_record_or_not_at_all(
    alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cut_off(*args: Any) -> None:
        raise OperationalError

    submission = submitted(alice, b"id,age\nP1\n")
    with monkeypatch.context() as away:
        away.setattr("datasets.loading.lease.record_end", cut_off)
        drain()
    assert now(submission).state == State.RUNNING

    run_out(submission)
    take_back(submission)
    drain()
    assert now(submission).state == State.FAILED
    assert on_record(alice) == ["refused"]


def test_a_lease_that_has_not_run_out_is_let_alone(alice: Person) -> None:
    submission = submitted(alice)
    lease = LoadLease.claim(submission.pk)
    assert lease is not None

    take_back_lost()

    assert (now(submission).state, now(submission).losses) == (State.RUNNING, 0)
    lease.given_back()


def test_what_kills_its_workers_is_given_up_and_can_be_tried_again(alice: Person) -> None:
    submission = submitted(alice)
    for attempt in range(1, MOST_LOSSES + 1):
        assert LoadLease.claim(submission.pk) is not None
        run_out(submission)
        take_back_lost()
        assert now(submission).losses == attempt

    failed = now(submission)
    assert failed.state == State.FAILED
    assert "3 attempts at this file were lost" in failed.error
    submission_start(owner_id=alice.user.pk, submission_id=submission.pk)
    drain()
    assert now(submission).state == State.STORED


def test_a_load_whose_connection_is_ended_comes_again_until_that_is_too_often(
    alice: Person, monkeypatch: pytest.MonkeyPatch, terminated_while_storing: None
) -> None:
    submission = submitted(alice)
    for attempt in range(1, MOST_LOSSES):
        drain(deferred=True)
        assert (now(submission).state, now(submission).losses) == (State.WAITING, attempt)
    drain(deferred=True)
    failed = now(submission)
    assert (failed.state, failed.error_status) == (State.FAILED, 503)
    assert "The database stopped the load" in failed.error
    assert on_record(alice) == ["failed"]

    monkeypatch.undo()
    submission_start(owner_id=alice.user.pk, submission_id=submission.pk)
    drain()
    assert now(submission).dataset == stored_once(alice).pk
    assert on_record(alice) == ["failed", "done"]


def test_a_cancelled_load_of_a_killed_worker_is_not_done_again(alice: Person) -> None:
    submission = submitted(alice)
    LoadLease.claim(submission.pk)
    submission_cancel(owner_id=alice.user.pk, submission_id=submission.pk)
    run_out(submission)

    take_back_lost()
    drain()

    assert now(submission).state == State.CANCELLED
    assert leftovers(alice) == []


def test_the_server_ends_what_a_paused_worker_was_in_the_middle_of(
    alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(taking, "LONGEST", 0.05)
    submitted(alice)

    def pause() -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            assert DBTaskResult.objects.ready().get_locked() is not None
            assert select.select([connection.connection], [], [], 30)[0]
            cursor.execute("select 1")

    with taking.taken_in_time(), pytest.raises(DatabaseError) as ended:
        pause()
    connection.close()
    assert is_outage(ended.value)
    with connection.cursor() as cursor:
        cursor.execute("show idle_in_transaction_session_timeout")
        assert cursor.fetchone() == ("0",)
    drain()
