"""A table by the page and by the command: the same dataset, and every cell comes out again."""

import csv
import hashlib
import io
import json
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from datasets import samples
from datasets.tests.loading.queue import load_by_page

pytestmark = pytest.mark.dear

REAL = Path(samples.__file__).parent


def like_gut_counts(path: Path) -> Path:
    """8,484 columns as of the gut of 130 people: names of 146 characters that differ late."""
    names = [
        f"{'k__Bacteria|p__Firmicutes|c__Clostridia|' * 4}"[:140] + f"{n:06d}" for n in range(8_484)
    ]
    rows = [[f"BGI{row:03d}", *((n * row) % 97 for n in range(8_484))] for row in range(6)]
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([["#SampleID", *names], *rows])
    return path


def like_a_census(path: Path) -> Path:
    """15 columns of two kinds, `?` for what is missing, and no id at all."""
    header = ["age", "workclass", "fnlwgt", *(f"field-{n}" for n in range(12))]
    rows = [
        [20 + n % 50, "?" if n % 7 else "Private", n * 1_001, *["Never-married"] * 12]
        for n in range(300)
    ]
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return path


def same(cell: str, stored: str) -> bool:
    try:
        return cell == stored or Decimal(cell) == Decimal(stored)
    except InvalidOperation:
        return False


@pytest.mark.parametrize("table", ["gut counts", "census", "actg175.csv", "qin2014_samples.csv"])
def test_page_and_command_store_the_same(
    alice: Any, client_of: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str], table: str
) -> None:
    path = {
        "gut counts": lambda: like_gut_counts(tmp_path / "gut.csv"),
        "census": lambda: like_a_census(tmp_path / "census.csv"),
    }.get(table, lambda: REAL / table)()
    out = tmp_path / "out.csv"
    numbered = table == "census"
    # of ACTG 175 the second is named like one
    of_id: dict[str, Any] = {"number_rows": True} if numbered else {"id_column": "#1"}

    call_command("import_dataset", str(path), owner=alice.email, **of_id, json=True)
    receipt = json.loads(capsys.readouterr().out)
    with path.open("rb") as file:
        answer = load_by_page(client_of(alice), {"file": file, **of_id})

    assert answer.status_code == 302
    by_page = alice.rpc("list_datasets")[0]
    assert by_page["digest"] == receipt["digest"]
    assert by_page["file_digest"] == hashlib.sha256(path.read_bytes()).hexdigest()
    call_command("export_dataset", by_page["id"], str(out), owner=alice.email)
    assert hashlib.sha256(out.read_bytes()).hexdigest() == receipt["digest"]
    with path.open(newline="") as file:
        given = list(csv.reader(io.StringIO(file.read())))
    stored = list(csv.reader(io.StringIO(out.read_text())))
    first = 0 if numbered else 1
    assert stored[0][1:] == given[0][first:]
    assert len(stored) == len(given)
    for row, found in zip(given[1:], stored[1:], strict=True):
        assert all(map(same, row[first:], found[1:]))
