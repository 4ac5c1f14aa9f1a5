"""Each kind of file has one outcome: its cells, or one plain sentence that says where and why."""

import gzip
import io
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest

from datasets.ingest import passes, read, repair
from datasets.ingest.profile import profile_table
from datasets.ingest.read import open_table
from datasets.ingest.stream import FileDigest
from datasets.tests.ingest.tables import cells
from fairdb_site.errors import Refused, TooLarge

ROWS = [("P1", "1"), ("P2", "2")]


def source(data: bytes) -> Callable[[], io.BytesIO]:
    return lambda: io.BytesIO(data)


def packed(data: bytes) -> bytes:
    """Pack without the time of day, so that a test is named the same each time."""
    return gzip.compress(data, mtime=0)


@pytest.mark.parametrize(
    ("data", "delimiter", "encoding", "compression"),
    [
        (b"id,v\nP1,1\nP2,2\n", ",", "utf-8", None),
        (b"id,v\nP1,1\nP2,2", ",", "utf-8", None),
        (b"id,v\nP1,1\nP2,2\n\n\r\n", ",", "utf-8", None),
        (b"id;v\r\nP1;1\r\nP2;2\r\n", ";", "utf-8", None),
        (b"id\tv\rP1\t1\rP2\t2\r", "\t", "utf-8", None),
        (b"id|v\nP1|1\r\nP2|2\r", "|", "utf-8", None),
        (b'"id","v"\n"P1","1"\n"P2","2"\n', ",", "utf-8", None),
        (b"\xef\xbb\xbfid,v\nP1,1\nP2,2\n", ",", "utf-8", None),
        (packed(b"id,v\nP1,1\nP2,2\n"), ",", "utf-8", "gzip"),
        (packed(b"id,v\nP1,1\n") + packed(b"P2,2\n"), ",", "utf-8", "gzip"),
    ],
)
def test_the_same_table_is_read_from_many_forms(
    data: bytes, delimiter: str, encoding: str, compression: str | None
) -> None:
    table = open_table(source(data))

    assert (cells(table), table.header) == (ROWS, ("id", "v"))
    assert table.evidence == read.Evidence(encoding, delimiter, compression)
    assert table.file == FileDigest(sha256(data).hexdigest(), len(data))


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "The file is empty."),
        (b"\n1\n", "The first line is empty"),
        (b"id,v\n", "has a header but no rows"),
        (b"id,v", "has a header but no rows"),
        (b"id,v\n\n\n", "has a header but no rows"),
        (packed(b""), "The file is empty."),
        (packed(b"id,v\nP1,1\n" * 99)[:-20], "damaged or cut short"),
        (bytes(range(256)), "binary data"),
        (b"%PDF-1.7\n1 0 obj", "a PDF document"),
        (b"<!DOCTYPE html><table>", "a web page"),
        (b'<?xml version="1.0"?>', "an XML document"),
        (b'[{"id": 1}]', "a JSON document"),
        (b"RDX3\nX\n\x00", "an R data file"),
        (packed(packed(b"id,v\n1,2\n")), "holds another packed file"),
        (b"id,v\nP1,1\nP\x002,2\n", "the first after the header) holds a NUL"),
        (b"id,v\nP1,1\nP2\nP3,3,3\n", "header) have between 1 and 3 fields"),
        (b"id,v\nP1,1\n\nP3,3\n", "row 2 (where"),
        (b"v\nP1,1\nP2,2\n", "one field more than the header"),
        (b'id,v\nP1,"1\nP2,2\n', "A quote opened in row 1"),
        (b'id,"v\nP1,1\n', "The header opens a quote that is not closed."),
    ],
)  # fmt: skip
def test_what_is_no_table_is_refused_in_a_sentence(data: bytes, sentence: str) -> None:
    with pytest.raises(Refused) as refusal:
        cells(open_table(source(data), delimiter=","))

    assert sentence in refusal.value.message


def test_the_first_twenty_ragged_rows_are_named() -> None:
    data = b"id,v\n" + b"P1,1\nP2\n" * 30

    with pytest.raises(Refused) as refusal:
        cells(open_table(source(data)))

    assert "rows 2, 4, 6, " in refusal.value.message
    assert "38, 40 and on (where" in refusal.value.message
    assert "42" not in refusal.value.message


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"id,v\nP1\n", "The header has 2 columns, but the only row has 1 field. Is the"),
        (b"v\nP1,1,1\nP2,2\n", "has 1 column, but all 2 rows have between 2 and 3 fields. Is"),
        (b"a,b\n" + b"1\n" * 30, "but the first 30 rows all have 1 field. Is the first line the"),
    ],
)  # fmt: skip
def test_where_no_row_is_as_wide_as_the_header_none_is_proposed_to_be_left_out(
    data: bytes, sentence: str
) -> None:
    with pytest.raises(Refused) as refusal:
        cells(open_table(source(data), delimiter=","))

    assert sentence in refusal.value.message
    assert "left out" not in refusal.value.message
    assert refusal.value.option == ""


