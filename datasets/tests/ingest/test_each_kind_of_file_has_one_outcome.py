"""Every row of the table in docs/formats.md, made and loaded as far as no database is needed."""

import gzip
import io
import re
from dataclasses import dataclass, field
from itertools import chain, repeat
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from datasets.ingest import sandbox, stream
from datasets.ingest.likely import require_likeliest_first
from datasets.ingest.profile import column_position, profile_table
from datasets.ingest.read import open_table
from datasets.tests.ingest.workbooks import Formula, far_apart, xlsx, zipped
from fairdb_site.errors import Refused, TooLarge

DOCS = Path(__file__).resolve().parents[3] / "docs" / "formats.md"
OUTCOMES = {"refused": Refused, "too large": TooLarge}


@dataclass(frozen=True)
class File:
    """A file, how it is opened, and what is then asked of it."""

    data: bytes
    options: dict[str, Any] = field(default_factory=dict)
    id_column: str | None = "id"
    types: dict[int, Any] = field(default_factory=dict)
    later: bytes | None = None  # what a second opening finds
    limits: dict[str, Any] = field(default_factory=dict)
    numbered: bool = False


def parquet(values: list[Any]) -> bytes:
    out = io.BytesIO()
    pl.DataFrame({"id": ["P1"], "v": values}).write_parquet(out)
    return out.getvalue()


def workbook(*rows: list[Any]) -> bytes:
    return xlsx({"Data": rows})


def bomb() -> bytes:
    """Return a workbook whose directory says that it unpacks to a byte more than is taken."""
    data = bytearray(workbook(["id", "v"], ["P1", 1]))
    size = data.rindex(b"PK\x01\x02") + 24
    data[size : size + 4] = (sandbox.MEMORY + 1).to_bytes(4, "little")
    return bytes(data)


