"""Files with random damage through the whole load: stored and equal, or refused and nothing left.

25 files in the run of every day, 1,000 with `HYPOTHESIS_PROFILE=nightly`; the steps before the
database see ten times as many (`ingest/test_damaged_files_are_stored_equal_or_refused.py`).
"""

import hashlib
import tempfile
from decimal import Decimal, InvalidOperation
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conftest import Person
from datasets.browse.export_file import dataset_export
from datasets.ingest.read import open_table
from datasets.tests.ingest.tables import csv_records
from datasets.tests.ingest.test_damaged_files_are_stored_equal_or_refused import (
    EDITS,
    FILES,
    damaged,
)
from datasets.tests.loading.tables import load_csv, read_csv
from fairdb_site.errors import FairdbError


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(FILES, EDITS, st.booleans())
def test_a_damaged_file_is_stored_equal_or_refused_with_nothing_left(
    alice: Person, data: bytes, edits: list[tuple[int, int, bytes]], skip_bad_rows: bool
) -> None:
    upload = damaged(data, edits)
    before = alice.rpc("get_all_tables")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        receipt, refusal = None, ""
        try:
            receipt = load_csv(alice, folder, upload, skip_bad_rows=skip_bad_rows)
        except FairdbError as error:
            refusal = error.message
        if receipt is None:
            assert refusal.endswith(".")
            assert alice.rpc("get_all_tables") == before
            return
        out = folder / "out.csv"
        done = dataset_export(dataset_id=receipt.dataset, reader_id=alice.user.pk, out=out)
        assert done.unchanged
        stored = read_csv(out)
        table = open_table(next(path for path in folder.iterdir() if path != out))
    assert receipt.file_digest == hashlib.sha256(upload).hexdigest()
    assert stored[0][1:] == list(table.header[1:])
    text = upload.decode(table.evidence.encoding, "replace").removeprefix("\ufeff")
    header, *records = csv_records(text, table.evidence.delimiter)
    records = [record or [""] for record in records]
    records = [record for record in records if len(record) == len(header)]
    assert receipt.rows == len(records)
    for record, row in zip(records, stored[1:], strict=True):
        assert all(map(same, record[1:], row[1:]))


def same(cell: str | None, stored: str) -> bool:
    """Whether a cell came out as it went in: numbers as the same number."""
    if (cell or "") == stored:
        return True
    try:
        return Decimal(cell or "") == Decimal(stored)
    except InvalidOperation:
        return False
