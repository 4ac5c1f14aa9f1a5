"""A file that changes while it is read is refused, whenever it changes and however."""

import io
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from datasets.ingest.block import Block
from datasets.ingest.read import TableSource, open_table
from datasets.tests.ingest.tables import cells, write
from datasets.tests.ingest.workbooks import xlsx
from fairdb_site.errors import Refused

ROWS = "".join(f"P{n},{n}\n" for n in range(2_000))
TEXT = "id,v\n" + ROWS
OTHER = TEXT.replace("P7,", "Q7,")  # as long as the other
CHANGED = "changed while it was read"


def truncated(path: Path) -> None:
    os.truncate(path, len(TEXT) // 2)


def emptied(path: Path) -> None:
    os.truncate(path, 0)


def appended(path: Path) -> None:
    with path.open("a") as file:
        file.write("P,1\n")


def overwritten(path: Path) -> None:
    """Write other bytes of the same number, and set the time back."""
    before = path.stat()
    path.write_text(OTHER)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def replaced(path: Path) -> None:
    write(path.with_suffix(".new"), OTHER).rename(path)


def ragged(path: Path) -> None:
    path.write_text("id,v\n1\n")


CHANGES = [truncated, emptied, appended, overwritten, replaced, ragged]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file that was last written long ago, as most are."""
    path = write(tmp_path / "t.csv", TEXT)
    os.utime(path, (1, 1))
    return path


def some(table: TableSource) -> tuple[Block, Iterator[Block]]:
    """Return (the first block, the rest of the pass)."""
    blocks = table.blocks()
    return next(blocks), blocks


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_before_the_first_pass_is_refused(
    path: Path, change: Callable[[Path], None]
) -> None:
    table = open_table(path)
    change(path)

    with pytest.raises(Refused, match=CHANGED):
        cells(table)


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("passes", [0, 1])
def test_a_change_during_a_pass_is_refused(
    path: Path, change: Callable[[Path], None], passes: int
) -> None:
    table = open_table(path, block_bytes=1_000)
    for _ in range(passes):
        cells(table)
    _, rest = some(table)
    change(path)

    with pytest.raises(Refused, match=CHANGED):
        list(rest)


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_between_two_passes_is_refused(path: Path, change: Callable[[Path], None]) -> None:
    table = open_table(path)
    cells(table)
    change(path)

    with pytest.raises(Refused, match=CHANGED):
        cells(table)


def test_a_change_in_the_tick_of_the_last_one_is_found_by_the_digest(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file written just now may be written again without a change of its times."""
    path.write_text(TEXT)
    table = open_table(path)
    cells(table)
    stamp = table._stamp
    path.write_text(OTHER)
    monkeypatch.setattr("datasets.ingest.stream.stamp_of", lambda raw: stamp)
    monkeypatch.setattr("datasets.ingest.read.stamp_of", lambda raw: stamp)

    with pytest.raises(Refused, match=CHANGED):
        cells(table)


def test_an_unchanged_file_is_read_as_often_as_one_likes(path: Path) -> None:
    table = open_table(path)

    assert cells(table) == cells(table) == cells(table)


def test_a_stream_that_changes_between_two_passes_is_refused() -> None:
    contents = iter([b"id,v\nP1,1\n", b"id,v\nP1,1\n", b"id,v\nP2,2\n"])
    table = open_table(lambda: io.BytesIO(next(contents)))
    cells(table)

    with pytest.raises(Refused, match=CHANGED):
        cells(table)


@pytest.mark.parametrize("header", [b"id,w", b"id,v,w", b"id", b""])
def test_a_stream_whose_header_changes_before_the_first_pass_is_refused(header: bytes) -> None:
    contents = iter([b"id,v\nP1,1\n", header + b"\nP1,1\n"])
    table = open_table(lambda: io.BytesIO(next(contents)))

    with pytest.raises(Refused, match=CHANGED):
        cells(table)


def test_a_workbook_that_changes_is_refused(tmp_path: Path) -> None:
    first, second = (xlsx({"Data": [["id"], [cell]]}) for cell in ("P1", "P2"))
    path = write(tmp_path / "t.xlsx", first)
    contents = iter([first, second])
    tables = [open_table(path), open_table(lambda: io.BytesIO(next(contents)))]
    path.write_bytes(second)

    for table in tables:
        with pytest.raises(Refused, match=CHANGED):
            cells(table)
