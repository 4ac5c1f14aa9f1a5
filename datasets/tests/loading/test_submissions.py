"""What becomes of a file that was sent: held, loaded by a worker, or given up."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.core.files.storage import storages
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from accounts import audit
from accounts.own.deletion import account_delete
from accounts.tests.doors import sign_in
from conftest import Person
from datasets.loading.asked import Asked
from datasets.loading.lease import LoadLease
from datasets.loading.submissions import submission_cancel, submission_draft, submission_start
from datasets.loading.tasks import UNEXPECTED
from datasets.models import Dataset, StagedFile, Submission
from datasets.services import dataset_delete, reap_uploads
from datasets.staging import open_kept
from datasets.tests.loading.queue import (
    TABLE,
    a_worker,
    drafted,
    drain,
    now,
    submitted,
    uploaded,
)
from datasets.tests.loading.test_one_load_at_a_time import elsewhere
from fairdb_site.errors import Conflict, NotFound, Refused

State = Submission.State


def is_held(submission: Submission) -> bool:
    """Whether its file is there: on record, and in the storage."""
    name = submission.staged
    there = Path(storages["staged"].path(name)).is_file() if name else False
    assert there == StagedFile.objects.filter(name=name).exists()
    return there


def test_a_submitted_file_waits_for_a_worker_who_stores_it(alice: Person) -> None:
    submission = submitted(alice, id_column="id", description="All", origin="Registry")

    assert submission.state == State.WAITING
    assert is_held(submission)
    drain()

    stored = now(submission)
    dataset = Dataset.objects.get(user_id=alice.user.pk)
    assert (stored.state, stored.dataset, stored.staged) == (State.STORED, dataset.pk, "")
    assert (dataset.title, dataset.description, dataset.origin) == ("A table", "All", "Registry")
    assert (dataset.row_count, dataset.file_name) == (2, "table.csv")
    assert dataset.submission == submission.pk
    assert not is_held(submission)


def test_the_queue_holds_the_id_and_nothing_else(alice: Person) -> None:
    submission = submitted(alice, title="Of my patients")

    [queued] = DBTaskResult.objects.filter(args_kwargs__args=[str(submission.pk)])
    assert queued.args_kwargs == {"args": [str(submission.pk)], "kwargs": {}}


def test_a_draft_is_held_past_its_request_and_reaped_when_it_was_left(
    alice: Person, settings: Any
) -> None:
    draft = drafted(alice)
    reap_uploads()
    assert is_held(draft)
    assert open_kept(draft.staged).read() == TABLE

    Submission.objects.filter(pk=draft.pk).update(
        created_at=timezone.now() - timedelta(hours=settings.FAIRDB_STAGED_HOURS, minutes=1)
    )
    assert reap_uploads().files == 1
    assert not is_held(draft)
    assert not Submission.objects.filter(pk=draft.pk).exists()


def test_the_same_form_is_one_submission(alice: Person, bob: Person) -> None:
    key = uuid4()
    reap_uploads()  # what other tests left

    def send(owner: Person, title: str, content: bytes = TABLE) -> Submission:
        return submission_draft(
            owner=owner.user, uploaded=uploaded(content), asked=Asked(title), key=key
        )

    first, again = send(alice, "first"), send(alice, "again", b"id,age\nP1,3\n")
    assert send(bob, "another's").pk != first.pk
    assert (again.pk, again.title) == (first.pk, "again")
    assert not is_held(first)
    assert is_held(again)

    submission_start(owner_id=alice.user.pk, submission_id=again.pk)
    late = send(alice, "late")
    assert (late.pk, late.title, late.staged) == (first.pk, "again", again.staged)
    drain()
    assert Dataset.objects.get(user_id=alice.user.pk).row_count == 1
    assert not StagedFile.objects.filter(name=again.staged).exists()


def test_a_file_that_cannot_be_a_table_goes_and_a_mendable_one_is_held(alice: Person) -> None:
    damaged = submitted(alice, b"%PDF-1.7 no table")
    drain()
    ragged = submitted(alice, b"id,age\nP1,1\nP2\n")
    drain()

    assert now(damaged).state == now(ragged).state == State.FAILED
    assert not is_held(damaged)
    assert is_held(now(ragged))
    assert now(ragged).error_option == "skip_bad_rows"
    mended = Asked("A table", skip_bad_rows=True)
    submission_start(owner_id=alice.user.pk, submission_id=ragged.pk, asked=mended)
    drain()
    assert now(ragged).state == State.STORED
    with pytest.raises(Conflict, match="not held any more"):
        submission_start(owner_id=alice.user.pk, submission_id=damaged.pk)


def test_a_likelier_id_column_is_suggested(alice: Person) -> None:
    submission = submitted(alice, b'"",pidnum,age\n1,10056,48\n2,10059,61\n')
    drain()

    failed = now(submission)
    assert (failed.error_option, failed.suggestion) == ("id_column", "pidnum")
    assert "looks more like one than the first" in failed.error


def test_cancelling_what_waits_lets_go_of_its_file_at_once(alice: Person) -> None:
    submission = submitted(alice)

    cancelled = submission_cancel(owner_id=alice.user.pk, submission_id=submission.pk)
    drain()

    assert cancelled.state == now(submission).state == State.CANCELLED
    assert not is_held(submission)
    assert not Dataset.objects.filter(user_id=alice.user.pk).exists()


def test_of_those_who_race_for_one_held_file_one_has_it_and_nothing_is_left(alice: Person) -> None:
    drafts = [drafted(alice) for _ in range(4)]
    at_once = threading.Barrier(3)

    def act(do: Any, draft: Submission) -> str:
        at_once.wait()
        try:
            do(owner_id=alice.user.pk, submission_id=draft.pk)
        except Conflict as error:
            return error.message
        finally:
            connection.close()
        return ""

    with ThreadPoolExecutor(3) as others:
        for draft in drafts:
            acts = (submission_cancel, submission_start, submission_start)
            told = [one.result() for one in [others.submit(act, do, draft) for do in acts]]

            # one that was started first is cancelled while it waits; else its starter is told
            assert told[0] == ""
            assert all(not words or "not held any more" in words for words in told[1:])
            assert now(draft).state == State.CANCELLED
            assert not is_held(draft)

    drain()
    assert not StagedFile.objects.filter(name__in=[draft.staged for draft in drafts]).exists()
    assert not Dataset.objects.filter(user_id=alice.user.pk).exists()


def test_another_owners_submission_is_not_there(alice: Person, bob: Person) -> None:
    draft = drafted(alice)

    for ask in (submission_start, submission_cancel):
        with pytest.raises(NotFound):
            ask(owner_id=bob.user.pk, submission_id=draft.pk)
        with pytest.raises(NotFound):
            ask(owner_id=bob.user.pk, submission_id=uuid4())
    assert now(draft).state == State.DRAFT


def test_what_cannot_be_a_title_is_refused_before_anything_is_kept(alice: Person) -> None:
    with pytest.raises(Refused, match="title"):
        drafted(alice, title=" ")
    assert not Submission.objects.filter(owner=alice.user).exists()


def test_an_account_has_so_many_files_held_and_those_of_failed_loads_go_first(
    alice: Person, settings: Any
) -> None:
    settings.FAIRDB_MAX_HELD = 2
    failed = submitted(alice, b"id,age\nP1,1\nP2\n")
    drain()
    drafted(alice)
    assert is_held(now(failed))

    second = drafted(alice)
    assert not is_held(now(failed))
    with pytest.raises(Conflict, match="2 files of yours wait here"):
        drafted(alice)

    submission_cancel(owner_id=alice.user.pk, submission_id=second.pk)
    assert is_held(drafted(alice))

    settings.FAIRDB_MAX_HELD = 4
    at_once = threading.Barrier(5)

    def send() -> bool:
        file = uploaded()
        at_once.wait()
        try:
            submission_draft(owner=alice.user, uploaded=file, asked=Asked(title="A table"))
        except Conflict:
            return False
        finally:
            file.close()
            connection.close()
        return True

    with ThreadPoolExecutor(5) as others:
        sent = [each.result() for each in [others.submit(send) for _ in range(5)]]
    assert sum(sent) == 2
    assert Submission.objects.filter(owner=alice.user).exclude(staged="").count() == 4


SENTINEL = "P-sentinel-7341"


def test_nothing_of_what_an_exception_says_is_kept(
    alice: Person, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, capfd: Any
) -> None:
    submission = submitted(alice)

    def broken(self: Any, *args: Any) -> None:
        raise ValueError(f"cell {SENTINEL}")

    monkeypatch.setattr(LoadLease, "progress", broken)
    drain()

    failed = now(submission)
    assert (failed.state, failed.error, failed.error_status) == (State.FAILED, UNEXPECTED, 500)
    assert is_held(failed)
    kept = [*DBTaskResult.objects.values(), *Submission.objects.values()]
    assert SENTINEL not in repr(kept)
    assert SENTINEL not in capfd.readouterr().err


def test_nothing_of_what_ends_a_worker_is_kept_in_the_queue(
    alice: Person, monkeypatch: pytest.MonkeyPatch, capfd: Any
) -> None:
    def ended(self: Any, *args: Any) -> None:
        raise SystemExit(f"cell {SENTINEL}")

    submission = submitted(alice)
    with monkeypatch.context() as broken:
        broken.setattr(LoadLease, "progress", ended)
        [queued] = DBTaskResult.objects.filter(args_kwargs__args=[str(submission.pk)])
        a_worker().run_task(queued)

    queued.refresh_from_db()
    assert (queued.status, queued.traceback) == ("FAILED", "")
    assert queued.exception_class_path == "builtins.SystemExit"
    assert SENTINEL not in repr(list(DBTaskResult.objects.values()))
    assert SENTINEL not in capfd.readouterr().err
    drain()
    assert now(submission).state == State.STORED


def test_what_was_sent_goes_with_its_dataset_and_with_the_account(alice: Person) -> None:
    stored, draft = submitted(alice), drafted(alice)
    drain()
    dataset = now(stored).dataset
    assert dataset is not None

    dataset_delete(owner_id=alice.user.pk, dataset_id=dataset)
    assert not Submission.objects.filter(pk=stored.pk).exists()

    account_delete(account=alice.user.pk, by=alice.user.pk)
    assert not Submission.objects.filter(pk=draft.pk).exists()
    assert not is_held(draft)


def test_a_load_is_on_record_as_done_by_who_sent_the_file_from_where_it_was_sent(
    alice: Person,
) -> None:
    client = sign_in(alice, Client(HTTP_USER_AGENT="Lynx"))
    file = SimpleUploadedFile("t.csv", TABLE)
    client.post("/datasets/new/", {"file": file, "id_column": "id", "at_once": "on"})
    drain()

    event = next(audit.events(account=alice.user.pk, most=1))
    assert (event.action, event.outcome) == ("dataset loaded", "done")
    assert (event.actor, event.device, event.address) == (alice.user.pk, "Lynx", "127.0.0.1")
    assert event.request == Submission.objects.get(owner=alice.user).request_id != ""


def test_a_load_says_how_far_it_is_while_it_is_read(
    alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("datasets.jobs.lease._BEAT", 0.01)
    progress, seen = LoadLease.progress, dict[str, Submission]()
    submission = submitted(alice)

    def watched(self: Any, step: str, done: int, total: int) -> None:
        progress(self, step, done, total)
        if step in {"creating", "storing"} and step not in seen:
            seen[step] = elsewhere(lambda: until(submission, step))

    monkeypatch.setattr(LoadLease, "progress", watched)
    drain()

    assert seen["creating"].bytes_done == len(TABLE)
    assert seen["storing"].rows_total == 2
    assert all(one.lease_until and one.worker for one in seen.values())


def until(submission: Submission, step: str) -> Submission:
    """Wait until a step is on record; that is a matter of a beat."""
    while (found := now(submission)).step != step:
        threading.Event().wait(0.01)
    return found
