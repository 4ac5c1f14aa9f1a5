"""What goes to COPY, read back cell by cell: nothing changes but what has to."""

import io
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasets.ingest import values
from datasets.ingest.layout import Part, owner_by_default
from datasets.ingest.profile import profile_table
from datasets.ingest.pseudonyms import pseudonymize
from datasets.ingest.read import open_table
from datasets.ingest.values import Encoder
from datasets.tests.ingest.tables import TRICKY, cells, quoted

OWNER = UUID("6f0f9f0c-7d0b-4f43-9a58-1d8f2a3b4c5d")
KEY = b"k" * 32
TEXTS = st.none() | st.text(TRICKY, max_size=5)
NUMBERS = st.none() | st.integers(0, 99).map(str)


def encoded(
    data: bytes,
    *,
    id_position: int = 1,
    parts: tuple[Part, ...],
    missing: tuple[str, ...] = (),
    delimiter: str = ",",
    block_bytes: int = 1 << 24,
    skip_bad_rows: bool = False,
) -> dict[int, list[tuple[str | None, ...]]]:
    """Encode a file and read each part's rows back, as the part will have them."""
    table = open_table(
        lambda: io.BytesIO(data),
        delimiter=delimiter,
        block_bytes=block_bytes,
        skip_bad_rows=skip_bad_rows,
    )
    profile = profile_table(table, missing=missing, id_position=id_position)
    encoder = Encoder(profile, parts, id_position, OWNER, KEY)
    pieces: dict[int, list[bytes]] = {part.number: [] for part in parts}
    for piece in encoder.encode(table.blocks()):
        pieces[piece.part].append(piece.data)
    return {part.number: read_back(part, b"".join(pieces[part.number])) for part in parts}


def read_back(part: Part, data: bytes) -> list[tuple[str | None, ...]]:
    """Read the bytes for COPY, which have no header, as a table; fill in the default."""
    by_default = owner_by_default(len(part.positions))
    width = 3 - by_default + len(part.positions)
    header = b",".join([b"h"] * width) + b"\n"
    rows = cells(open_table(lambda: io.BytesIO(header + data), delimiter=","))
    return [(row[0], str(OWNER), *row[1:]) for row in rows] if by_default else rows


@given(
    st.lists(st.tuples(TEXTS, NUMBERS, TEXTS, TEXTS), min_size=1, max_size=12),
    st.sampled_from([",", ";", "\t"]),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.sampled_from([(), ("a",), ("",), ("a", "7"), ('"', 'a"')]),
    st.integers(1, 4),
    st.sampled_from([8, 1 << 24]),
    st.booleans(),
)
def test_cells_reach_copy_as_they_are_missing_as_null_and_empty_text_as_empty(  # noqa: PLR0917
    rows: list[tuple[str | None, ...]],
    delimiter: str,
    line_end: str,
    missing: tuple[str, ...],
    id_position: int,
    block_bytes: int,
    quote_all: bool,
) -> None:
    def written(cell: str | None) -> str:
        plain = cell and not quote_all and not set(cell) & {delimiter, '"', "\r", "\n"}
        return cell if plain and cell else quoted(cell)

    lines = [delimiter.join("abcd"), *(delimiter.join(map(written, row)) for row in rows)]
    others = tuple(position for position in range(1, 5) if position != id_position)
    parts = (Part(1, others[:2]), Part(2, others[2:]))

    found = encoded(
        (line_end.join(lines) + line_end).encode(),
        id_position=id_position,
        parts=parts,
        missing=missing,
        delimiter=delimiter,
        block_bytes=block_bytes,
    )

    column_of = {position: [row[position - 1] for row in rows] for position in range(1, 5)}
    pseudonyms = pseudonymize(column_of[id_position], KEY)
    for part in parts:
        expected = [
            (str(n), str(OWNER), pseudonym, *values)
            for n, (pseudonym, *values) in enumerate(
                zip(
                    pseudonyms,
                    *(stored(column_of[position], missing) for position in part.positions),
                    strict=True,
                ),
                1,
            )
        ]
        assert found[part.number] == expected


def stored(column: list[str | None], missing: tuple[str, ...]) -> list[str | None]:
    """What a column of the file becomes: in a text column an empty cell is the empty string."""
    kept = [None if cell in missing or ("" in missing and not cell) else cell for cell in column]
    is_number = all(cell is None or cell.isdecimal() for cell in kept) and any(kept)
    if is_number:
        return kept
    return [
        "" if cell is None and raw is None and "" not in missing else cell
        for cell, raw in zip(kept, column, strict=True)
    ]


def test_row_numbers_have_no_gap_where_bad_rows_were_skipped() -> None:
    found = encoded(b"id,v\na,1\nbad\nc,3\n", parts=(Part(1, (2,)),), skip_bad_rows=True)

    assert [(row[0], row[3]) for row in found[1]] == [("1", "1"), ("2", "3")]


def test_a_block_is_handed_over_in_runs_of_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(values, "_PIECE_BYTES", 12)
    rows = "".join(f"id{n};{n};\n" for n in range(50))

    found = encoded(
        f"id;v;note\n{rows}".encode(), parts=(Part(1, (2,)), Part(2, (3,))), delimiter=";"
    )

    assert [row[3] for row in found[1]] == [str(n) for n in range(50)]
    assert [(row[0], row[3]) for row in found[2]] == [(str(n), "") for n in range(1, 51)]


@pytest.mark.parametrize("cell", ["\\.", "\\N", "NULL", "\ufeff", "'", "{}"])
def test_cells_that_mean_something_elsewhere_are_only_text(cell: str) -> None:
    found = encoded(f"id,v\n{cell},{cell}\n".encode(), parts=(Part(1, (2,)),))

    assert found[1][0][3] == cell


def test_a_marker_with_a_quote_is_missing_where_the_file_doubles_it() -> None:
    data = b'id,v\na,N"A\nb,"N""A"\nc,1\n'

    found = encoded(data, parts=(Part(1, (2,)),), missing=('N"A',))

    assert [row[3] for row in found[1]] == [None, None, "1"]


def test_a_table_of_an_id_column_alone_has_rows() -> None:
    found = encoded(b"id\na\n\nb\n", parts=(Part(1, ()),))

    assert [row[2] for row in found[1]] == pseudonymize(["a", None, "b"], KEY)


@pytest.mark.parametrize("columns", [100, 101])
def test_rows_of_few_columns_and_of_many_have_the_same_owner(columns: int) -> None:
    numbers = ",".join(map(str, range(columns)))

    found = encoded(
        f"id,{numbers}\na,{numbers}\n".encode(), parts=(Part(1, tuple(range(2, columns + 2))),)
    )

    assert found[1] == [
        ("1", str(OWNER), *pseudonymize(["a"], KEY), *map(str, range(columns))),
    ]
