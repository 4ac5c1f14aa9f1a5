"""Columns that are left out of a load: nothing of them is stored, and the receipt names them."""

import hashlib
import io
import json
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import pytest
from django.core.management import call_command

from conftest import Person
from datasets.models import Dataset, DatasetColumn
from datasets.tests.loading.tables import load_csv
from fairdb_site.errors import Refused

TABLE = "name,pid,age,email\nAda,P1,36,ada@example.org\nBob,P2,,bob@example.org\n"


def test_dataset_is_that_of_a_file_without_them(
    alice: Person, tmp_path: Path, export_rows: Callable[[Person, UUID], list[list[str]]]
) -> None:
    left = load_csv(alice, tmp_path, TABLE, id_column="pid", leave_out=["name", "#4"])
    without = load_csv(alice, tmp_path, "pid,age\nP1,36\nP2,\n", id_column="pid")
    assert left.digest == without.digest
    assert left.file_digest == hashlib.sha256(TABLE.encode()).hexdigest()
    assert (left.columns, left.left_out) == (1, "1,4")
    rows = export_rows(alice, left.dataset)
    assert rows[0] == ["pid_hash", "age"]
    columns = DatasetColumn.objects.filter(dataset=left.dataset).order_by("position")
    assert [(c.position, c.label) for c in columns] == [(1, "pid"), (2, "age")]
    [note] = left.notes
    assert note == (
        "Left out, as chosen: 2 columns of the file, of which nothing is stored: 'name' (column 1),"
        " 'email' (column 4)."
    )
    assert (Dataset.objects.get(pk=left.dataset).receipt or {})["left_out"] == "1,4"


def test_without_a_named_id_the_first_that_is_left_is_it(alice: Person, tmp_path: Path) -> None:
    table = "name,who,age\nAda,x,36\nBob,y,40\n"
    receipt = load_csv(alice, tmp_path, table, leave_out=["name"])
    assert receipt.id_label == "who"
    with pytest.raises(Refused) as refused:
        load_csv(alice, tmp_path, "name,age,pid\nA,36,P1\nB,36,P2\n", leave_out=["name"])
    assert refused.value.message.startswith("No id column was named, and column 3, 'pid'")


def test_id_column_is_never_left_out(alice: Person, tmp_path: Path) -> None:
    with pytest.raises(Refused, match="cannot be left out"):
        load_csv(alice, tmp_path, TABLE, id_column="pid", leave_out=["pid"])
    receipt = load_csv(alice, tmp_path, TABLE, id_column="pid", leave_out=["*"])
    assert (receipt.columns, receipt.left_out) == (0, "1,3-4")
    assert not Dataset.objects.filter(user_id=alice.user.pk).exclude(state="ready").exists()


def test_only_the_first_of_many_are_named_in_the_receipt(alice: Person, tmp_path: Path) -> None:
    header = ["id", *(f"c{n}" for n in range(2_000))]
    table = f"{','.join(header)}\n{','.join('1' for _ in header)}\n"
    receipt = load_csv(alice, tmp_path, table, leave_out=["#3-2001"], types={"c*": "float"})
    assert (receipt.columns, receipt.left_out) == (1, "3-2001")
    assert receipt.notes[0].endswith("and 1,949 more.")


def test_command_leaves_out_columns_by_pattern(
    alice: Person, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "t.csv"
    path.write_text(TABLE)
    call_command(
        "import_dataset",
        str(path),
        f"--owner={alice.email}",
        "--id-column=pid",
        "--leave-out=e*",
        "--leave-out=name",
        "--type=a*=float",
        "--json",
        stderr=io.StringIO(),
    )
    receipt = json.loads(capsys.readouterr().out)
    assert (receipt["left_out"], receipt["columns"]) == ("1,4", 1)
    [column] = DatasetColumn.objects.filter(dataset=receipt["dataset"], part=1)
    assert (column.label, column.data_type) == ("age", "float")
