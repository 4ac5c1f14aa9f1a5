"""The bytes of an uploaded file as UTF-8 text: opened, unpacked, transcoded, hashed as uploaded."""

import codecs
import gzip
import hashlib
import os
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from fairdb_site.errors import Refused, TooLarge

Opener = Callable[[], BinaryIO]
Source = str | os.PathLike[str] | Opener

UTF8_BOM = codecs.BOM_UTF8
# UTF-32 before UTF-16: the little-endian mark of one begins with the mark of the other
_BYTE_ORDER_MARKS = (
    (UTF8_BOM, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# first bytes of what people upload by mistake; https://en.wikipedia.org/wiki/List_of_file_signatures
_SIGNATURES = (
    (b"PK\x03\x04", "a ZIP archive or an Excel workbook"),
    (b"PAR1", "a Parquet file"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Excel workbook or another Office document"),
    (b"%PDF-", "a PDF document"),
    (b"\x89PNG\r\n", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"BZh", "a bzip2 archive"),
    (b"\xfd7zXZ\x00", "an xz archive"),
    (b"\x28\xb5\x2f\xfd", "a Zstandard archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
    (b"\x89HDF\r\n", "an HDF5 file"),
    (b"SQLite format 3\x00", "an SQLite database"),
    (b"ARROW1", "an Arrow file"),
    (b"RDX", "an R data file"),
    (b"$FL2", "an SPSS file"),
    (b"\x7fELF", "a program"),
)
_GZIP_MAGIC = b"\x1f\x8b"
_SUPPORTED = {"utf-8", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "iso8859-1", "cp1252"}
_RAW_CHUNK = 1 << 20


@dataclass(frozen=True)
class FileDigest:
    """What was uploaded, byte for byte (compressed as it came): SHA-256 in hex, and the size."""

    sha256: str
    size: int


class _HashingReader:
    """A binary reader that hashes and counts what passes through it, and nothing else."""

    def __init__(self, raw: BinaryIO) -> None:
        self._raw = raw
        self._hash = hashlib.sha256()
        self.size = 0

    def read(self, size: int = -1) -> bytes:
        data = self._raw.read(size)
        self._hash.update(data)
        self.size += len(data)
        return data

    def digest(self) -> FileDigest:
        return FileDigest(self._hash.hexdigest(), self.size)


class TextBytes:
    """One pass over a file: `chunks()` yields its text as UTF-8 bytes without a byte order mark.

    `encoding` and `compression` say what was found. `digest()` is known after the last chunk.
    """

    def __init__(
        self,
        opener: Opener,
        *,
        encoding: str | None = None,
        max_bytes: int | None = None,
    ) -> None:
        self._raw = opener()
        try:
            self._hashing = _HashingReader(self._raw)
            head = self._hashing.read(_RAW_CHUNK)
            reader = _Prefixed(head, self._hashing)
            self.compression = "gzip" if head.startswith(_GZIP_MAGIC) else None
            self._reader = (
                gzip.GzipFile(fileobj=cast("BinaryIO", reader)) if self.compression else reader
            )
            self._max_bytes = max_bytes
            self._unpacked = 0
            self._first = self._read(_RAW_CHUNK)
            self.encoding, self.has_mark = _found_encoding(self._first, encoding)
        except BaseException:
            self._raw.close()
            raise

    @property
    def bytes_read(self) -> int:
        """Bytes of the file read so far, as uploaded; for progress."""
        return self._hashing.size

    def chunks(self, size: int) -> Iterator[bytes]:
        """Yield UTF-8 bytes in pieces of about `size`; Refused where a byte has no meaning."""
        decode = None if self.encoding == "utf-8" else _decoder(self.encoding)
        data, position = self._first, 0
        if decode is None and self.has_mark:
            data = data[len(UTF8_BOM) :]
        if len(data) < size:
            data += self._read(size - len(data))
        try:
            while data:
                if decode is None:
                    yield data
                else:
                    yield _transcoded(decode, data, position, self.encoding)
                position += len(data)
                data = self._read(size)
            if decode is not None:
                _transcoded(decode, b"", position, self.encoding, final=True)
            while self._hashing.read(_RAW_CHUNK):
                pass  # what lies behind the compressed data belongs to the file's digest too
        finally:
            self._raw.close()

    def digest(self) -> FileDigest:
        """Return the digest of the bytes as uploaded; complete once `chunks()` has ended."""
        return self._hashing.digest()

    def close(self) -> None:
        """Release the file of a pass that was not read to its end."""
        self._raw.close()

    def _read(self, size: int) -> bytes:
        try:
            pieces: list[bytes] = []
            missing = size
            while missing and (piece := self._reader.read(missing)):
                pieces.append(piece)
                missing -= len(piece)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise Refused(
                "The gzip file is damaged or cut short; pack it again and retry."
            ) from error
        data = b"".join(pieces)
        self._unpacked += len(data)
        if self._max_bytes is not None and self._unpacked > self._max_bytes:
            raise TooLarge(f"The file holds more than {self._max_bytes:,} bytes once unpacked.")
        return data


class _Prefixed:
    """Bytes already read, then the rest of the reader they came from."""

    def __init__(self, head: bytes, rest: _HashingReader) -> None:
        self._head = head
        self._rest = rest

    def read(self, size: int = -1) -> bytes:
        if not self._head:
            return self._rest.read(size)
        if size < 0:
            data, self._head = self._head + self._rest.read(-1), b""
        else:
            data, self._head = self._head[:size], self._head[size:]
        return data


def opener_of(source: Source) -> Opener:
    """Return what opens the source anew for each pass: a path, or a callable as storages give."""
    if callable(source):
        return source
    path = Path(source)

    def open_path() -> BinaryIO:
        try:
            return path.open("rb")
        except OSError as error:
            raise Refused(
                f"The file cannot be read: {error.strerror or 'unknown reason'}."
            ) from error

    return open_path


def _found_encoding(first: bytes, named: str | None) -> tuple[str, bool]:
    """Return (codec name, whether a byte order mark is there); refuse what is no text."""
    if not first:
        raise Refused("The file is empty.")
    mark = next((name for mark, name in _BYTE_ORDER_MARKS if first.startswith(mark)), None)
    if named is not None:
        try:
            encoding = codecs.lookup(named).name
        except LookupError:
            encoding = ""
        encoding = "utf-8" if encoding in {"utf-8-sig", "ascii"} else encoding
        if encoding not in _SUPPORTED:
            raise Refused(
                f"The encoding {named!r} is not supported; "
                "use utf-8, utf-16, utf-32, latin-1 or windows-1252."
            )
        return encoding, encoding == "utf-8" and mark == "utf-8"
    if mark is not None:
        return mark, True
    _refuse_binary(first)
    return "utf-8", False


def _refuse_binary(first: bytes) -> None:
    for signature, kind in _SIGNATURES:
        if first.startswith(signature):
            raise Refused(f"The file is {kind}, not a table of text (CSV, TSV, or either in gzip).")
    sample = first[:4096]
    # a text has no control bytes but tab, line feed, form feed and carriage return
    control = sum(byte < 32 and byte not in (9, 10, 12, 13) for byte in sample)
    if control * 10 > len(sample):
        raise Refused("The file is binary data, not a table of text (CSV, TSV, or either in gzip).")


def _decoder(encoding: str) -> codecs.IncrementalDecoder:
    return codecs.getincrementaldecoder(encoding)("strict")


def _transcoded(
    decoder: codecs.IncrementalDecoder,
    data: bytes,
    position: int,
    encoding: str,
    *,
    final: bool = False,
) -> bytes:
    pending = len(decoder.getstate()[0])
    try:
        return decoder.decode(data, final).encode("utf-8")
    except UnicodeError as error:
        start = error.start if isinstance(error, UnicodeDecodeError) else 0
        raise Refused(
            f"The file is not {encoding}: byte {position - pending + start + 1:,} has no meaning "
            "in it. Name the right encoding."
        ) from error
