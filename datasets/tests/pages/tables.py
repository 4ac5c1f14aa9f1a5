"""Small tables for the tests of pages, loaded by the real service."""

import csv
import io
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from datasets.ingest.pipeline import Receipt, dataset_import

LONG = "NC_000913.3 Escherichia coli str. K-12 substr. MG1655 chromosome, " * 2 + "plasmid B"
KINDS = ["person", "age", "weight", "enrolled", "seen at", "smoker", "note", LONG]
WIDTH = len(KINDS) + 27


@dataclass(frozen=True)
class Loaded:
    """A dataset and whose it is."""

    id: UUID
    owner: Any
    receipt: Receipt

    def at(self, rest: str = "") -> str:
        """Return the address of one of its pages."""
        return f"/datasets/{self.id}/{rest}"


def cohort_csv(rows: int = 120) -> bytes:
    """Return a CSV of `rows` people with a column of every type, and 27 of counts."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow([*KINDS, *(f"taxon {n:02}" for n in range(27))])
    for n in range(1, rows + 1):
        note = "<b>bold</b> & more, " * 5 if n == 1 else f"note {n}"
        writer.writerow(
            [
                f"P-{n:04}",
                "" if n % 10 == 0 else 20 + n % 60,
                50 + n / 8,
                f"2024-01-{n % 28 + 1:02}",
                f"2024-01-{n % 28 + 1:02} 08:30:00",
                "true" if n % 2 else "false",
                note,
                n,
                *(n * k % 17 for k in range(27)),
            ]
        )
    return out.getvalue().encode()


def load_table(owner: Any, content: bytes | None = None, **arguments: Any) -> Loaded:
    """Load a table as the upload page does."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "cohort.csv")
        path.write_bytes(cohort_csv() if content is None else content)
        named = {"title": "Cohort of the north", "file_name": path.name} | arguments
        receipt = dataset_import(owner=owner.user, source=path, **named)
    return Loaded(receipt.dataset, owner, receipt)
