"""What described a dataset describes its next version, where a column has the same label."""

from pathlib import Path

from accounts import audit
from conftest import Person
from datasets.models import Dataset, DatasetColumn
from datasets.tests.loading.tables import load_csv


def test_next_version_keeps_what_is_said_of_columns_that_are_still_there(
    alice: Person, tmp_path: Path
) -> None:
    first = load_csv(alice, tmp_path, "id,age,twice,twice,gone\nP1,30,1,2,x\n")
    alice.rpc(
        "describe_dataset",
        {
            "p_dataset_id": str(first.dataset),
            "p_facts": {"keywords": ["gut"], "licence": "CC0-1.0"},
        },
    )
    words = {str(n): {"description": f"column {n}", "unit": "u"} for n in range(1, 6)}
    alice.rpc("describe_columns", {"p_dataset_id": str(first.dataset), "p_columns": words})

    roles = {"2": "quasi_identifier", "3": "sensitive", "5": "other"}
    alice.rpc("set_privacy_roles", {"p_dataset_id": str(first.dataset), "p_roles": roles})
    thresholds = {"p_thresholds": {"k": 3, "population": 70}}
    alice.rpc("set_privacy_thresholds", {"p_dataset_id": str(first.dataset), **thresholds})

    second = load_csv(
        alice, tmp_path, "id,new,age,twice,twice\nP1,0,31,1,2\n", replaces=first.dataset
    )

    dataset = Dataset.objects.get(pk=second.dataset)
    columns = DatasetColumn.objects.filter(dataset=second.dataset).order_by("position")
    assert (dataset.keywords, dataset.licence) == (["gut"], "CC0-1.0")
    assert [column.description for column in columns] == ["column 1", "", "column 2", "", ""]
    assert [column.unit for column in columns] == ["u", "", "u", "", ""]
    roles_kept = [None, None, "quasi_identifier", None, None]
    assert [column.privacy_role for column in columns] == roles_kept
    thresholds_kept = (dataset.privacy_k, dataset.privacy_l, dataset.privacy_population)
    assert thresholds_kept == (3, None, 70)
    actions = [event.action for event in audit.events(dataset=second.dataset, most=10)]
    assert "dataset described" not in actions
