"""Encodings, found or named: what is taken, what spoke for it, and what is never guessed."""

import io
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasets.ingest import stream
from datasets.ingest.read import TableSource, open_table
from datasets.tests.ingest.tables import cells, quoted
from fairdb_site.errors import Refused

TEXT = "id,v\nP1,Zoë\nP2,œuvre\n"
ROWS = [("P1", "Zoë"), ("P2", "œuvre")]


def source(data: bytes) -> Callable[[], io.BytesIO]:
    return lambda: io.BytesIO(data)


def opened(data: bytes, encoding: str | None = None) -> TableSource:
    return open_table(source(data), encoding=encoding)


@pytest.mark.parametrize(
    ("data", "encoding", "why"),
    [
        (TEXT.encode(), "utf-8", "UTF-8: all of the file is valid in it. It has no byte order"),
        (b"id,v\nP1,1\n", "utf-8", "UTF-8, of which ASCII is a part."),
        (TEXT.encode("utf-8-sig"), "utf-8", "UTF-8, as the byte order mark says."),
        (TEXT.encode("utf-16"), "utf-16-le", "UTF-16 (little-endian), as the byte order mark says"),
        (("\ufeff" + TEXT).encode("utf-16-be"), "utf-16-be", "UTF-16 (big-endian), as the byte"),
        (TEXT.encode("utf-32"), "utf-32-le", "UTF-32 (little-endian), as the byte order mark says"),
        (TEXT.encode("utf-16-le"), "utf-16-le", "UTF-16 (little-endian) without a byte order mark"),
        (TEXT.encode("utf-16-be"), "utf-16-be", "UTF-16 (big-endian) without a byte order mark"),
        (TEXT.encode("utf-32-le"), "utf-32-le", "UTF-32 (little-endian) without a byte order mark"),
        (TEXT.encode("utf-32-be"), "utf-32-be", "UTF-32 (big-endian) without a byte order mark"),
        (TEXT.encode("cp1252"), "cp1252", "9.5 % of the bytes (2 of 21) are not ASCII"),
    ],
)
def test_an_encoding_is_found_and_says_why(data: bytes, encoding: str, why: str) -> None:
    table = opened(data)

    assert table.evidence.encoding == encoding
    assert why in table.evidence.why[0]
    assert (table.header, cells(table)) == (
        ("id", "v"),
        ROWS if "1,1" not in str(data) else [("P1", "1")],
    )


def test_the_zeros_of_utf_16_are_told_as_evidence() -> None:
    assert opened("id,v\n1,2\n".encode("utf-16-le")).evidence.why[0] == (
        "UTF-16 (little-endian) without a byte order mark: where ASCII characters have their zero "
        "bytes in it, 100 % of the first 18 bytes are zero, elsewhere 0 %."
    )


def test_a_table_of_chinese_in_utf_16_is_found() -> None:
    text = "编号,姓名\n" + "患者一,王小明\n" * 50

    for encoding in ("utf-16-le", "utf-16-be"):
        assert opened(text.encode(encoding)).header == ("编号", "姓名")


@given(st.lists(st.tuples(st.text(max_size=5), st.text(max_size=5)), min_size=1, max_size=5))
def test_utf_16_with_a_mark_and_utf_8_are_the_same_table(rows: list[tuple[str, str]]) -> None:
    text = "a,b\n" + "".join(f"{quoted(a)},{quoted(b)}\n" for a, b in rows)
    text = text.replace("\x00", "").encode(errors="replace").decode()

    tables = [opened(text.encode(name)) for name in ("utf-8-sig", "utf-16", "utf-32")]

    assert cells(tables[0]) == cells(tables[1]) == cells(tables[2])


def test_the_letters_that_speak_for_windows_1252_are_counted_in_the_whole_file() -> None:
    rows = "P1,André,5 µg\nP2,O’Neill,37 °C\nP3,Müller–Weiß,m²\n" + "P4,x,y\n" * 1_000
    table = opened(f"id,name,dose\n{rows}P5,José,é\n".encode("cp1252"))

    assert table.evidence.why[0] == (
        "Windows-1252: 0.1 % of the bytes (10 of 7,072) are not ASCII, they are not UTF-8, and all "
        "of them are usual in Windows-1252 (é 3, ’ 1, – 1, ° 1, ² 1, µ 1, ß 1, ü 1). If these are "
        "the wrong letters, name the encoding."
    )
    assert cells(table)[:2] == [("P1", "André", "5 µg"), ("P2", "O’Neill", "37 °C")]


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("cp1250", "Wałęsa"),
        ("cp1250", "Świątek"),
        ("cp1251", "Иванов"),
        ("cp1253", "Παπαδόπουλος"),
        ("cp1254", "Yıldız"),
        ("koi8-r", "Иванов"),
        ("cp850", "Müller"),
        ("cp437", "García"),
        ("mac-roman", "José"),
        ("mac-roman", "Müller"),
        ("gb18030", "王小明"),
        ("shift_jis", "田中"),
    ],
)
def test_another_encoding_is_not_taken_for_windows_1252_but_read_where_named(
    encoding: str, text: str
) -> None:
    data = f"id,name\nP1,{text}\n".encode(encoding)

    with pytest.raises(Refused, match=r"is not UTF-8.*[Nn]ame"):
        opened(data)
    assert cells(opened(data, encoding)) == [("P1", text)]


