"""A file sealed in segments while it streams: what is written is unreadable without its key.

The construction is that of age's payload (https://age-encryption.org/v1, "Payload"; Hoang et al.
2015, "Online Authenticated-Encryption and its Nonce-Reuse Misuse-Resistance", STREAM) with
AES-256-GCM: the nonce of a segment is its number (11 bytes) and whether it is the last (1 byte).
Each file has a key of its own, so a segment opens at its own place of its own file alone, and a
file that was cut short, at whatever byte, does not open to its end.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import TYPE_CHECKING, BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from fairdb_site.errors import Unavailable

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

KEY_BYTES = 32
SEGMENT_BYTES = 1 << 18  # what a writer or reader holds; larger ones are not sealed faster
_TAG_BYTES = 16


def new_key() -> bytes:
    """Return a key for one file; using it for a second one would give both away."""
    return AESGCM.generate_key(8 * KEY_BYTES)


class Sealer:
    """Seals what it is given; the segments are to be written one behind the other."""

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(key)
        self._held = bytearray()
        self._number = 0

    def seal(self, data: bytes) -> Iterator[bytes]:
        """Yield the segments that are full with this data."""
        self._held += data
        while len(self._held) > SEGMENT_BYTES:  # a full one may still be the last, which is marked
            yield self._segment(bytes(self._held[:SEGMENT_BYTES]), last=False)
            del self._held[:SEGMENT_BYTES]

    def finish(self) -> bytes:
        """Return the last segment; a file without one counts as cut short."""
        return self._segment(bytes(self._held), last=True)

    def _segment(self, data: bytes, *, last: bool) -> bytes:
        sealed = self._cipher.encrypt(_nonce(self._number, last=last), data, None)
        self._number += 1
        return sealed


class Unsealed(io.RawIOBase, BinaryIO):
    """Reads what a Sealer wrote, from its start to its end; closes the file below with itself.

    Raises Unavailable where the file is not what was written: changed, cut short, or another's.
    """

    def __init__(self, sealed: BinaryIO, key: bytes) -> None:
        super().__init__()
        self._sealed = sealed
        self._cipher = AESGCM(key)
        self._number = 0
        self._next = self._sealed_segment()
        self._clear = b""
        self._ended = False

    def readable(self) -> bool:
        """Return True: it is read, never written or moved about in."""
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        """Fill the buffer with what is left of the segment at hand; 0 at the end of the file."""
        while not self._clear and not self._ended:
            self._open_segment()
        into = memoryview(buffer).cast("B")
        piece, self._clear = self._clear[: len(into)], self._clear[len(into) :]
        into[: len(piece)] = piece
        return len(piece)

    def close(self) -> None:
        """Close this and the file below."""
        if not self.closed:
            self._sealed.close()
        super().close()

    def _open_segment(self) -> None:
        segment, self._next = self._next, self._sealed_segment()
        self._ended = not self._next
        try:
            self._clear = self._cipher.decrypt(
                _nonce(self._number, last=self._ended), segment, None
            )
        except InvalidTag:
            raise Unavailable(
                "The copy of the file that the server held while loading it is damaged. Nothing "
                "was stored. Send the file again."
            ) from None
        self._number += 1

    def _sealed_segment(self) -> bytes:
        """Read one whole segment; storages may give less than was asked for."""
        pieces, missing = [], SEGMENT_BYTES + _TAG_BYTES
        while missing and (piece := self._sealed.read(missing)):
            pieces.append(piece)
            missing -= len(piece)
        return b"".join(pieces)


def _nonce(number: int, *, last: bool) -> bytes:
    return number.to_bytes(11) + bytes([last])
