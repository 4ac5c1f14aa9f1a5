"""Workbooks and Parquet files are read a few at a time, and for a preview with little patience."""

import io
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import Context
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from datasets.ingest import heading, sandbox
from datasets.ingest.ahead import ahead
from datasets.ingest.heading import read_heading
from datasets.ingest.read import TableSource, open_table
from datasets.ingest.sandbox import LOAD, PREVIEW, Conversion
from datasets.ingest.slots import one_slot, places, take_slot
from datasets.ingest.stream import TextBytes
from datasets.tests.ingest.workbooks import far_apart, xlsx
from fairdb_site.errors import TooLarge, Unavailable

ROOT = Path(__file__).resolve().parents[3]
BOOK = xlsx({"Data": [["id", "age"], ["P1", 31]]})
LONG = xlsx({"Data": [["id", "text"], ["P1", "x" * 30_000], *[["P", "y" * 30_000]] * 9]})

# Begins a conversion, says so, and holds still until it is killed.
HOLDS = """
import sys
from datasets.ingest.sandbox import Conversion
from datasets.ingest.slots import places

places.name, path = sys.argv[1:]
raw = open(path, "rb")
conversion = Conversion("zip", raw, raw)
print("begun", flush=True)
sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def one_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have one slot of each kind, for this test alone."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(places, "count", 1)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have conversions wait for nobody."""
    monkeypatch.setattr(
        sandbox, "take_slot", lambda kind, wait, busy: take_slot(kind, wait=0, busy=busy)
    )


@contextmanager
def begun(path: Path) -> Iterator[Conversion]:
    """Give a conversion that goes on for as long as it is not read."""
    path.write_bytes(LONG)
    with path.open("rb") as raw:
        conversion = Conversion("zip", raw, raw)
        try:
            yield conversion
        finally:
            conversion.close()


def is_free() -> bool:
    """Whether somebody else, who is in the middle of nothing, gets the slot of loads."""
    try:
        Context().run(take_slot, "load", wait=0, busy="busy").close()
    except Unavailable:
        return False
    return True


@pytest.mark.usefixtures("impatient")
def test_one_more_than_there_are_slots_is_refused_until_one_is_free(tmp_path: Path) -> None:
    busy = pytest.raises(Unavailable, match=r"busy reading other files.*Try again in a minute")
    with begun(tmp_path / "first"), busy:
        open_table(lambda: io.BytesIO(BOOK))

    assert open_table(lambda: io.BytesIO(BOOK)).header == ("id", "age")


def test_whoever_waits_gets_the_slot_that_becomes_free(tmp_path: Path) -> None:
    with begun(tmp_path / "first") as first:
        assert not is_free()
        ends = threading.Thread(target=first.close)
        ends.start()
        take_slot("load", wait=30, busy="it is still taken").close()
        ends.join()


def test_a_slot_is_taken_for_as_long_as_the_child_lives(tmp_path: Path) -> None:
    with begun(tmp_path / "first") as first:
        kept = os.dup(0)
        os.dup2(kept, first._slot.descriptor)  # as where the process that began it lets go
        os.close(kept)
        assert not is_free()
        first._process.kill()
        first._process.wait()
        assert is_free()


def test_other_processes_count_and_a_killed_one_leaves_nothing_taken(tmp_path: Path) -> None:
    (path := tmp_path / "book").write_bytes(LONG)
    with subprocess.Popen(
        [sys.executable, "-c", HOLDS, places.name, path],
        cwd=ROOT,
        env=os.environ | {"TMPDIR": str(tmp_path)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as other:
        assert other.stdout
        assert other.stdout.readline() == b"begun\n"
        assert not is_free()
        other.kill()
        take_slot("load", wait=30, busy="it is still taken").close()


def parquet_read_in_passes(path: Path) -> TableSource:
    pl.DataFrame({"id": ["P1", "P2"], "age": [1, 2]}).write_parquet(path)
    table = open_table(path)
    for _ in range(2):
        assert [block.rows for block in ahead(table.blocks())] == [2]
    return table


@pytest.mark.usefixtures("impatient")
def test_a_file_that_is_converted_for_each_pass_keeps_its_slot(tmp_path: Path) -> None:
    with one_slot():
        table = parquet_read_in_passes(tmp_path / "t.parquet")
        assert not is_free()
    assert is_free()
    assert table.rows_read == 2


@pytest.mark.usefixtures("impatient")
def test_a_preview_does_not_wait_for_loads_nor_they_for_it(tmp_path: Path) -> None:
    with begun(tmp_path / "first"):
        found = read_heading(BOOK, cut=False)
        assert found is not None
        assert found.labels == ("id", "age")

    with_one = take_slot("preview", wait=0, busy="busy")
    with pytest.raises(Unavailable, match="columns of this one cannot be listed just now"):
        read_heading(BOOK, cut=False)
    assert open_table(lambda: io.BytesIO(BOOK)).header == ("id", "age")
    with_one.close()


@pytest.mark.parametrize(
    ("book", "limits"),
    [(far_apart(), PREVIEW), (BOOK, replace(PREVIEW, seconds=0.001))],
    ids=["memory", "time"],
)
def test_a_preview_past_its_limits_leaves_the_name_to_be_typed(
    book: bytes, limits: sandbox.Limits, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(heading, "PREVIEW", limits)

    with pytest.raises(TooLarge, match="Type the id column's name"):
        read_heading(book, cut=False)


def test_a_preview_may_take_a_fraction_of_what_a_load_may() -> None:
    assert PREVIEW.memory * 4 == LOAD.memory
    assert PREVIEW.cpu_seconds * 100 < LOAD.cpu_seconds
    assert PREVIEW.wait < LOAD.wait


def test_a_load_past_its_time_is_told_so() -> None:
    limits = replace(LOAD, seconds=0.001)

    with pytest.raises(TooLarge, match="more than the 30 minutes of computing"):
        TextBytes(lambda: io.BytesIO(BOOK), limits=limits)
    assert is_free()