def test_row_names_are_not_suspected_where_a_row_of_the_same_block_fits() -> None:
    with pytest.raises(Refused) as refusal:
        cells(open_table(source(b"id,v\nP1,1\nP2,2,2\n")))

    assert "row names" not in refusal.value.message
    assert refusal.value.option == "skip_bad_rows"


def test_ragged_rows_are_skipped_and_listed_where_asked() -> None:
    table = open_table(source(b"id,v\nP1,1\nbad\nP3,3\n,,\n"), skip_bad_rows=True)

    assert cells(table) == [("P1", "1"), ("P3", "3")]
    assert table.bad_rows == passes.BadRows(2, (2, 4))
    assert table.rows_read == 2


def test_a_file_is_not_made_empty_by_skipping() -> None:
    with pytest.raises(Refused, match="no rows that fit"):
        cells(open_table(source(b"id,v\nbad\n"), skip_bad_rows=True))


def test_limits_are_kept() -> None:
    with pytest.raises(TooLarge, match="3 columns; at most 2"):
        open_table(source(b"a,b,c\n1,2,3\n"), max_columns=2)
    with pytest.raises(TooLarge, match="more than 10,000 bytes once unpacked"):
        cells(open_table(source(packed(b"id,v\n" + b"a,b\n" * 99_999)), max_bytes=10_000))
    with pytest.raises(TooLarge, match="more than 2 rows"):
        cells(open_table(source(b"a,b\n1,2\n3\n3,4\n5,6\n"), max_rows=2, skip_bad_rows=True))
    assert len(cells(open_table(source(b"a,b\n1,2\n3,4\n"), max_rows=2))) == 2


def test_a_row_of_more_fields_than_can_be_held_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Records with misplaced quotes are read field by field; a bomb would be millions of them."""
    monkeypatch.setattr(repair, "MOST_FIELDS", 100)
    quoted = b'a,b\n1,x"y' + b"," * 200 + b"\n"

    with pytest.raises(Refused, match="more than 100 fields and quotes inside"):
        cells(open_table(source(quoted), delimiter=","))
    with pytest.raises(TooLarge, match="more than 100 columns"):
        open_table(source(b"," * 200 + b"\n1\n"), delimiter=",")


@pytest.mark.parametrize("content", [b'"' + b"x" * 9_000, b'"' + b'"' * 9_000, b"x" * 9_000,
                                     b"," * 9_000, b'"\n' + b'""\n' * 3_000])  # fmt: skip
@pytest.mark.parametrize("after", [b"", b'"\n2,2\n'])
def test_a_record_longer_than_can_be_held_is_refused(
    monkeypatch: pytest.MonkeyPatch, content: bytes, after: bytes
) -> None:
    table = open_table(source(b"id,v\n1," + content + after), delimiter=",", block_bytes=100)
    monkeypatch.setattr(passes, "MAX_RECORD_BYTES", 1_000)

    with pytest.raises(Refused, match="No end was found of row 1"):
        cells(table)


@pytest.mark.parametrize("header", [b'"' + b"x" * 2_000_000, b"x" * 2_000_000])
def test_a_header_longer_than_can_be_held_is_refused(
    monkeypatch: pytest.MonkeyPatch, header: bytes
) -> None:
    monkeypatch.setattr(read, "MAX_HEADER_BYTES", 1_000_000)

    with pytest.raises(Refused, match="No end was found of the header"):
        open_table(source(header + b'"\n1\n'))


def test_a_column_s_name_has_10_000_characters_at_most() -> None:
    longest = "é" * 10_000

    assert open_table(source(f"id,{longest}\n1,2\n".encode())).header == ("id", longest)
    with pytest.raises(Refused, match=r"column 2 has 10,001 characters; at most 10,000 are taken"):
        open_table(source(f"id,{longest}é\n1,2\n".encode()))


def test_a_cell_of_ten_megabytes_is_read() -> None:
    text = "long, " * 1_750_000

    for block_bytes in (1 << 20, 1 << 24):
        data = f'id,v\nP1,"{text}"\nP2,2\n'.encode()
        table = open_table(source(data), block_bytes=block_bytes)
        assert cells(table) == [("P1", text), ("P2", "2")]
        assert [column.data_type for column in profile_table(table).columns] == ["text", "text"]


def test_a_wide_header_is_read() -> None:
    labels = [f"column {n}" for n in range(30_000)]
    data = (";".join(labels) + "\n" + ";".join("7" * 30_000) + "\n").encode()

    table = open_table(source(data), block_bytes=1_000)

    assert list(table.header) == labels
    assert [len(row) for row in cells(table)] == [30_000]


@pytest.mark.parametrize("name", ["semicolon", ";", "Semicolon"])
def test_a_delimiter_is_named_by_word_or_sign(name: str) -> None:
    assert open_table(source(b"a,b;c\n1,2;3\n"), delimiter=name).header == ("a,b", "c")


@pytest.mark.parametrize("name", ["ab", '"', "\n", "x", "é"])
def test_a_delimiter_that_cannot_be_one_is_refused(name: str) -> None:
    with pytest.raises(Refused, match="delimiter"):
        open_table(source(b"a,b\n1,2\n"), delimiter=name)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="cannot be read"):
        open_table(tmp_path / "none.csv")
