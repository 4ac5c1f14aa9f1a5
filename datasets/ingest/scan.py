"""Where the records of delimited text begin and end, found over blocks of bytes with bit masks.

One bit a byte, 64 bytes a word, as simdjson does it (Langdale and Lemire 2019, "Parsing Gigabytes
of JSON per Second", section 3.1): the bytes between quotes are the prefix xor of the quote bits.
That holds while every quote stands where RFC 4180 puts it; `Scan.well_formed` says whether, and
`repair` rewrites, by a small exact reader, the records where one does not.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

Words = npt.NDArray[np.uint64]
Places = npt.NDArray[np.int64]

QUOTE, LF, CR = 0x22, 0x0A, 0x0D
_CACHED = 1 << 18
_ONE, _TOP = np.uint64(1), np.uint64(63)


@dataclass(frozen=True)
class Scan:
    """The structure of a block that starts where a record starts.

    `end` is the number of bytes up to and with the last complete record, `records` how many there
    are; `open_quote` says that the block ends inside quotes, `lone_cr` that a carriage return
    alone ends a record.
    """

    well_formed: bool
    end: int
    records: int
    has_quotes: bool
    open_quote: bool
    lone_cr: bool
    _ends: Words
    _separators: Words

    @cached_property
    def record_ends(self) -> Places:
        """The place behind the last byte of each record's line end, in order."""
        return _places(self._ends) + 1

    @cached_property
    def separators(self) -> Places:
        """The places of the separators outside quotes, in order."""
        return _places(self._separators)

    def separators_by_record(self) -> Places:
        """Return how many separators each record holds, without making a list of their places."""
        word, bit = np.divmod(self.record_ends - 1, 64)
        before = np.cumsum(np.bitwise_count(self._separators), dtype=np.int64)
        before = np.concatenate(([0], before))[word]
        below = self._separators[word] & ((_ONE << bit.astype(np.uint64)) - _ONE)
        return np.diff(before + np.bitwise_count(below), prepend=0)


def scan(block: bytes, separator: int) -> Scan:
    """Return the structure of `block`, whose last byte is neither a quote nor a carriage return
    unless the file ends there."""
    data = np.frombuffer(block, dtype=np.uint8)
    newlines, separators = _bits(data, LF), _bits(data, separator)
    returns = _bits(data, CR) if b"\r" in block else None
    ends = newlines
    lone = None
    if returns is not None:
        lone = returns & ~_shifted_down(newlines)
        ends = newlines | lone
    quotes = _bits(data, QUOTE) if b'"' in block else None
    well_formed, open_quote = True, False
    if quotes is not None:
        inside = _prefix_xor(quotes)
        delimiters = ends | separators if returns is None else ends | separators | returns
        well_formed = _well_placed(quotes, inside, delimiters, len(block))
        ends, separators = ends & ~inside, separators & ~inside
        open_quote = bool(inside[-1] >> _TOP)  # no quote follows the block in its last word
        lone = lone & ~inside if lone is not None else None
    end = _last_place(ends) + 1
    ends, separators = _cut(ends, end), _cut(separators, end)
    return Scan(
        well_formed=well_formed,
        end=end,
        records=_count(ends),
        has_quotes=quotes is not None,
        open_quote=open_quote,
        lone_cr=lone is not None and bool(_cut(lone, end).any()),
        _ends=ends,
        _separators=separators,
    )


def with_line_feeds(block: bytes, found: Scan) -> bytes:
    """Return the complete records of `block` with every line end outside quotes one line feed.

    Raises nothing; call it where `found.lone_cr`: Polars takes a lone carriage return for data.
    """
    whole = block[: found.end]
    if not found.has_quotes:
        return whole.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    data = np.frombuffer(whole, dtype=np.uint8).copy()
    ends = found.record_ends - 1
    before = ends[(data[ends] == LF) & (ends > 0)] - 1
    drop = before[data[before] == CR]
    data[ends] = LF
    keep = np.ones(len(data), dtype=bool)
    keep[drop] = False
    return data[keep].tobytes()


def _bits(data: npt.NDArray[np.uint8], value: int) -> Words:
    """Return a bit for each byte that equals `value`; a cache's worth of bytes at a time."""
    packed = np.zeros((len(data) + 63) // 64 * 8, dtype=np.uint8)
    for start in range(0, len(data), _CACHED):
        equal = data[start : start + _CACHED] == value
        bits = np.packbits(equal, bitorder="little")
        packed[start // 8 : start // 8 + len(bits)] = bits
    return packed.view("<u8").astype(np.uint64, copy=False)


def _prefix_xor(words: Words) -> Words:
    """Return words whose bit k is the parity of all bits up to and with k."""
    out = words.copy()
    for shift in (1, 2, 4, 8, 16, 32):
        out ^= out << np.uint64(shift)
    odd = np.bitwise_xor.accumulate(out >> _TOP)
    out[1:] ^= np.uint64(0) - odd[:-1]
    return out


def _well_placed(quotes: Words, inside: Words, delimiters: Words, length: int) -> bool:
    """Whether each opening quote follows, and each closing one precedes, a delimiter or a quote."""
    around = delimiters | quotes
    before = _shifted_up(around)
    before[0] |= _ONE  # the block's start
    after = _shifted_down(around)
    last = length - 1
    after[last >> 6] |= _ONE << np.uint64(last & 63)  # the block's end
    opening, closing = quotes & inside, quotes & ~inside
    return not ((opening & ~before).any() or (closing & ~after).any())


def _shifted_up(words: Words) -> Words:
    """Return the bits each one place later."""
    out = words << _ONE
    out[1:] |= words[:-1] >> _TOP
    return out


def _shifted_down(words: Words) -> Words:
    """Return the bits each one place earlier."""
    out = words >> _ONE
    out[:-1] |= words[1:] << _TOP
    return out


def _last_place(words: Words) -> int:
    """Return the place of the last set bit, -1 if there is none."""
    for start in range(len(words), 0, -4096):
        lowest = max(start - 4096, 0)
        hits = np.flatnonzero(words[lowest:start])
        if len(hits):
            word = lowest + int(hits[-1])
            return word * 64 + int(words[word]).bit_length() - 1
    return -1


def _cut(words: Words, end: int) -> Words:
    """Return the bits of the first `end` places."""
    out = words[: (end + 63) // 64].copy()
    if end & 63:
        out[-1] &= (_ONE << np.uint64(end & 63)) - _ONE
    return out


def _count(words: Words) -> int:
    return int(np.bitwise_count(words).sum(dtype=np.int64))


def _places(words: Words) -> Places:
    """Return the places of the set bits; where few words have one, only those are unpacked."""
    used = np.flatnonzero(words)
    if 2 * len(used) > len(words):
        bits = np.unpackbits(words.astype("<u8", copy=False).view(np.uint8), bitorder="little")
        return np.flatnonzero(bits.view(bool))
    bits = np.unpackbits(words[used].astype("<u8").view(np.uint8), bitorder="little")
    places = np.flatnonzero(bits.view(bool))
    found: Places = used[places >> 6] * 64 + (places & 63)
    return found
