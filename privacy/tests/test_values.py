"""Values of columns come in the order of their codes, of files and of datasets alike."""

from pathlib import Path
from typing import Any

import pytest

from conftest import Person
from datasets.ingest.read import open_table
from datasets.tests.loading.tables import load_csv
from datasets.tests.stored import Columns, store_dataset
from fairdb_site.errors import Conflict, NotFound, Refused, TooLarge
from privacy import values
from privacy.reading import columns_valued
from privacy.values import ValuedDataset, dataset_valued

NASTY = (
    'id,age,weight,seen,well,note,at,"a ""b"", c"\n'
    'P1,30,70.5,2024-01-02,true,"two\nlines",2024-01-02 03:04:05.5,x\n'
    "P2,,70.50,2024-01-03,false,=1+1,,\n"
    'P3,30,1e-05,2024-01-02,true,"",,x\n'
    'P4,-4,1e+15,,,"say ""Ω""",0001-01-01 00:00:00,"y,\r\n"\n'
)
ALL = range(2, 9)


def test_a_file_and_its_dataset_have_the_same_values(
    alice: Person, bob: Person, tmp_path: Path
) -> None:
    loaded = load_csv(alice, tmp_path, NASTY)
    path = tmp_path / "again.csv"
    path.write_text(NASTY, newline="")

    of_file = columns_valued(open_table(path), ALL, missing=["1970"])
    of_dataset = dataset_valued(
        dataset_id=loaded.dataset, owner_id=alice.user.pk, positions=ALL
    ).columns

    assert {place: column.values for place, column in of_file.items()} == {
        2: ("-4", "30"),
        3: ("1e-05", "70.5", "1e+15"),
        4: ("2024-01-02", "2024-01-03"),
        5: ("false", "true"),
        6: ("=1+1", 'say "Ω"', "two\nlines"),
        7: ("0001-01-01 00:00:00", "2024-01-02 03:04:05.5"),
        8: ("x", "y,\r\n"),
    }
    for place in ALL:
        file, dataset = of_file[place], of_dataset[place]
        assert dataset.values == file.values
        assert dataset.data_type == file.data_type
        assert dataset.coded.codes.tolist() == file.coded.codes.tolist()
        assert dataset.coded.many == len(dataset.values)
    with pytest.raises(NotFound):
        dataset_valued(dataset_id=loaded.dataset, owner_id=bob.user.pk, positions=[2])
    with pytest.raises(Refused, match="does not exist"):
        dataset_valued(dataset_id=loaded.dataset, owner_id=alice.user.pk, positions=[99])
    for read in (
        lambda: dataset_valued(
            dataset_id=loaded.dataset, owner_id=alice.user.pk, positions=[6], most=2
        ),
        lambda: columns_valued(open_table(path), [6], most=2),
    ):
        with pytest.raises(TooLarge, match="The column 'note' has"):
            read()


def test_values_are_of_the_state_of_their_codes(
    alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    columns: Columns = {"age": ("integer", [31, None, 31]), "empty": ("text", [None, "", None])}
    stored = store_dataset(alice.user.pk, columns, columns_a_part=1)
    read, changes = values._different, [47, 48, 49]

    def found() -> ValuedDataset:
        return dataset_valued(dataset_id=stored.id, owner_id=stored.owner, positions=[2, 3])

    def corrected_before(*asked: Any) -> Any:
        if changes:
            change = {"p_dataset_id": str(stored.id), "p_row_id": 1}
            alice.rpc("update_dataset_row", {**change, "p_updates": {"2": changes.pop()}})
        return read(*asked)

    assert [found().columns[place].values for place in (2, 3)] == [("31",), ()]
    monkeypatch.setattr(values, "_different", corrected_before)
    with pytest.raises(Conflict):
        found()
    changes.append(30)
    assert found().columns[2].values == ("30", "31")
    assert found().columns[2].coded.codes.tolist() == [0, -1, 1]
