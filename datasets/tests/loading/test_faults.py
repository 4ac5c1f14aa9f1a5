"""A load that is killed or fails leaves nothing; live loads are left alone; a retry works."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection, connections

from conftest import Person
from datasets import rpc
from datasets.ingest import load as load_module
from datasets.services import reap_uploads
from datasets.tests.loading.tables import load_csv
from fairdb_site.errors import FairdbError, Unavailable

ROOT = Path(__file__).resolve().parents[3]

# Loads a file in a process of its own and holds still at the step named, until it is killed.
CHILD = """
import sys, time, pathlib, uuid
import django
django.setup()
from accounts.models import User
from datasets.ingest.pipeline import dataset_import

def progress(step, done, total):
    if (step, done) == (sys.argv[3], int(sys.argv[4])):
        print("here", flush=True)
        time.sleep(60)

dataset_import(
    owner=User.objects.get(pk=sys.argv[1]), path=pathlib.Path(sys.argv[2]), file_name="x.csv",
    title="killed", submission=uuid.UUID(sys.argv[5]), progress=progress,
)
"""


def leftovers(owner: Person) -> list[str]:
    """Return what there is of this owner in the database: datasets, records, parts."""
    with connection.cursor() as cursor:
        cursor.execute('select id::text from "_fd".datasets where user_id = %s', [owner.user.pk])
        found = [row[0] for row in cursor.fetchall()]
        cursor.execute(
            'select table_name from "_fd".metadata_tables where user_id = %s', [owner.user.pk]
        )
        found += [row[0] for row in cursor.fetchall()]
        cursor.execute(
            "select conrelid::regclass::text from pg_constraint"
            " where contype = 'c' and pg_get_constraintdef(oid) like %s",
            [f"%{owner.user.pk}%"],
        )
        return found + [row[0] for row in cursor.fetchall()]


def started_load(owner: Person, folder: Path, step: str, done: int, key: UUID) -> Any:
    path = folder / "killed.csv"
    path.write_text("id," + ",".join(f"c{n}" for n in range(700)) + "\n" + "P1" + ",x" * 700 + "\n")
    arguments = [str(owner.user.pk), str(path), step, str(done), str(key)]
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, *arguments],
        cwd=ROOT,
        env=os.environ | {"DJANGO_SETTINGS_MODULE": "fairdb_site.settings"},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "here\n"
    return child


STATES = [("reading", 0), ("creating", 0), ("creating", 2), ("storing", 0), ("sealing", 0)]


@pytest.mark.parametrize(("step", "done"), STATES)
def test_a_killed_load_is_reaped_and_can_be_sent_again(
    alice: Person, tmp_path: Path, step: str, done: int
) -> None:
    key = uuid4()
    child = started_load(alice, tmp_path, step, done, key)
    reap_uploads()
    assert child.poll() is None
    alive = leftovers(alice)
    assert bool(alive) == (step != "reading")  # the reaper left the live load alone
    assert alice.rpc("get_all_tables") == []
    assert alice.rpc("list_datasets") == []
    child.send_signal(signal.SIGKILL)
    child.wait()
    wait_until_free()
    reap_uploads()
    assert leftovers(alice) == []
    again = load_csv(alice, tmp_path, (tmp_path / "killed.csv").read_bytes(), submission=key)
    assert (again.rows, again.columns) == (1, 700)


def test_a_killed_load_is_cleared_by_sending_the_same_form_again(
    alice: Person, tmp_path: Path
) -> None:
    key = uuid4()
    child = started_load(alice, tmp_path, "storing", 0, key)
    child.send_signal(signal.SIGKILL)
    child.wait()
    again = load_csv(alice, tmp_path, (tmp_path / "killed.csv").read_bytes(), submission=key)
    assert len(alice.rpc("get_all_tables")) == len(again.tables)
    assert len(alice.rpc("list_datasets")) == 1


def wait_until_free() -> None:
    """Wait until PostgreSQL noticed that the killed load's connection is gone."""
    done = threading.Event()
    for _ in range(100):
        with connection.cursor() as cursor:
            cursor.execute("select count(*) from pg_locks where locktype = 'advisory' and granted")
            if cursor.fetchone()[0] == 0:
                return
        done.wait(0.05)
    pytest.fail("an advisory lock is still held")


def test_ten_submissions_at_once_make_one_dataset(alice: Person, tmp_path: Path) -> None:
    key = uuid4()

    def send(_: int) -> UUID:
        try:
            return load_csv(alice, tmp_path, "id,age\nP1,1\nP2,2\n", submission=key).dataset
        finally:
            connections.close_all()

    with ThreadPoolExecutor(10) as pool:
        datasets = set(pool.map(send, range(10)))
    assert len(datasets) == 1
    assert [facts["id"] for facts in alice.rpc("list_datasets")] == [str(*datasets)]
    assert len(leftovers(alice)) == 3  # the dataset, its record, its table


def test_supabase_going_away_between_parts_leaves_nothing(
    alice: Person, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, calls = rpc.create_data_table, iter(range(10))

    def away(*args: Any, **kwargs: Any) -> bool:
        if next(calls):
            raise Unavailable("Supabase does not answer. Try again in a minute.")
        return real(*args, **kwargs)

    monkeypatch.setattr(rpc, "create_data_table", away)
    header = ",".join(f"c{n}" for n in range(400))
    text = f"id,{header}\nP1{',x' * 400}\n"
    with pytest.raises(Unavailable):
        load_csv(alice, tmp_path, text)
    assert leftovers(alice) == []
    monkeypatch.undo()
    assert load_csv(alice, tmp_path, text).columns == 400


@pytest.fixture
def terminated_while_storing(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Have an operator terminate the load's connection before its rows are copied."""
    real = load_module._copy_rows

    def copy_rows(cursor: Any, *args: Any) -> None:
        cursor.execute("select pg_backend_pid()")
        [pid] = cursor.fetchone()
        other = connection.copy()
        with other.cursor() as second:
            second.execute("select pg_terminate_backend(%s)", [pid])
        other.close()
        real(cursor, *args)

    monkeypatch.setattr(load_module, "_copy_rows", copy_rows)
    yield
    monkeypatch.undo()


@pytest.mark.usefixtures("terminated_while_storing")
def test_a_terminated_connection_is_a_plain_error_and_leaves_nothing(
    alice: Person, tmp_path: Path
) -> None:
    with pytest.raises(FairdbError, match="Nothing was") as stopped:
        load_csv(alice, tmp_path, "id,age\nP1,1\n")
    assert "P1" not in str(stopped.value)
    connection.close()
    reap_uploads()
    assert leftovers(alice) == []


def test_a_file_that_changes_between_the_passes_is_refused(alice: Person, tmp_path: Path) -> None:
    path = tmp_path / "changing.csv"
    path.write_text("id,age\nP1,1\n")

    def change(step: str, done: int, total: int) -> None:
        if step == "creating":
            path.write_text("id,age\nP1,1\nP2,2\n")

    from datasets.ingest.pipeline import dataset_import

    with pytest.raises(FairdbError, match="changed while it was read"):
        dataset_import(owner=alice.user, path=path, file_name="x.csv", title="x", progress=change)
    assert leftovers(alice) == []