def test_the_place_of_the_unusual_byte_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    data = b"id,v\nP1,\xe9\n" + b"P2,x\n" * 100 + b"P3,\x81\n"

    for block_bytes in (1, 7, 1 << 24):
        with pytest.raises(Refused, match="its byte 514 is unusual in Windows-1252"):
            open_table(source(data), block_bytes=block_bytes)


def test_files_of_two_encodings_are_refused() -> None:
    data = "id,v\nP1,é\n".encode("cp1252") + "P2,é\n".encode()

    with pytest.raises(Refused, match="not UTF-8, but parts of it are"):
        opened(data)


def late(row: bytes, head: bytes = b"id,v\n") -> bytes:
    """Return a table that is ASCII for longer than the start of a file is looked at."""
    return head + b"P,1\n" * (stream._PEEKED // 4) + row


def test_a_late_byte_is_refused_with_its_row_and_what_it_looks_like() -> None:
    table = opened(late(b"P1,Zo\xeb\nP2,Jos\xe9\n"))

    with pytest.raises(Refused) as refusal:
        cells(table)

    assert refusal.value.message == (
        "Row 262,145 (where row 1 is the first after the header) is not UTF-8 at its byte 6. The 2 "
        "such bytes of the file are usual in Windows-1252 (é 1, ë 1): if these are the right "
        "letters, name the encoding windows-1252."
    )
    assert cells(opened(late(b"P1,Zo\xeb\n"), "windows-1252"))[-1] == ("P1", "Zoë")


@pytest.mark.parametrize(
    ("data", "advice"),
    [
        (late(b"P1,\x81\n"), "Name the file's encoding, for example windows-1252 or windows-1250."),
        (late(b"P1,\xe9\nP2,\xc3\xa9\n"), "Other parts of it are UTF-8"),
        (late(b"P1,\xe9\n", "id,ë\n".encode()), "Other parts of it are UTF-8"),
    ],
)
def test_a_late_byte_that_looks_like_nothing_is_refused(data: bytes, advice: str) -> None:
    with pytest.raises(Refused) as refusal:
        cells(opened(data))

    assert advice in refusal.value.message


def test_a_marked_file_that_is_not_utf_8_is_refused_by_row_and_header() -> None:
    with pytest.raises(Refused, match=r"Row 1 .* is not UTF-8 at its byte 4"):
        cells(opened(b"\xef\xbb\xbfid,v\nP1,\xe9\n"))
    with pytest.raises(Refused, match="The name of column 2 is not UTF-8"):
        opened(b"\xef\xbb\xbfid,\xe9\nP1,1\n")


@pytest.mark.parametrize(
    ("encoding", "text"),
    [("latin-1", "Zoë"), ("windows-1252", "€ Zoë"), ("windows-1250", "Dvořák"), ("utf-16", "Zoë"),
     ("UTF-16LE", "Zoë"), ("utf8", "Zoë"), ("iso-8859-15", "Šœ€")],
)  # fmt: skip
def test_a_named_encoding_is_read(encoding: str, text: str) -> None:
    table = opened(f"id,v\nP1,{text}\n".encode(encoding), encoding)

    assert cells(table) == [("P1", text)]
    assert table.evidence.why[0].endswith(", as named.")


def test_a_name_that_the_mark_belies_is_refused() -> None:
    with pytest.raises(Refused, match="byte order mark of UTF-8, so it is not Latin-1"):
        opened(TEXT.encode("utf-8-sig"), "latin-1")
    with pytest.raises(Refused, match="byte order mark of UTF-16"):
        opened(TEXT.encode("utf-16"), "utf-8")
    assert cells(opened(TEXT.encode("utf-16"), "utf-16-le")) == ROWS


def test_utf_16_is_named_with_its_order_where_nothing_shows_it() -> None:
    assert cells(opened(TEXT.encode("utf-16-be"), "utf-16")) == ROWS
    with pytest.raises(Refused, match="name utf-16-le or utf-16-be"):
        opened("标识".encode("utf-16-le"), "utf-16")


def test_utf_8_named_otherwise_is_asked_about() -> None:
    table = opened(b"id\n\xc3\xa9\n", "windows-1252")

    assert table.evidence.why[0].endswith("is also valid UTF-8; is it not that?")


@pytest.mark.parametrize("name", ["klingon", "utf-7", "iso2022_jp", "rot13", "base64"])
def test_an_encoding_that_cannot_be_read_is_refused(name: str) -> None:
    with pytest.raises(Refused, match=f"'{name}' is not supported"):
        opened(b"a,b\n1,2\n", name)


@pytest.mark.parametrize(
    ("data", "encoding", "sentence"),
    [
        (b"id,v\nP1,\x81\n", "windows-1252", "not Windows-1252: byte 9 has no meaning"),
        (b"id,v\nP1,\x92\n", "latin-1", "byte 9 is a control character in it. It is probably"),
        ("id,v\nP1,1\n".encode("utf-16")[:-1], None, "not UTF-16 (little-endian): byte 21 has no"),
        (TEXT.encode("utf-16-le") + b"\x00\xd8", None, "has no meaning"),
    ],
)
def test_bytes_without_a_meaning_are_refused_by_their_place(
    data: bytes, encoding: str | None, sentence: str
) -> None:
    with pytest.raises(Refused) as refusal:
        cells(opened(data, encoding))

    assert sentence in refusal.value.message
