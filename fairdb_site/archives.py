"""ZIP archives that are written from front to back, of files of any length.

The standard library's `zipfile` does it: to what cannot be sought it writes each file's length
behind it, and the directory, without which no program opens an archive, at the very end. So one
that was cut off is broken for all to see.
"""

from __future__ import annotations

import csv
import io
import json
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from django.core.serializers.json import DjangoJSONEncoder
from django.utils import timezone

from fairdb_site.streams import Write

_LONGEST = 60  # characters: 240 bytes at most, of the 255 that a name may have
_FORBIDDEN = frozenset('<>:"/\\|?*')  # in names of Windows
_LEVEL = 1  # of numbers as CSV 42 MB/s to 45 %, where the default 6 makes 9 MB/s to 42 %
_OWNER_ALONE = 0o600 << 16  # who unpacks it on a shared machine keeps it to themselves


@dataclass(frozen=True)
class ArchivedFile:
    """A file of an archive: its path within, and what writes its bytes, piece by piece."""

    path: str
    write: Callable[[Write], object]


def file_of(path: str, pieces: Iterable[bytes]) -> ArchivedFile:
    """Return a file of these pieces, which are asked for as it is written."""
    return ArchivedFile(path, partial(write_pieces, pieces))


def write_pieces(pieces: Iterable[bytes], write: Write) -> None:
    """Write pieces in their order."""
    for piece in pieces:
        write(piece)


def json_pieces(value: Any) -> Iterator[bytes]:
    """Yield a value as JSON in UTF-8, indented; times in ISO 8601."""
    yield f"{_json(value, indent=2)}\n".encode()


def json_array_pieces(values: Iterable[Any]) -> Iterator[bytes]:
    """Yield values as one JSON array in UTF-8, each in a line of its own."""
    before = "[\n"
    for value in values:
        yield f"{before}{_json(value)}".encode()
        before = ",\n"
    yield b"[]\n" if before == "[\n" else b"\n]\n"


def csv_pieces(header: Iterable[str], rows: Iterable[Iterable[Any]]) -> Iterator[bytes]:
    """Yield CSV in UTF-8, line by line: quoted where it has to be, lines end in LF."""
    line = io.StringIO()
    writer = csv.writer(line, lineterminator="\n")
    for row in chain([header], rows):
        writer.writerow(row)
        yield line.getvalue().encode()
        line.seek(0)
        line.truncate()


def archive_write(files: Iterable[ArchivedFile], write: Write) -> None:
    """Write a ZIP archive of the files; each is written before the next is asked for.

    Whatever is raised meanwhile is passed on, and the archive has no directory then.
    """
    sink = _Sink(write)
    archive = ZipFile(sink, "w", ZIP_DEFLATED)
    try:
        for file in files:
            info = ZipInfo(file.path, timezone.now().timetuple()[:6])
            info.compress_type, info.external_attr = ZIP_DEFLATED, _OWNER_ALONE
            # the name it has before Python 3.13, which knows it as well
            info._compresslevel = _LEVEL  # type: ignore[attr-defined]
            with archive.open(info, "w", force_zip64=True) as member:
                file.write(member.write)
        archive.close()
    finally:
        sink.close()  # one that broke off would write its directory when it is garbage


def file_name_of(text: str) -> str:
    """Return a text as part of a file's name: safe on all systems, 60 characters at most.

    It may be empty, or a name that Windows reserves, and two texts may give the same one: something
    has to stand before it that makes it unique.
    """
    kept = (
        "_" if letter in _FORBIDDEN else letter
        for letter in unicodedata.normalize("NFC", text)
        if letter == " " or unicodedata.category(letter)[0] not in "CZ"  # controls, bidi marks
    )
    return " ".join("".join(kept).split())[:_LONGEST].strip(" .")


def _json(value: Any, indent: int | None = None) -> str:
    return json.dumps(value, cls=DjangoJSONEncoder, ensure_ascii=False, indent=indent)


class _Sink:
    """A file that can only be written; once it is closed, nothing comes through any more."""

    def __init__(self, write: Write) -> None:
        self._write: Write | None = write

    def write(self, data: bytes) -> int:
        if self._write is not None:
            self._write(data)
        return len(data)

    def flush(self) -> None:
        pass

    def close(self) -> None:
        self._write = None
