"""Files with random damage: each is read as Python's csv module reads it, or refused plainly."""

import gzip
import io
from dataclasses import dataclass
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from datasets.ingest.layout import Part, plan_parts
from datasets.ingest.profile import profile_table
from datasets.ingest.read import TableSource, open_table
from datasets.ingest.values import Encoded, Encoder
from datasets.tests.ingest.tables import csv_records
from fairdb_site.errors import FairdbError

OWNER = UUID("6f0f9f0c-7d0b-4f43-9a58-1d8f2a3b4c5d")
FILES = st.sampled_from(
    [
        b'id,age,note\nP1,34,well\nP2,,"says ""hi"""\nP3,7,"two\nlines"\n',
        "id;größe;wert\r\nA;1,5;ja\r\nB;2,25;nein\r\n".encode(),
        b"id\tday\tflag\nx\t2024-01-01\ttrue\ny\t2024-02-29\tfalse\n",
        b"\xef\xbb\xbfid,v\r1,NA\r2,3\r",
        b"id\n1\n2\n\n",
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


@given(FILES, EDITS, st.sampled_from([5, 1 << 24]), st.booleans(), st.booleans())
def test_a_damaged_file_is_read_as_csv_reads_it_or_refused(
    data: bytes,
    edits: list[tuple[int, int, bytes]],
    block_bytes: int,
    skip_bad_rows: bool,
    packed: bool,
) -> None:
    data = damaged(data, edits)
    upload = gzip.compress(data) if packed else data

    found = outcome(upload, block_bytes=block_bytes, skip_bad_rows=skip_bad_rows)

    if found.table is None:
        assert found.refusal.endswith(".")
        assert "\n" not in found.refusal
        return
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
        assert [row[3:] for row in rows] == cells
