"""Reading against Python's csv module as the oracle, over any text and any block size."""

import io
from collections.abc import Callable
from functools import partial
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasets.ingest import passes
from datasets.ingest.read import open_table
from datasets.tests.ingest.tables import (
    TRICKY,
    cells,
    csv_records,
    leaves_quote_open,
    numbered,
    quoted,
)
from fairdb_site.errors import Refused

# (the most records of a block, how many bytes are counted at once)
RECORDS = st.sampled_from([(0, 1), (1, 5), (1 << 19, 1 << 20)])
BLOCK_SIZES = st.sampled_from([1, 2, 3, 7, 64, 1 << 25])
DELIMITERS = st.sampled_from([",", ";", "\t", "|"])


def reader(data: bytes) -> Callable[[], io.BytesIO]:
    return lambda: io.BytesIO(data)


@given(st.text(TRICKY, max_size=80), DELIMITERS, BLOCK_SIZES, RECORDS, st.integers(1, 4))
def test_any_text_is_read_as_the_csv_module_reads_it(
    text: str, delimiter: str, block_bytes: int, records: tuple[int, int], width: int
) -> None:
    most, counted = records
    with patch.multiple(passes, _MOST_RECORDS=most, _COUNTED_BYTES=counted):
        agrees_with_csv(text, delimiter, block_bytes, width)


def agrees_with_csv(text: str, delimiter: str, block_bytes: int, width: int) -> None:
    text = delimiter.join("h" * width) + "\n" + text
    header, *records = csv_records(text, delimiter)
    if width > 1:
        while records and not records[-1]:
            records.pop()
    records = [record or [""] for record in records]
    good = {n: tuple(r) for n, r in enumerate(records, 1) if len(r) == width}
    bad = [n for n, r in enumerate(records, 1) if len(r) != width]
    source = reader(text.encode())
    table_of = partial(open_table, source, delimiter=delimiter, block_bytes=block_bytes)

    if leaves_quote_open(text, delimiter) or not good:
        with pytest.raises(Refused):
            cells(table_of(skip_bad_rows=True))
        return
    table = table_of(skip_bad_rows=True)
    read = {n: tuple(c or "" for c in row) for n, row in numbered(table).items()}

    assert table.header == tuple(header)
    assert read == good
    assert list(table.bad_rows.numbers) == bad
    assert (table.rows_read, table.bad_rows.count) == (len(good), len(bad))
    strict = table_of()
    if bad:
        with pytest.raises(Refused, match=f"rows? {bad[0]}[, ]"):
            cells(strict)
    else:
        assert len(cells(strict)) == len(good)


@given(
    st.integers(1, 5).flatmap(
        lambda width: st.lists(
            st.tuples(*[st.none() | st.text(TRICKY, max_size=6)] * width), min_size=1, max_size=12
        )
    ),
    st.sampled_from(["\n", "\r\n", "\r"]),
    DELIMITERS,
    BLOCK_SIZES,
    st.booleans(),
)
def test_every_cell_comes_back_and_a_quoted_empty_one_is_not_a_missing_one(
    rows: list[tuple[str | None, ...]],
    line_end: str,
    delimiter: str,
    block_bytes: int,
    ends_with_line_end: bool,
) -> None:
    lines = [delimiter.join("h" * len(rows[0]))]
    lines += [delimiter.join(map(quoted, row)) for row in rows]
    text = line_end.join(lines)
    if ends_with_line_end or rows[-1] == (None,):
        text += line_end

    table = open_table(reader(text.encode()), delimiter=delimiter, block_bytes=block_bytes)

    assert cells(table) == rows


@given(st.lists(st.text(max_size=8), min_size=1, max_size=6))
def test_labels_are_kept_as_they_are_in_the_file(labels: list[str]) -> None:
    labels = [label.replace("\x00", "") for label in labels]
    data = (",".join(map(quoted, labels)) + "\n" + "," * (len(labels) - 1) + "1\n").encode(
        errors="replace"
    )

    table = open_table(reader(data), delimiter=",")

    assert table.header == tuple(label.encode(errors="replace").decode() for label in labels)
