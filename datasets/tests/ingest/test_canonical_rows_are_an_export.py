"""The rows that a digest is taken of: cell by cell what PostgreSQL prints of the stored value."""

import csv
import io
from uuid import UUID

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasets.ingest.datatypes import DataType, parsed, text_of
from datasets.ingest.layout import Part
from datasets.ingest.profile import TableProfile, profile_table
from datasets.ingest.pseudonyms import pseudonymize
from datasets.ingest.read import open_table
from datasets.ingest.values import Encoder
from datasets.tests.ingest.tables import TRICKY, quoted

KEY = b"k" * 32
FLOATS = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.decimals(-1000, 1000, places=3).map(str),
    st.sampled_from(
        """0 -0 0.0 -0.0 .5 -.5 5. -5. 1.50 100 100.0 0.0001 0.00010 0.00001 -0.000010 0.000000
        1e-05 1e-5 1.0e5 1.5E3 2.50e+2 1e+15 999999999999999 1000000000000000 1000000000000000.0
        123456789012345.5 0.12345678901234567 12345.678901234567 5e-324
        1.7976931348623157e308""".split()
    ),
)
NAMED: dict[int, DataType] = {2: "float", 3: "boolean", 4: "timestamp"}


class Taken:
    """Takes the bytes that a digest is taken of."""

    def __init__(self) -> None:
        self.data = b""

    def update(self, data: bytes, /) -> None:
        self.data += data

    def hexdigest(self) -> str:
        raise NotImplementedError


def canonical(
    data: bytes,
    *,
    id_position: int = 1,
    block_bytes: int = 1 << 24,
    missing: tuple[str, ...] = (),
    types: dict[int, DataType] | None = None,
    delimiter: str = ",",
) -> tuple[str, TableProfile]:
    table = open_table(lambda: io.BytesIO(data), delimiter=delimiter, block_bytes=block_bytes)
    profile = profile_table(table, id_position=id_position, missing=missing, types=types)
    others = [place for place in range(1, len(table.header) + 1) if place != id_position]
    taken = Taken()
    encoder = Encoder(profile, (Part(1, tuple(others)),), id_position, UUID(int=1), KEY, taken)
    for _ in encoder.encode(table.blocks()):
        pass
    return taken.data.decode(), profile


def printed(cell: str | None, data_type: DataType) -> str:
    """One cell as `COPY TO` writes it."""
    if cell is None:
        return '""' if data_type == "text" else ""
    if data_type != "text":
        cell = text_of(parsed_value(cell, data_type), data_type)
    if cell and not set(cell) & set(',"\r\n'):
        return cell
    return '"' + cell.replace('"', '""') + '"'


def parsed_value(cell: str, data_type: DataType) -> float:
    value: float = parsed(pl.Series([cell]), data_type, loose=True).values[0]
    return value


@given(
    st.lists(
        st.tuples(
            st.none() | st.text(TRICKY, max_size=4),
            st.none() | FLOATS,
            st.none() | st.text(TRICKY, max_size=4),
            st.none() | st.integers(-(2**63), 2**63 - 1).map(str),
        ),
        min_size=1,
        max_size=12,
    ),
    st.sampled_from([",", ";"]),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.sampled_from([(), ("a",), ("0.0", "a"), ('"', 'a"')]),
    st.integers(1, 4),
    st.sampled_from([8, 1 << 24]),
    st.booleans(),
)
def test_every_cell_is_written_as_postgresql_prints_it(  # noqa: PLR0917
    rows: list[tuple[str | None, ...]],
    delimiter: str,
    line_end: str,
    missing: tuple[str, ...],
    id_position: int,
    block_bytes: int,
    quote_all: bool,
) -> None:
    def written(cell: str | None) -> str:
        if cell is None:
            return ""
        plain = cell and not quote_all and not set(cell) & {delimiter, '"', "\r", "\n"}
        return cell if plain else quoted(cell)

    lines = [delimiter.join("abcd"), *(delimiter.join(map(written, row)) for row in rows)]

    found, profile = canonical(
        (line_end.join(lines) + line_end).encode(),
        id_position=id_position,
        block_bytes=block_bytes,
        missing=missing,
        delimiter=delimiter,
    )

    types = [column.data_type for column in profile.columns]
    pseudonyms = pseudonymize([row[id_position - 1] for row in rows], KEY)
    expected = ""
    for row, pseudonym in zip(rows, pseudonyms, strict=True):
        cells = [
            pseudonym
            if place == id_position
            else ""
            if cell in missing
            else printed(cell, data_type)
            for place, (cell, data_type) in enumerate(zip(row, types, strict=True), 1)
        ]
        expected += ",".join(cells) + "\n"
    assert found == expected


@given(st.lists(FLOATS, min_size=1, max_size=30), st.booleans())
def test_floats_are_written_in_their_shortest_form(cells: list[str], quote_all: bool) -> None:
    rows = "".join(f'x,"{cell}"\n' if quote_all else f"x,{cell}\n" for cell in [*cells, "0.5"])

    found, profile = canonical(f"id,v\n{rows}".encode())

    if profile.columns[1].data_type == "float":
        values = [row[1] for row in csv.reader(io.StringIO(found))]
        assert values == [text_of(float(cell), "float") for cell in [*cells, "0.5"]]


def test_other_spellings_of_a_named_type_are_written_as_its_values() -> None:
    data = b"id,f,b,t\nx,+1.50,Yes,2024-01-02T03:04:05.50\ny, 2,0,2024-01-02 03:04:05\nz,,,\n"

    found, _ = canonical(data, types=NAMED)

    assert [line.partition(",")[2] for line in found.splitlines()] == [
        "1.5,true,2024-01-02 03:04:05.5",
        "2,false,2024-01-02 03:04:05",
        ",,",
    ]


@pytest.mark.parametrize("exponent", ["e-0005", "e+0020"])
def test_a_number_with_a_longer_exponent_stays_text(exponent: str) -> None:
    found, profile = canonical(f"id,v\na,1.5{exponent}\n".encode())

    assert profile.columns[1].data_type == "text"
    assert f"1.5{exponent}" in found


@pytest.mark.parametrize("zeros", [1, 70, 200_000])
def test_closing_zeros_go_however_many_there_are(zeros: int) -> None:
    found, profile = canonical(f"id,v\na,1.5{'0' * zeros}\nb,0.25\n".encode())

    assert profile.columns[1].data_type == "float"
    assert [line.partition(",")[2] for line in found.splitlines()] == ["1.5", "0.25"]
