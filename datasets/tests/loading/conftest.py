"""Fixtures of the loading tests."""

from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import pytest

from conftest import Person
from datasets.browse.export_file import dataset_export
from datasets.tests.loading.tables import read_csv


@pytest.fixture
def export_rows(tmp_path: Path) -> Callable[[Person, UUID], list[list[str]]]:
    """Export a dataset as a person and give its cells, the header first."""

    def rows(person: Person, dataset: UUID) -> list[list[str]]:
        out = tmp_path / f"{dataset}.csv"
        dataset_export(dataset_id=dataset, reader_id=person.user.pk, out=out)
        return read_csv(out)

    return rows
