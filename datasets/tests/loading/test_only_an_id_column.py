"""A file of an id column and nothing else is a dataset like any other, of one table."""

import hashlib
from pathlib import Path

import pytest

from conftest import Person
from datasets.browse.export_file import dataset_export
from datasets.models import Dataset, DatasetColumn, MetadataTable
from datasets.services import dataset_delete
from datasets.tests.loading.tables import load_csv, read_csv
from datasets.tests.stored import qualified, run


@pytest.mark.parametrize("named", [None, "patient"])
def test_file_of_ids_alone_is_one_table_that_comes_out_as_it_went_in(
    alice: Person, tmp_path: Path, named: str | None
) -> None:
    receipt = load_csv(alice, tmp_path, "patient\nP2\nP1\n\nP2\n", id_column=named)

    [table] = receipt.tables
    assert (receipt.rows, receipt.columns, receipt.id_label) == (4, 0, "patient")
    assert (receipt.id_empty, receipt.id_repeated) == (1, 1)
    dataset = Dataset.objects.get(pk=receipt.dataset)
    assert (dataset.state, dataset.row_count, dataset.column_count) == ("ready", 4, 0)
    assert MetadataTable.objects.get(dataset=dataset).table_name == table
    [column] = DatasetColumn.objects.filter(dataset=dataset)
    assert (column.part, column.label) == (None, "patient")

    columns = alice.rpc("get_table_columns", {"p_table_name": table})
    assert [c["column_name"] for c in columns] == ["rowid", "user_id", column.name]
    rows = run(f"select * from {qualified(table)} order by rowid")
    assert [row[:2] for row in rows] == [(n, alice.user.pk) for n in (1, 2, 3, 4)]
    pseudonyms = [row[2] for row in rows]
    assert pseudonyms[0] == pseudonyms[3]
    assert {len(pseudonym) for pseudonym in pseudonyms} == {64}
    assert len(set(pseudonyms)) == 3

    out = tmp_path / "out.csv"
    exported = dataset_export(dataset_id=receipt.dataset, reader_id=alice.user.pk, out=out)
    assert read_csv(out) == [["patient_hash"], *([pseudonym] for pseudonym in pseudonyms)]
    assert exported.unchanged
    assert receipt.digest == hashlib.sha256(out.read_bytes()).hexdigest() == dataset.digest

    assert dataset_delete(owner_id=alice.user.pk, dataset_id=receipt.dataset).rows == 4
    assert run("select to_regclass(%s)", [qualified(table)]) == [(None,)]
