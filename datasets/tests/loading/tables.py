"""Small tables for the tests of loading."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

from conftest import Person
from datasets.ingest.pipeline import Receipt, dataset_import


def load_csv(owner: Person, folder: Path, text: str | bytes, **options: Any) -> Receipt:
    """Write `text` to a file and load it for `owner`."""
    path = folder / f"{uuid4().hex}.csv"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    options = {"title": "A table"} | options
    return dataset_import(owner=owner.user, source=path, file_name="table.csv", **options)


def csv_text(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Return a table as CSV, quoted where needed."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerows([header, *rows])
    return buffer.getvalue()


def read_csv(path: Path) -> list[list[str]]:
    """Return the cells of a CSV file, the header first."""
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.reader(file))
