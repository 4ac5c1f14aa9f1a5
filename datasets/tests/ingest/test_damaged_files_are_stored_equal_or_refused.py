"""Files with random damage: each is read as Python's csv module reads it, or refused plainly.

300 files in the run of every day, 12,000 with `HYPOTHESIS_PROFILE=nightly`.
"""

import gzip
import io
import tempfile
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from datasets.ingest.layout import Part, owner_by_default, plan_parts
from datasets.ingest.profile import profile_table
from datasets.ingest.read import TableSource, open_table
from datasets.ingest.values import Encoded, Encoder
from datasets.tests.ingest.tables import csv_records
from datasets.tests.ingest.workbooks import (
    OLD_WORKBOOK,
    Error,
    Serial,
    Sheet,
    converted,
    sheet_xml,
    unzipped,
    xlsx,
    zipped,
)
from fairdb_site.errors import FairdbError

OWNER = UUID("6f0f9f0c-7d0b-4f43-9a58-1d8f2a3b4c5d")
FILES = st.sampled_from(
    [
        b'id,age,note\nP1,34,well\nP2,,"says ""hi"""\nP3,7,"two\nlines"\n',
        "id;größe;wert\r\nA;1,5;ja\r\nB;2,25;nein\r\n".encode(),
        b"id\tday\tflag\nx\t2024-01-01\ttrue\ny\t2024-02-29\tfalse\n",
        b"\xef\xbb\xbfid,v\r1,NA\r2,3\r",
        b"id\n1\n2\n\n",
        "id,name,dose\nP1,André,5 µg\nP2,O’Neill,37 °C\n".encode("cp1252"),
        "id;größe\r\nA;1,5\r\nB;2,25\r\n".encode("utf-16"),
        "id,v\nP1,Zoë\nP2,1\n".encode("utf-16-be"),
        "id\t名\r一\t二\r".encode("utf-16-le"),
        b'"id","a ""b""","c,d"\n"P1",""," x"\n"P2",,"y\r\nz"\n',
        b"id," + b",".join(b"c%d" % n for n in range(80)) + b"\n" + b"s" + b",1" * 80 + b"\n",
    ]
)
BYTES = st.sampled_from([b'"', b'""', b",", b";", b"\n", b"\r", b"\r\n", b"\x00", b"\xff", b"NA"])
EDITS = st.lists(
    st.tuples(
        st.integers(0, 300), st.integers(0, 3), st.one_of(BYTES, st.binary(max_size=3))
    ),
    max_size=5,
)  # fmt: skip


def damaged(data: bytes, edits: list[tuple[int, int, bytes]]) -> bytes:
    """Replace some bytes at some places."""
    for place, length, new in edits:
        start = place % (len(data) + 1)
        data = data[:start] + new + data[start + length :]
    return data


@dataclass(frozen=True)
class Outcome:
    """What became of a file: a refusal, or a table and the bytes for COPY."""

    refusal: str = ""
    table: TableSource | None = None
    parts: tuple[Part, ...] = ()
    encoded: tuple[Encoded, ...] = ()


def outcome(upload: bytes, *, block_bytes: int, skip_bad_rows: bool) -> Outcome:
    """Take a file through every step that needs no database."""
    try:
        table = open_table(
            lambda: io.BytesIO(upload), block_bytes=block_bytes, skip_bad_rows=skip_bad_rows
        )
        profile = profile_table(table, id_position=1)
        parts = plan_parts((c.position, c.data_type) for c in profile.columns[1:])
        encoder = Encoder(profile, parts, 1, OWNER, b"key")
        return Outcome("", table, parts, tuple(encoder.encode(table.blocks())))
    except FairdbError as error:
        return Outcome(refusal=error.message)


@settings(max_examples=settings().max_examples * 12)
@given(
    FILES,
    EDITS,
    st.sampled_from([5, 1 << 24]),
    st.booleans(),
    st.sampled_from(["plain", "packed after", "packed before"]),
)
def test_a_damaged_file_is_read_as_csv_reads_it_or_refused(
    data: bytes,
    edits: list[tuple[int, int, bytes]],
    block_bytes: int,
    skip_bad_rows: bool,
    form: str,
) -> None:
    if form == "packed before":
        upload = damaged(gzip.compress(data, mtime=0), edits)
    else:
        data = damaged(data, edits)
        upload = gzip.compress(data) if form == "packed after" else data

    found = outcome(upload, block_bytes=block_bytes, skip_bad_rows=skip_bad_rows)

    if found.table is None:
        assert found.refusal.endswith(".")
        assert "\n" not in found.refusal
        return
    if form == "packed before":
        data = gzip.decompress(upload) if found.table.evidence.compression else upload
    # a record left out for its width may hold bytes that are no text
    text = data.decode(found.table.evidence.encoding, "replace").removeprefix("\ufeff")
    header, *records = csv_records(text, found.table.evidence.delimiter)
    records = [record or [""] for record in records]
    records = [record for record in records if len(record) == len(header)]
    assert found.table.header == tuple(header)
    assert found.table.rows_read == len(records)
    for part in found.parts:
        pieces = (piece.data for piece in found.encoded if piece.part == part.number)
        rows = csv_records(b"".join(pieces).decode(), ",")
        cells = [[record[position - 1] for position in part.positions] for record in records]
        own = 2 if owner_by_default(len(part.positions)) else 3
        assert [row[own:] for row in rows] == cells


@settings(max_examples=max(settings().max_examples // 4, 5))
@given(
    st.sampled_from([xlsx({"Data": [["id", "v", "e"], ["P1", 1.5, Error("#N/A")], ["P2", True]]}),
                     OLD_WORKBOOK.read_bytes()]),
    EDITS.filter(bool),
)  # fmt: skip
def test_a_damaged_workbook_is_read_or_refused(
    data: bytes, edits: list[tuple[int, int, bytes]]
) -> None:
    edits = [(place * 7919, length, new) for place, length, new in edits]

    found = outcome(damaged(data, edits), block_bytes=1 << 24, skip_bad_rows=True)

    assert found.table is not None or found.refusal.endswith((".", "?"))


PARTS = st.sampled_from([b'r="A1"', b't="e"', b't="s"', b"<v>", b"</v>", b"<f>1</f>", b"1e999",
                         b"NaN", b's="1"', b"&lt;", b"&#0;", b"<!--", b"]]>", b"\xff"])  # fmt: skip


@given(
    st.lists(st.tuples(st.integers(90, 1_000), st.integers(0, 3), PARTS), min_size=1, max_size=4)
)
def test_a_sheet_with_damaged_xml_is_read_or_refused(edits: list[tuple[int, int, bytes]]) -> None:
    rows: Sheet = [["id", "v", "e"], ["P1", Serial(45351.5, "moment"), Error("#N/A")]] * 3
    data = damaged(sheet_xml(rows).encode(), edits)
    files = dict(unzipped(xlsx({"Data": [[]]}))) | {"xl/worksheets/sheet1.xml": data}
    with tempfile.NamedTemporaryFile(suffix=".xlsx") as file:
        file.write(zipped(files))
        file.flush()
        try:
            found, _ = converted(Path(file.name))
        except FairdbError as error:
            found = error.message
    assert found.endswith((".", "\n"))
