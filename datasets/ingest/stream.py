"""The bytes of an uploaded file as UTF-8 text: opened, unpacked, transcoded, hashed as uploaded."""

import codecs
import gzip
import hashlib
import os
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol, cast

from fairdb_site.errors import Refused, TooLarge

Opener = Callable[[], BinaryIO]
Source = str | os.PathLike[str] | Opener
Stamp = tuple[int, int, int, int]  # device, inode, size, time of change in ns

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
_PEEKED = 1 << 16


@dataclass(frozen=True)
class FileDigest:
    """What was uploaded, byte for byte (compressed as it came): SHA-256 in hex, and the size."""

    sha256: str
    size: int


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
        hashed: bool = True,
    ) -> None:
        self._raw = opener()
        try:
            self._hashing = _HashingReader(self._raw, hashed=hashed)
            packed = _Peekable(self._hashing)
            self.compression = "gzip" if packed.peek().startswith(_GZIP_MAGIC) else None
            self._text = packed
            if self.compression:
                self._text = _Peekable(gzip.GzipFile(fileobj=cast("BinaryIO", packed)))
            self._max_bytes = max_bytes
            self._unpacked = 0
            with _plain_gzip_errors():
                first = self._text.peek()
            self.encoding, self._mark = _found_encoding(first, encoding)
        except BaseException:
            self._raw.close()
            raise

    @property
    def bytes_read(self) -> int:
        """Bytes of the file read so far, as uploaded; for progress."""
        return self._hashing.size

    def chunks(self, size: int) -> Iterator[bytes]:
        """Yield UTF-8 bytes in pieces of `size` or so; Refused where a byte has no meaning."""
        decoder = None
        if self.encoding != "utf-8":
            decoder = codecs.getincrementaldecoder(self.encoding)("strict")
        position = len(self._read(len(self._mark)))
        while data := self._read(size):
            if decoder is None:
                yield data
            else:
                yield _transcoded(decoder, data, position, self.encoding)
            position += len(data)
        if decoder is not None:
            _transcoded(decoder, b"", position, self.encoding, final=True)
        while self._hashing.read(_PEEKED):
            pass  # what lies behind the compressed data belongs to the file's digest too

    def digest(self) -> FileDigest:
        """Return the digest of the bytes as uploaded; complete once `chunks()` has ended."""
        return self._hashing.digest()

    def stamp(self) -> Stamp | None:
        """Return what changes when the file does; None where the stream is no file of this host."""
        try:
            found = os.fstat(self._raw.fileno())
        except (AttributeError, OSError):
            return None
        return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns

    def close(self) -> None:
        """Release the file."""
        self._raw.close()

    def _read(self, size: int) -> bytes:
        with _plain_gzip_errors():
            data = self._text.read(size)
        self._unpacked += len(data)
        if self._max_bytes is not None and self._unpacked > self._max_bytes:
            raise TooLarge(f"The file holds more than {self._max_bytes:,} bytes once unpacked.")
        return data


class _Reader(Protocol):
    def read(self, size: int, /) -> bytes: ...


class _HashingReader:
    """A binary reader that hashes and counts what passes through it, and nothing else."""

    def __init__(self, raw: BinaryIO, *, hashed: bool) -> None:
        self._raw = raw
        self._hash = hashlib.sha256()
        self._hashed = hashed
        self.size = 0

    def read(self, size: int, /) -> bytes:
        data = self._raw.read(size)
        if self._hashed:
            self._hash.update(data)
        self.size += len(data)
        return data

    def digest(self) -> FileDigest:
        return FileDigest(self._hash.hexdigest(), self.size)


class _Peekable:
    """A reader whose first bytes can be looked at before they are read; reads are full ones."""

    def __init__(self, rest: _Reader) -> None:
        self._rest = rest
        self._head = b""

    def peek(self) -> bytes:
        self._head = self.read(_PEEKED)
        return self._head

    def read(self, size: int, /) -> bytes:
        data, self._head = self._head[:size], self._head[size:]
        pieces, missing = [data], size - len(data)
        while missing > 0 and (piece := self._rest.read(missing)):
            pieces.append(piece)
            missing -= len(piece)
        return b"".join(pieces)


@contextmanager
def _plain_gzip_errors() -> Iterator[None]:
    try:
        yield
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        message = "The gzip file is damaged or cut short; pack it again and retry."
        raise Refused(message) from error


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


def _found_encoding(first: bytes, named: str | None) -> tuple[str, bytes]:
    """Return (codec name, the byte order mark to pass over); refuse what is no text."""
    if not first:
        raise Refused("The file is empty.")
    mark, marked = next(
        ((mark, name) for mark, name in _BYTE_ORDER_MARKS if first.startswith(mark)), (b"", None)
    )
    if named is not None:
        encoding = _encoding_named(named)
    elif marked is not None:
        encoding = marked
    else:
        _refuse_binary(first)
        encoding = "utf-8"
    # the other codecs take their mark away themselves, or need it to tell the byte order
    return encoding, mark if encoding == marked == "utf-8" else b""


def _encoding_named(named: str) -> str:
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
    return encoding


def _refuse_binary(first: bytes) -> None:
    for signature, kind in _SIGNATURES:
        if first.startswith(signature):
            raise Refused(f"The file is {kind}, not a table of text (CSV, TSV, or either in gzip).")
    if b"\x00" not in first:
        return
    # a text has few control bytes but tab, line feed, form feed and carriage return
    control = sum(byte < 32 and byte not in b"\t\n\f\r" for byte in first[:4096])
    if control * 10 > len(first[:4096]) or not _is_utf8(first):
        raise Refused("The file is binary data, not a table of text (CSV, TSV, or either in gzip).")


def _is_utf8(head: bytes) -> bool:
    try:
        codecs.getincrementaldecoder("utf-8")("strict").decode(head)
    except UnicodeDecodeError:
        return False
    return True


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
