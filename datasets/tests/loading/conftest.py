"""Fixtures of the loading tests."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.db import connection

from conftest import Person
from datasets.browse.export_file import dataset_export
from datasets.ingest import load as load_module
from datasets.tests.loading.tables import read_csv


@pytest.fixture
def export_rows(tmp_path: Path) -> Callable[[Person, UUID], list[list[str]]]:
    """Export a dataset as a person and give its cells, the header first."""

    def rows(person: Person, dataset: UUID) -> list[list[str]]:
        out = tmp_path / f"{dataset}.csv"
        dataset_export(dataset_id=dataset, reader_id=person.user.pk, out=out)
        return read_csv(out)

    return rows


@pytest.fixture
def terminated_while_storing(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Have an operator terminate the load's connection before its rows are copied."""
    real = load_module._copy_rows

    def copy_rows(cursor: Any, *args: Any) -> None:
        cursor.execute("select pg_backend_pid()")
        [pid] = cursor.fetchone()
        other = connection.copy()
        with other.cursor() as second:
            second.execute("select pg_terminate_backend(%s)", [pid])
        other.close()
        real(cursor, *args)

    monkeypatch.setattr(load_module, "_copy_rows", copy_rows)
    yield
    monkeypatch.undo()