LATE = b"id,v\n" + b"P,1\n" * (stream._PEEKED // 4) + b"P1,\xe9\n"
XLSB = '<Override ContentType="application/vnd.ms-excel.sheet.binary.macroEnabled.main"/>'
FILES = {
    "empty": File(b""),
    "gzip of nothing": File(gzip.compress(b"")),
    "a header and nothing else": File(b"id,v\n"),
    "an empty first line": File(b"\nid,v\n"),
    "only an id column": File(b"id\nP1\n"),
    "binary data": File(bytes(range(256))),
    "a PDF, an image, an archive, a web page, XML, JSON, R, SPSS, SAS, Stata, HDF5, ...": File(
        b"%PDF-1.7\n"
    ),
    "a NUL byte": File(b"id,v\nP1,1\nP\x002,2\n"),
    "not UTF-8, usual in Windows-1252 throughout": File(b"id,v\nP1,Zo\xeb\n"),
    "not UTF-8, and unusual in Windows-1252": File("id,v\nP1,Wałęsa\n".encode("cp1250")),
    "UTF-8 in parts only": File("id,v\nP1,é\n".encode() + b"P2,\xe9\n"),
    "not UTF-8 behind the first megabyte": File(LATE),
    "a byte without a meaning in the encoding named": File(
        b"id,v\nP1,\x81\n", {"encoding": "windows-1252"}
    ),
    "an encoding named that the byte order mark belies": File(
        b"\xef\xbb\xbfid\n1\n", {"encoding": "latin-1"}
    ),
    "LF, CRLF, CR, or all of them": File(b"id,v\nP1,1\r\nP2,2\rP3,3\n"),
    "a quote inside a cell, or behind a closing quote": File(b'id,v\na"b,"p"q\n'),
    "a quote that is never closed": File(b'id,v\nP1,1\nP2,"2\n'),
    "rows of another width than the header": File(b"id,v\nP1,1\nP2\nP3,3,3\n"),
    "rows of another width, to be skipped": File(b"id,v\nP1,1\nP2\n", {"skip_bad_rows": True}),
    "no row as wide as the header": File(b"id,v\nP2\n"),
    "no row as wide as the header, rows to be skipped": File(
        b"id,v\nP2\n", {"skip_bad_rows": True}
    ),
    "repeated and empty ids": File(b"id,v\nP1,1\nP1,2\n,3\n"),
    "a missing id column": File(b"id,v\nP1,1\n", id_column="x"),
    "no id column named, and another than the first looks like one": File(
        b"visit,pid\nA,P1\nA,P2\n", id_column=None
    ),
    "no id column named, and none or the first looks like one": File(
        b"v,w\n1,1\n1,2\n", id_column=None
    ),
    "no id column, rows numbered": File(b"v,w\n1,1\n1,2\n", id_column=None, numbered=True),
    "a cell that breaks the type named": File(b"id,v\nP1,1\nP2,x\n", types={2: "integer"}),
    "a cell of 10 MB": File(b"id,v\nP1," + b"x" * 10_000_000 + b"\n"),
    "a row of more than 64 MB": File(
        b'id,v\nP1,1\nP2,"' + b"x" * 9_000,
        {"block_bytes": 100},
        limits={"passes.MAX_RECORD_BYTES": 1_000},
    ),
    "a header of more than 32 MB": File(
        b"x" * 2_000_000, limits={"read.MAX_HEADER_BYTES": 1_000_000}
    ),
    "a column's name of more than 10,000 characters": File(b"id," + b"x" * 10_001 + b"\nP1,1\n"),
    "more columns than `FAIRDB_MAX_COLUMNS`": File(b"id,v,w\nP1,1,1\n", {"max_columns": 2}),
    "more rows than `FAIRDB_MAX_ROWS`": File(b"id\n1\n2\n3\n", {"max_rows": 2}),
    "a gzip bomb: more text than `FAIRDB_MAX_UPLOAD_BYTES`": File(
        gzip.compress(b"id,v\n" + b"P1,1\n" * 9_999), {"max_bytes": 1_000}
    ),
    "a gzip file damaged or cut short": File(gzip.compress(b"id,v\nP1,1\n")[:-9]),
    "gzip of a packed file": File(gzip.compress(gzip.compress(b"id\n1\n"))),
    "changed while it is read: written, cut, longer, replaced": File(
        b"id,v\nP1,1\n", later=b"id,v,w\nP1,1,1\n"
    ),
    "a workbook: .xlsx, .xls, .ods": File(workbook(["id", "v"], ["P1", 1])),
    "a workbook without cells": File(workbook([])),
    "a sheet that the workbook does not have": File(workbook(["id"], ["P1"]), {"sheet": "x"}),
    "a title above the table": File(workbook(["Study"], ["id", "v"], ["P1", 1])),
    "formulas that were never calculated": File(workbook(["id", "v"], ["P1", Formula(None)])),
    "a damaged workbook": File(workbook(["id", "v"], ["P1", 1])[:-40]),
    "a locked workbook": File(zipped({"META-INF/manifest.xml": "<manifest:encryption-data/>"})),
    "a workbook that takes more than 2 GB to read": File(far_apart()),
    "a workbook that unpacks to more than 2 GB": File(bomb()),
    ".xlsb, Word, another archive": File(zipped({"[Content_Types].xml": XLSB})),
    "Parquet": File(parquet([1.5])),
    "Parquet with lists, structures or bytes": File(parquet([[1]])),
    "a damaged Parquet file": File(parquet([1.5])[:-9]),
}


def listed() -> dict[str, tuple[str, str]]:
    """Return of the documented table (outcome, sentence) by file."""
    table = DOCS.read_text().split("| file | outcome | sentence |\n")[1].split("\n\n")[0]
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in table.splitlines()[1:]]
    return {file: (outcome, sentence) for file, outcome, sentence in rows}


def test_every_file_of_the_documents_is_tried() -> None:
    assert set(listed()) == set(FILES)


@pytest.mark.parametrize("kind", sorted(FILES))
def test_a_file_becomes_what_the_documents_say(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    outcome, sentence = listed()[kind]
    file = FILES[kind]
    for name, value in file.limits.items():
        monkeypatch.setattr(f"datasets.ingest.{name}", value)
    openings = chain([file.data], repeat(file.later or file.data))

    def load() -> None:
        table = open_table(lambda: io.BytesIO(next(openings)), **file.options)
        if file.numbered:
            table = table.with_row_numbers()
        position = column_position(table.header, file.id_column) if file.id_column else 1
        profile = profile_table(table, id_position=position, types=file.types)
        if not file.id_column and not file.numbered:
            require_likeliest_first(table, profile)

    if outcome.startswith("loaded"):
        load()
        return
    with pytest.raises(OUTCOMES[outcome]) as refusal:
        load()
    row = r"[Rr]ow [\d,]+ \(where row 1 is the first after the header\)"
    pattern = re.escape(sentence).replace("…", ".*").replace(re.escape("(row)"), row)
    assert re.fullmatch(pattern, refusal.value.message), refusal.value.message
