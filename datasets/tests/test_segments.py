"""Sealed files open whole with their key, and not at all where a byte is missing or moved."""

import io
import os

import pytest

from datasets.segments import SEGMENT_BYTES, Sealer, Unsealed, new_key
from fairdb_site.errors import Unavailable

SEALED_BYTES = SEGMENT_BYTES + 16


def sealed(content: bytes, key: bytes, *, piece: int = 1 << 16) -> bytes:
    sealer = Sealer(key)
    segments = [
        segment
        for start in range(0, len(content), piece)
        for segment in sealer.seal(content[start : start + piece])
    ]
    return b"".join([*segments, sealer.finish()])


def unsealed(file: bytes, key: bytes) -> bytes:
    return Unsealed(io.BytesIO(file), key).read()


class InDrops(io.BytesIO):
    """A file of a storage that gives less than was asked for."""

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(min(size or 0, 1_000))


@pytest.mark.parametrize(
    "size", [0, 1, SEGMENT_BYTES - 1, SEGMENT_BYTES, SEGMENT_BYTES + 1, 3 * SEGMENT_BYTES]
)
def test_a_file_comes_back_as_it_was(size: int) -> None:
    key, content = new_key(), os.urandom(size)
    file = sealed(content, key)

    assert unsealed(file, key) == content
    assert Unsealed(InDrops(file), key).read() == content
    assert len(file) == size + 16 * max(1, -(-size // SEGMENT_BYTES))


def test_pieces_of_any_size_make_the_same_file() -> None:
    key, content = new_key(), os.urandom(2 * SEGMENT_BYTES + 5)

    assert sealed(content, key, piece=1_000) == sealed(content, key, piece=1 << 20)


def test_nothing_of_the_content_can_be_read_without_the_key() -> None:
    content = b"P1234567," * 60_000

    file = sealed(content, new_key())

    assert b"P123" not in file
    assert b"4567," not in file


THREE = 2 * SEGMENT_BYTES + 100


@pytest.mark.parametrize(
    "length", [0, 1, 15, 16, SEALED_BYTES - 1, SEALED_BYTES, 2 * SEALED_BYTES, THREE + 3 * 16 - 1]
)
def test_a_file_cut_short_does_not_open(length: int) -> None:
    key = new_key()
    file = sealed(os.urandom(THREE), key)

    with pytest.raises(Unavailable, match="is damaged"):
        unsealed(file[:length], key)


def test_a_file_with_more_behind_it_does_not_open() -> None:
    key = new_key()
    file = sealed(os.urandom(THREE), key)

    with pytest.raises(Unavailable, match="is damaged"):
        unsealed(file + b"\0", key)


@pytest.mark.parametrize("place", [0, SEALED_BYTES - 1, SEALED_BYTES + 7, -1])
def test_a_changed_bit_is_found(place: int) -> None:
    key = new_key()
    file = bytearray(sealed(os.urandom(THREE), key))
    file[place] ^= 1

    with pytest.raises(Unavailable, match="is damaged"):
        unsealed(bytes(file), key)


def test_a_segment_opens_at_its_own_place_alone() -> None:
    key = new_key()
    file = sealed(os.urandom(THREE), key)
    first, second, last = (file[n * SEALED_BYTES : (n + 1) * SEALED_BYTES] for n in range(3))

    for moved in (second + first + last, first + first + last, first + last, second + last):
        with pytest.raises(Unavailable, match="is damaged"):
            unsealed(moved, key)


def test_a_segment_of_another_file_does_not_open() -> None:
    mine, others = (sealed(os.urandom(THREE), key := new_key()) for _ in range(2))

    with pytest.raises(Unavailable, match="is damaged"):
        unsealed(others[:SEALED_BYTES] + mine[SEALED_BYTES:], key)
