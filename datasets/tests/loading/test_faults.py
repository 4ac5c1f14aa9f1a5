"""A load that is killed or fails leaves nothing; live loads are left alone; a retry works."""

import io
import logging
import os
import select
import signal
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.conf import settings
from django.core.files.storage import storages
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection, connections
from django.test import Client
from psycopg2 import sql

from accounts.tests.doors import sign_in
from conftest import People, Person
from datasets import rpc
from datasets.identifiers import in_data_schema
from datasets.ingest import load as load_module
from datasets.ingest.pseudonyms import owner_key, pseudonymize
from datasets.models import StagedFile, Submission
from datasets.services import reap_uploads
from datasets.tests.loading.forked import forking
from datasets.tests.loading.queue import drain, load_by_page
from datasets.tests.loading.tables import load_csv
from fairdb_site.errors import FairdbError, NotFound, Unavailable
from fairdb_site.local.binaries import MAJOR, package_folder
from fairdb_site.local.state import SUPERUSER, local_state

# Imports what a load needs, once; then makes a process for each line it reads. That one stages a
# file as an upload is, and loads it; it holds still at the step named, until it is killed.
LOADS = """
import json, os, pathlib, signal, sys, uuid
import django
django.setup()
import supabase
from accounts.models import User
from datasets.ingest.pipeline import dataset_import
from datasets.staging import Staged

def work(owner, path, step, done, key):
    def progress(*now):
        if now[:2] == (step, done):
            print(os.getpid(), flush=True)
            signal.pause()

    staged = Staged()
    staged.write(pathlib.Path(path).read_bytes())
    staged.finish()
    dataset_import(
        owner=User.objects.get(pk=owner), source=staged.open, file_name="x.csv", title="killed",
        submission=uuid.UUID(key), progress=progress,
    )
"""

StartedLoad = Callable[..., int]


@pytest.fixture(scope="module")
def started_load(db_ready: None) -> Iterator[StartedLoad]:
    """Return a function that starts a load up to a step and gives the number of its process."""
    with forking(LOADS) as load:

        def start(
            owner: Person, folder: Path, step: str, done: int, key: UUID, *, raw_id: str = "P1"
        ) -> int:
            path = folder / "killed.csv"
            path.write_text(f"id,{','.join(f'c{n}' for n in range(700))}\n{raw_id}{',x' * 700}\n")
            return load(str(owner.user.pk), str(path), step, done, str(key))

        yield start


def kill(process: int) -> None:
    """Kill a load, and wait until it is gone."""
    handle = os.pidfd_open(process)
    os.kill(process, signal.SIGKILL)
    assert select.select([handle], [], [], 30)[0]
    os.close(handle)


@pytest.fixture(autouse=True)
def _no_strays(db_ready: None) -> None:
    """Remove files without a record, as tests with a database of their own leave them."""
    staged = Path(storages["staged"].path(""))
    known = set(StagedFile.objects.values_list("name", flat=True))
    for path in staged.iterdir() if staged.exists() else ():
        if path.name not in known:
            path.unlink(missing_ok=True)


def leftovers(owner: Person) -> list[str]:
    """Return what there is of this owner: datasets, records, parts; and all staged files.

    But those that the submissions of others hold, or that are older than this account.
    """
    of_others = set(Submission.objects.exclude(owner=owner.user).values_list("staged", flat=True))
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
        found += [row[0] for row in cursor.fetchall()]
    staged = Path(storages["staged"].path(""))
    since = owner.user.created_at
    files = staged.iterdir() if staged.exists() else []
    newer = [path.name for path in files if path.stat().st_mtime >= since.timestamp()]
    found += [f"file {name}" for name in newer if name not in of_others]
    records = StagedFile.objects.exclude(name__in=of_others).filter(created_at__gte=since)
    return found + list(records.values_list("name", flat=True))


STATES = [("reading", 0), ("creating", 0), ("creating", 2), ("storing", 0), ("sealing", 0)]


@pytest.mark.parametrize(("step", "done"), STATES)
def test_a_killed_load_is_reaped_and_can_be_sent_again(
    people: People, tmp_path: Path, started_load: StartedLoad, step: str, done: int
) -> None:
    alice, key = people.alice, uuid4()
    load = started_load(alice, tmp_path, step, done, key)
    alive = leftovers(alice)
    reap_uploads()
    os.kill(load, 0)  # it is there
    assert {*alive} <= {*leftovers(alice)}  # while one table is told of, another is being made
    assert alive
    for person in (alice, people.bob):
        assert person.rpc("get_all_tables") == []
        assert person.rpc("list_datasets") == []
        for name in alive:
            with pytest.raises(NotFound):
                person.rpc("select_from_table", {"p_table_name": name, "p_row_limit": 1})
    kill(load)
    wait_until_free()
    assert reap_uploads().files == 1
    assert leftovers(alice) == []
    again = load_csv(alice, tmp_path, (tmp_path / "killed.csv").read_bytes(), submission=key)
    assert (again.rows, again.columns) == (1, 700)


def test_a_killed_load_is_cleared_by_sending_the_same_form_again(
    alice: Person, tmp_path: Path, started_load: StartedLoad
) -> None:
    key = uuid4()
    load = started_load(alice, tmp_path, "storing", 0, key)
    kill(load)
    again = load_csv(alice, tmp_path, (tmp_path / "killed.csv").read_bytes(), submission=key)
    assert len(alice.rpc("get_all_tables")) == len(again.tables)
    assert len(alice.rpc("list_datasets")) == 1
    wait_until_free()
    reap_uploads()


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


