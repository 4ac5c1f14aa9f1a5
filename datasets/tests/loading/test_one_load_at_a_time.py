"""An owner has one load under way at a time, whichever way the files come."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.db import connection, connections

from accounts.tests.doors import sign_in
from conftest import People, Person
from datasets.ingest import turn
from datasets.ingest.pipeline import Receipt
from datasets.models import Dataset
from datasets.tests.loading.queue import drain, load_by_page
from datasets.tests.loading.tables import load_csv
from fairdb_site.errors import Conflict

TABLE = "id,age\nP1,1\nP2,2\n"
Found = TypeVar("Found")


def elsewhere(work: Callable[[], Found]) -> Found:
    """Do something in a thread, with a connection of its own, as another process would."""

    def closing() -> Found:
        try:
            return work()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(closing).result()


def load_meanwhile(
    owner: Person, folder: Path, step: str, work: Callable[[], Found]
) -> tuple[Receipt, Found]:
    """Load a table and do something else once, at a step of it; return what became of both."""
    found: list[Found] = []

    def progress(now: str, done: int, total: int) -> None:
        if now == step and not found:
            found.append(elsewhere(work))

    receipt = load_csv(owner, folder, TABLE, title="The first", progress=progress)
    return receipt, found[0]


def refusal_of(work: Callable[[], object]) -> str:
    with pytest.raises(Conflict) as refused:
        work()
    return str(refused.value)


def titles_of(owner: Person) -> list[str]:
    return sorted(facts["title"] for facts in owner.rpc("list_datasets"))


@pytest.mark.parametrize(
    ("step", "which"), [("reading", "its file is being read"), ("storing", "“The first”")]
)
def test_a_second_file_is_refused_until_the_first_has_ended(
    alice: Person, tmp_path: Path, step: str, which: str
) -> None:
    def second() -> Receipt:
        return load_csv(alice, tmp_path, TABLE, title="The second", submission=uuid4())

    _, refusal = load_meanwhile(alice, tmp_path, step, lambda: refusal_of(second))

    assert refusal == (
        f"This account has a load under way ({which}). Nothing of this file was stored. Wait until "
        "that load has ended, then send this file again."
    )
    assert titles_of(alice) == ["The first"]
    second()
    assert titles_of(alice) == ["The first", "The second"]


def test_a_form_sent_again_does_not_wait_for_ever(
    alice: Person, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turn, "_SUBMISSION_PATIENCE", 0.1)
    submission = uuid4()
    refusals: list[str] = []

    def again() -> Receipt:
        return load_csv(alice, tmp_path, TABLE, submission=submission)

    def progress(step: str, done: int, total: int) -> None:
        if step == "storing" and not refusals:
            refusals.append(elsewhere(lambda: refusal_of(again)))

    first = load_csv(alice, tmp_path, TABLE, submission=submission, progress=progress)

    assert refusals == [turn.STILL_LOADED]
    assert again() == first


def test_of_five_files_at_the_same_moment_one_is_loaded(alice: Person, tmp_path: Path) -> None:
    refused = threading.Semaphore(0)

    def progress(step: str, done: int, total: int) -> None:
        if step == "reading" and not done:
            for _ in range(4):
                assert refused.acquire(timeout=30)

    def send(number: int) -> str:
        try:
            return load_csv(
                alice, tmp_path, TABLE, title=str(number), submission=uuid4(), progress=progress
            ).title
        except Conflict:
            refused.release()
            return ""
        finally:
            connections.close_all()

    with ThreadPoolExecutor(5) as pool:
        sent = list(pool.map(send, range(5)))
    assert sorted(sent)[:4] == [""] * 4
    assert titles_of(alice) == [max(sent)]


def test_a_load_that_failed_lets_the_next_one_in_at_once(alice: Person, tmp_path: Path) -> None:
    with pytest.raises(Exception, match="header but no rows"):
        load_csv(alice, tmp_path, "id,age\n", submission=uuid4())

    assert load_csv(alice, tmp_path, TABLE, submission=uuid4()).rows == 2


def test_what_a_killed_load_left_keeps_nobody_from_loading(alice: Person, tmp_path: Path) -> None:
    Dataset.objects.create(user_id=alice.user.pk, title="Killed", state="loading")

    receipt, refusal = load_meanwhile(
        alice, tmp_path, "reading", lambda: refusal_of(lambda: load_csv(alice, tmp_path, TABLE))
    )

    assert receipt.rows == 2
    assert "Killed" not in refusal


def test_other_owners_load_meanwhile(people: People, tmp_path: Path) -> None:
    _, other = load_meanwhile(
        people.alice, tmp_path, "storing", lambda: load_csv(people.bob, tmp_path, TABLE)
    )

    assert other.rows == 2


def test_the_command_is_refused_and_a_sent_file_waits(alice: Person, tmp_path: Path) -> None:
    (path := tmp_path / "second.csv").write_text(TABLE)
    browser = sign_in(alice)

    def second() -> tuple[str, Any]:
        with pytest.raises(CommandError) as refused:
            call_command("import_dataset", str(path), "--owner", alice.email)
        assert refused.value.returncode == 1
        file = SimpleUploadedFile("second.csv", TABLE.encode())
        answer = load_by_page(browser, {"file": file, "title": "The second"})
        return str(refused.value), answer

    _, (refusal, answer) = load_meanwhile(alice, tmp_path, "storing", second)

    assert "load under way (“The first”)" in refusal
    assert "waiting" in answer.content.decode()
    assert titles_of(alice) == ["The first"]
    drain(deferred=True)
    assert titles_of(alice) == ["The first", "The second"]


def end_turn_of(owner: Person) -> None:
    """End the connection that holds an owner's turn, as a restart of the database does."""
    with connection.cursor() as cursor:
        cursor.execute(
            "select pg_terminate_backend(pid, 10000) from pg_locks"
            " where locktype = 'advisory' and objsubid = 1"
            " and (classid::bigint << 32) | objid::bigint = hashtextextended(%s, 0)",
            [f"load of {owner.user.pk}"],
        )
        assert cursor.fetchall() == [(True,)]


def test_a_turn_that_was_lost_is_taken_again(alice: Person, tmp_path: Path) -> None:
    def lose_it() -> Receipt:
        end_turn_of(alice)
        return load_csv(alice, tmp_path, TABLE, title="The second")

    load_meanwhile(alice, tmp_path, "reading", lose_it)

    assert titles_of(alice) == ["The first", "The second"]


def test_a_turn_that_was_lost_to_another_load_is_lost(alice: Person, tmp_path: Path) -> None:
    is_reading, may_go_on = threading.Event(), threading.Event()

    def progress(step: str, done: int, total: int) -> None:
        is_reading.set()
        assert may_go_on.wait(30)

    def second() -> Receipt:
        return elsewhere(
            lambda: load_csv(alice, tmp_path, TABLE, title="The second", progress=progress)
        )

    with ThreadPoolExecutor(1) as pool:

        def lose_it() -> Any:
            end_turn_of(alice)
            begun = pool.submit(second)
            assert is_reading.wait(30)
            return begun

        refusal = refusal_of(lambda: load_meanwhile(alice, tmp_path, "reading", lose_it))
        may_go_on.set()

    assert "load under way" in refusal
    assert titles_of(alice) == ["The second"]
