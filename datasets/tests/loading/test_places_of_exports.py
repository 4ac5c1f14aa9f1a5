"""Where an export may be written: a file's place, and nothing that is no file is replaced."""

import errno
import os
import stat
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from conftest import Person
from datasets.browse.export import write_csv
from datasets.browse.export_file import dataset_export, dataset_write
from datasets.tests.loading.tables import load_csv
from fairdb_site.errors import Conflict, Refused


def export(owner: Person, folder: Path, out: Path, *, overwrite: bool = False) -> None:
    receipt = load_csv(owner, folder, "id,age\nP1,30\n")
    dataset_export(
        dataset_id=receipt.dataset, reader_id=owner.user.pk, out=out, overwrite=overwrite
    )


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize("through_a_link", [False, True])
def test_what_is_no_file_is_left_as_it_is(
    alice: Person, tmp_path: Path, through_a_link: bool, overwrite: bool
) -> None:
    pipe, link = tmp_path / "pipe", tmp_path / "link"  # a pipe stands for any device
    os.mkfifo(pipe)
    link.symlink_to(pipe)

    with pytest.raises(Refused, match="cannot be written"):
        export(alice, tmp_path, link if through_a_link else pipe, overwrite=overwrite)

    assert stat.S_ISFIFO(pipe.lstat().st_mode)
    assert link.is_symlink()


def test_link_is_replaced_and_what_it_names_is_not_touched(alice: Person, tmp_path: Path) -> None:
    kept, link = tmp_path / "kept.csv", tmp_path / "link.csv"
    kept.write_text("mine")
    link.symlink_to(kept)

    export(alice, tmp_path, link, overwrite=True)

    assert kept.read_text() == "mine"
    assert not link.is_symlink()


@pytest.mark.parametrize("name", ["", "no/such/folder.csv", "x" * 300])
def test_place_that_holds_no_file_is_refused(alice: Person, tmp_path: Path, name: str) -> None:
    with pytest.raises(Refused, match="cannot be written"):
        export(alice, tmp_path, tmp_path / name)


@pytest.mark.parametrize("what", ["a file", "a link", "a link to nothing"])
def test_what_exists_is_left_as_it_is_unless_replacing_is_asked_for(
    alice: Person, tmp_path: Path, what: str
) -> None:
    out, other = tmp_path / "out.csv", tmp_path / "other.csv"
    (out if what == "a file" else other).write_text("mine")
    if what != "a file":
        out.symlink_to(other if what == "a link" else tmp_path / "nothing")

    with pytest.raises(Conflict, match="exists already") as refused:
        export(alice, tmp_path, out)

    assert refused.value.option == "overwrite"
    assert out.is_symlink() or out.read_text() == "mine"
    export(alice, tmp_path, out, overwrite=True)
    assert out.read_text().startswith("id_hash,age\n")
    assert what == "a file" or other.read_text() == "mine"


def test_command_says_how_to_replace_a_file(alice: Person, tmp_path: Path) -> None:
    receipt = load_csv(alice, tmp_path, "id,age\nP1,30\n")
    out = tmp_path / "out.csv"
    out.write_text("mine")

    with pytest.raises(CommandError, match=r"exists already.* Use --overwrite\.$") as refused:
        call_command("export_dataset", str(receipt.dataset), str(out))

    assert refused.value.returncode == 1
    assert out.read_text() == "mine"
    call_command("export_dataset", str(receipt.dataset), str(out), overwrite=True)
    assert out.read_text().startswith("id_hash,age\n")


@pytest.mark.parametrize("has_links", [True, False])
def test_file_that_comes_while_rows_are_written_is_left_as_it_is(
    alice: Person, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, has_links: bool
) -> None:
    out = tmp_path / "out.csv"

    def meanwhile(*args: Any) -> None:
        write_csv(*args)
        out.write_text("of somebody faster")

    monkeypatch.setattr("datasets.exporting.writing.write_csv", meanwhile)
    if not has_links:
        monkeypatch.setattr(os, "link", no_links)

    with pytest.raises(Conflict, match="exists already"):
        export(alice, tmp_path, out)

    assert out.read_text() == "of somebody faster"
    assert not list(tmp_path.glob(".export-*"))


def test_file_system_without_links_gets_the_file_too(
    alice: Person, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "link", no_links)
    out = tmp_path / "out.csv"

    export(alice, tmp_path, out)

    assert out.read_text().startswith("id_hash,age\n")
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    assert not list(tmp_path.glob(".export-*"))


def no_links(*args: Any) -> None:
    """What FAT says; no such file system can be mounted in a test."""
    raise PermissionError(errno.EPERM, "Operation not permitted")


def test_export_that_nobody_takes_hangs_up_and_reads_no_rest(alice: Person, tmp_path: Path) -> None:
    receipt = load_csv(alice, tmp_path, "id,age\nP1,30\n")
    before = backend()

    def gone(data: bytes) -> None:
        raise BrokenPipeError

    with pytest.raises(BrokenPipeError):
        dataset_write(dataset_id=receipt.dataset, reader_id=alice.user.pk, write=gone)

    assert backend() != before
    assert not connection.in_atomic_block


def backend() -> int:
    """Return which connection to the database this thread has."""
    with connection.cursor() as cursor:
        cursor.execute("select pg_backend_pid()")
        return int(cursor.fetchone()[0])