def test_ten_forms_at_once_are_one_load_with_one_receipt(alice: Person) -> None:
    cookies, key = sign_in(alice).cookies, str(uuid4())

    def send(_: int) -> str:
        browser = Client()
        browser.cookies = cookies
        file = SimpleUploadedFile("t.csv", b"id,age\nP1,1\nP2,2\n")
        try:
            answer = browser.post(
                "/datasets/new/", {"file": file, "submission": key, "at_once": "on"}
            )
            return str(answer.headers.get("Location"))
        finally:
            connections.close_all()

    with ThreadPoolExecutor(10) as pool:
        [page] = set(pool.map(send, range(10)))
    drain()
    [facts] = alice.rpc("list_datasets")
    assert sign_in(alice).get(page)["Location"] == f"/datasets/{facts['id']}/receipt/"
    assert len(leftovers(alice)) == 3  # the dataset, its record, its table


def test_raw_ids_are_kept_nowhere(
    alice: Person,
    stack: Path,
    tmp_path: Path,
    started_load: StartedLoad,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A table is loaded, refused in three ways, and killed while it is stored."""
    raw_id, key, log = f"Q{uuid4().hex}", uuid4(), io.StringIO()
    (temporary := tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    [handler] = (h for h in logging.getLogger("datasets").handlers if h.name == "stderr")
    assert isinstance(handler, logging.StreamHandler)
    monkeypatch.setattr(handler, "stream", log)
    browser = sign_in(alice)

    def send(rows: str, **fields: str) -> Any:
        file = SimpleUploadedFile("t.csv", f"id,age\n{rows}".encode())
        return load_by_page(browser, {"file": file, **fields})

    loaded = send(f"{raw_id},1\n{raw_id},2\n")
    refused = [
        send(f"{raw_id},1\n{raw_id},2,{raw_id}\n"),
        send(f"{raw_id},1\n{raw_id},{raw_id}\n", types="age=integer"),
        send(f'{raw_id},1\n"{raw_id},2\n'),
    ]
    send(f"{raw_id},1\n", types=raw_id)
    load = started_load(alice, tmp_path, "sealing", 0, key, raw_id=raw_id)
    staged = [path.read_bytes() for path in Path(storages["staged"].path("")).iterdir()]
    kill(load)

    assert [loaded.status_code, *(page.status_code for page in refused)] == [302, 200, 200, 200]
    pages = [browser.get(loaded["Location"]), browser.get("/"), *refused]
    kept = {f"page {number}": page.content for number, page in enumerate(pages)}
    kept |= {"log": log.getvalue().encode(), "staged": b"".join(staged), "dump": dump(stack)}
    for folder in (stack, temporary):
        files = (path for path in folder.rglob("*") if path.is_file())
        kept |= {str(p): p.read_bytes() for p in files if stack / "cluster" not in p.parents}
    assert "Unprocessable" in log.getvalue()
    assert len(kept["staged"]) > 700
    assert str(alice.user.pk).encode() in kept["dump"]
    assert [place for place, content in kept.items() if raw_id.encode() in content] == []
    wait_until_free()
    reap_uploads()


def dump(stack: Path) -> bytes:
    """Return the whole database as pg_dump writes it."""
    program = package_folder() / f"pginstall{MAJOR}" / "bin" / "pg_dump"
    url = local_state(stack).database_url(SUPERUSER)
    return subprocess.run([program, url], capture_output=True, check=True).stdout


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


END_IN_A_ROW = """
    create function pg_temp.end_it() returns trigger language plpgsql
    as $$ begin perform pg_terminate_backend(pg_backend_pid()); return new; end $$;
    create trigger end_it before insert on {} for each row when ({})
    execute function pg_temp.end_it()
"""


@pytest.mark.parametrize("step", ["_copy_rows", "_copy_statistics"])
def test_a_connection_that_ends_within_a_row_leaves_no_value_in_the_log(
    alice: Person,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    step: str,
) -> None:
    """PostgreSQL quotes the row, and psycopg2 prints what it said past all logging."""
    real, log = getattr(load_module, step), io.StringIO()
    [handler] = (h for h in logging.getLogger("datasets").handlers if h.name == "stderr")
    assert isinstance(handler, logging.StreamHandler)
    monkeypatch.setattr(handler, "stream", log)

    def copy(cursor: Any, *args: Any) -> None:
        rows = step == "_copy_rows"
        table, which = (args[0].parts[0], "true") if rows else ("dataset_columns", "new.mean > 1")
        cursor.execute(sql.SQL(END_IN_A_ROW).format(in_data_schema(table), sql.SQL(which)))
        real(cursor, *args)

    monkeypatch.setattr(load_module, step, copy)
    cell, title = "700193847", f"title{uuid4().hex}"
    with pytest.raises(FairdbError, match="Nothing was"):
        load_csv(alice, tmp_path, f"id,v\nP1,{cell}\nP2,{cell}\n", title=title)
    connection.close()

    written = capfd.readouterr().err + log.getvalue()
    [pseudonym] = pseudonymize(["P1"], owner_key(settings.FAIRDB_PSEUDONYM_KEY, alice.user.pk))
    hidden = [cell, title, str(alice.user.pk), pseudonym[:12]]  # a long line is quoted in part
    assert [value for value in hidden if value in written] == []
    assert "AdminShutdown (SQLSTATE 57P01)" in log.getvalue()
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
        dataset_import(owner=alice.user, source=path, file_name="x.csv", title="x", progress=change)
    assert leftovers(alice) == []
