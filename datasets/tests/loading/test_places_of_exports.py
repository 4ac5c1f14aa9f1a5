"""Where an export may be written: a file's place, and nothing that is no file is replaced."""

import os
import stat
from pathlib import Path

import pytest

from conftest import Person
from datasets.browse.export_file import dataset_export
from datasets.tests.loading.tables import load_csv
from fairdb_site.errors import Refused


def export(owner: Person, folder: Path, out: Path) -> None:
    receipt = load_csv(owner, folder, "id,age\nP1,30\n")
    dataset_export(dataset_id=receipt.dataset, reader_id=owner.user.pk, out=out)


@pytest.mark.parametrize("through_a_link", [False, True])
def test_what_is_no_file_is_left_as_it_is(
    alice: Person, tmp_path: Path, through_a_link: bool
) -> None:
    pipe, link = tmp_path / "pipe", tmp_path / "link"  # a pipe stands for any device
    os.mkfifo(pipe)
    link.symlink_to(pipe)

    with pytest.raises(Refused, match="cannot be written"):
        export(alice, tmp_path, link if through_a_link else pipe)

    assert stat.S_ISFIFO(pipe.lstat().st_mode)
    assert link.is_symlink()


def test_link_is_replaced_and_what_it_names_is_not_touched(alice: Person, tmp_path: Path) -> None:
    kept, link = tmp_path / "kept.csv", tmp_path / "link.csv"
    kept.write_text("mine")
    link.symlink_to(kept)

    export(alice, tmp_path, link)

    assert kept.read_text() == "mine"
    assert not link.is_symlink()


@pytest.mark.parametrize("name", ["", "no/such/folder.csv", "x" * 300])
def test_place_that_holds_no_file_is_refused(alice: Person, tmp_path: Path, name: str) -> None:
    with pytest.raises(Refused, match="cannot be written"):
        export(alice, tmp_path, tmp_path / name)
