"""Workers that are killed, paused or race each other: each file is stored once, or not at all."""

import os
import select
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import DatabaseError, OperationalError, connection, connections, transaction
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from accounts.models import AuditAction, AuditEvent
from conftest import People, Person
from datasets.clearing import Cleared
from datasets.ingest.pipeline import Receipt
from datasets.loading import recovery, taking, tasks
from datasets.loading.chores import Chores
from datasets.loading.lease import MOST_LOSSES, Lease
from datasets.loading.recovery import enqueue_forgotten, take_back_lost
from datasets.loading.submissions import submission_cancel, submission_start
from datasets.models import Dataset, Submission, Worker
from datasets.services import reap_uploads
from datasets.tests.loading.forked import forking
from datasets.tests.loading.queue import drain, now, submitted
from datasets.tests.loading.tables import load_csv
from datasets.tests.loading.test_faults import kill, leftovers
from datasets.tests.loading.test_one_load_at_a_time import elsewhere
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
from datasets.loading import lease
from datasets.ingest import pipeline
from datasets.loading.lease import Lease
from datasets.loading.tasks import load_submission

def work(submission, step, done):
    progress, seal, stored = Lease.progress, Lease.seal, Lease.stored

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

    Lease.progress, Lease.seal, Lease.stored = held_progress, held_seal, held_stored
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
    lease = Lease.claim(submission.pk)
    assert lease is not None

    take_back_lost()

    assert (now(submission).state, now(submission).losses) == (State.RUNNING, 0)
    lease.given_back()


def test_what_kills_its_workers_is_given_up_and_can_be_tried_again(alice: Person) -> None:
    submission = submitted(alice)
    for attempt in range(1, MOST_LOSSES + 1):
        assert Lease.claim(submission.pk) is not None
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
    Lease.claim(submission.pk)
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


def test_workers_that_race_for_one_load_store_it_once(alice: Person) -> None:
    submission, start = submitted(alice), threading.Barrier(6)

    def work(_: int) -> None:
        start.wait()
        try:
            tasks.load_submission.call(str(submission.pk))
        finally:
            connections.close_all()

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(work, range(6)))

    assert now(submission).attempt == 1
    assert now(submission).dataset == stored_once(alice).pk


def test_an_owner_has_one_load_at_a_time_and_others_do_not_wait_for_it(people: People) -> None:
    first, second = (submitted(people.alice, title=title) for title in ("1", "2"))
    of_bob = submitted(people.bob)
    lease = Lease.claim(first.pk)
    assert lease is not None

    drain()
    assert (now(second).state, now(of_bob).state) == (State.WAITING, State.STORED)
    tasks.load_submission.call(str(second.pk))
    assert now(second).state == State.WAITING

    lease.given_back()
    tasks.load_submission.call(str(first.pk))
    drain()
    assert now(first).state == now(second).state == State.STORED


def test_two_workers_drain_one_queue_and_each_load_is_stored_once(people: People) -> None:
    sent = [submitted(owner) for owner in (people.alice, people.bob, people.alice, people.bob)]

    def work(_: int) -> None:
        try:
            drain()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(work, range(2)))

    assert [now(one).state for one in sent] == [State.STORED] * 4
    for owner in (people.alice, people.bob):
        assert Dataset.objects.filter(user_id=owner.user.pk).count() == 2


def test_a_load_that_the_queue_forgot_is_brought_back(alice: Person) -> None:
    submission = submitted(alice)
    DBTaskResult.objects.filter(args_kwargs__args=[str(submission.pk)]).update(status="RUNNING")
    drain()
    assert now(submission).state == State.WAITING
    Submission.objects.filter(pk=submission.pk).update(
        created_at=timezone.now() - timedelta(minutes=1)
    )

    enqueue_forgotten()
    drain()

    assert now(submission).state == State.STORED


def test_an_account_that_was_closed_loads_nothing(alice: Person) -> None:
    submission = submitted(alice)
    alice.user.is_active = False
    alice.user.save()

    drain()

    assert not Dataset.objects.filter(user_id=alice.user.pk).exists()
    assert now(submission).state == State.WAITING


@pytest.mark.parametrize("step", ["reading", "creating", "storing", "sealing"])
def test_a_load_is_cancelled_at_any_step_and_leaves_nothing(
    alice: Person, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    monkeypatch.setattr("datasets.loading.lease._BEAT", 0.01)
    progress, owner = Lease.progress, alice.user.pk
    submission = submitted(alice)

    def cancelled(self: Any, at: str, done: int, total: int) -> None:
        if at == step and self._stop is None:
            elsewhere(lambda: submission_cancel(owner_id=owner, submission_id=submission.pk))
            while step != "sealing" and self._stop is None:  # until it is told
                threading.Event().wait(0.01)
        progress(self, at, done, total)

    monkeypatch.setattr(Lease, "progress", cancelled)
    drain()

    assert now(submission).state == State.CANCELLED
    assert leftovers(alice) == []


def test_a_worker_that_is_told_to_end_at_once_gives_its_load_back(
    alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    submission = submitted(alice)
    with monkeypatch.context() as ending:
        ending.setattr(Lease, "progress", lambda *args: sys.exit(1))
        with pytest.raises(SystemExit):
            tasks.load_submission.call(str(submission.pk))

    assert (now(submission).state, now(submission).losses) == (State.WAITING, 0)
    assert not Dataset.objects.filter(user_id=alice.user.pk).exists()
    drain()
    assert now(submission).state == State.STORED


def test_a_worker_says_that_it_is_there_and_signs_off(
    db_ready: None, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    settings.FAIRDB_REAP_MINUTES = 0
    rounds = threading.Event()
    monkeypatch.setattr(recovery, "take_back_lost", rounds.set)
    monkeypatch.setattr("datasets.loading.chores.take_back_lost", rounds.set)

    with Chores():
        assert rounds.wait(30)
        assert Worker.objects.filter(seen_at__gt=timezone.now() - timedelta(minutes=1)).exists()

    assert not Worker.objects.exists()


def test_of_all_workers_one_clears_up_every_so_many_minutes(
    db_ready: None, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    settings.FAIRDB_REAP_MINUTES = 5
    Worker.objects.all().delete()
    cleared: list[str] = []
    nothing = Cleared(datasets=0, parts=0, files=0, alive=0, accounts=0, accounts_waiting=0)
    workers = [Chores(), Chores()]
    for name, worker in zip("ab", workers, strict=True):
        worker._name = name
        worker._be_seen()

    def clear_up() -> Cleared:
        cleared.append("once")
        return nothing

    def round_of_all() -> list[str]:
        cleared.clear()
        for worker in workers:
            worker._clear_up()
        return cleared

    monkeypatch.setattr("datasets.loading.chores.clear_up", clear_up)
    assert round_of_all() == ["once"]
    assert round_of_all() == []
    Worker.objects.update(reaped_at=timezone.now() - timedelta(minutes=6))
    assert round_of_all() == ["once"]
    settings.FAIRDB_REAP_MINUTES = 0
    Worker.objects.update(reaped_at=None)
    assert round_of_all() == []
    Worker.objects.all().delete()
