"""Several workers at one queue, and one that is asked to stop: whose load is whose."""

import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connections
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from conftest import People, Person
from datasets.clearing import Cleared
from datasets.loading import recovery, tasks
from datasets.loading.chores import Chores
from datasets.loading.lease import LoadLease
from datasets.loading.recovery import enqueue_forgotten
from datasets.loading.submissions import submission_cancel
from datasets.models import Dataset, Submission, Worker
from datasets.tests.loading.queue import drain, now, submitted
from datasets.tests.loading.test_faults import leftovers
from datasets.tests.loading.test_one_load_at_a_time import elsewhere
from datasets.tests.loading.test_workers import stored_once

State = Submission.State


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
    lease = LoadLease.claim(first.pk)
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
    monkeypatch.setattr("datasets.jobs.lease._BEAT", 0.01)
    progress, owner = LoadLease.progress, alice.user.pk
    submission = submitted(alice)

    def cancelled(self: Any, at: str, done: int, total: int) -> None:
        if at == step and self._stop is None:
            elsewhere(lambda: submission_cancel(owner_id=owner, submission_id=submission.pk))
            while step != "sealing" and self._stop is None:  # until it is told
                threading.Event().wait(0.01)
        progress(self, at, done, total)

    monkeypatch.setattr(LoadLease, "progress", cancelled)
    drain()

    assert now(submission).state == State.CANCELLED
    assert leftovers(alice) == []


def test_a_worker_that_is_told_to_end_at_once_gives_its_load_back(
    alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    submission = submitted(alice)
    with monkeypatch.context() as ending:
        ending.setattr(LoadLease, "progress", lambda *args: sys.exit(1))
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
