"""Which encoding a file of text is in, why, and its bytes brought to UTF-8.

No detection library: asked about tables with a few accented names, charset-normalizer 3.5 and
chardet 7 answer Windows-1250, Big5 or ASCII with no count of what speaks for it. What is taken here
without being named is only what the bytes prove (marks, UTF-8, the zeros of UTF-16) and
Windows-1252 where every byte of the whole file reads as people write it; the rest is refused.
"""

import codecs
import re
import string
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from fairdb_site.errors import Refused

UTF8_BOM = codecs.BOM_UTF8
# UTF-32 before UTF-16: the little-endian mark of one begins with the mark of the other
_MARKS = (
    (UTF8_BOM, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# what a user may name: codecs whose bytes mean the same wherever a pass starts; no UTF-7, no
# ISO 2022, whose shifts can hide a separator
_NAMEABLE = frozenset(
    codecs.lookup(name).name
    for name in """utf-8 utf-16 utf-16-le utf-16-be utf-32 utf-32-le utf-32-be latin-1 iso8859-2
    iso8859-3 iso8859-4 iso8859-5 iso8859-6 iso8859-7 iso8859-8 iso8859-9 iso8859-10 iso8859-13
    iso8859-14 iso8859-15 iso8859-16 cp1250 cp1251 cp1252 cp1253 cp1254 cp1255 cp1256 cp1257 cp1258
    cp437 cp850 cp852 cp866 koi8-r koi8-u mac-roman mac-latin2 gb18030 gbk big5 shift_jis cp932
    euc_jp euc_kr cp949 cp874""".split()
)
_TITLES = {
    "utf-8": "UTF-8",
    "utf-16-le": "UTF-16 (little-endian)",
    "utf-16-be": "UTF-16 (big-endian)",
    "utf-32-le": "UTF-32 (little-endian)",
    "utf-32-be": "UTF-32 (big-endian)",
    "iso8859-1": "Latin-1",
    "cp1252": "Windows-1252",
}
# of each unit's bytes, the ones that are zero in any text of ASCII: (codec, unit, their places)
_WIDE = (
    ("utf-32-le", 4, (1, 2, 3)),
    ("utf-32-be", 4, (0, 1, 2)),
    ("utf-16-le", 2, (1,)),
    ("utf-16-be", 2, (0,)),
)
_LISTED_LETTERS = 8

# Windows-1252 as people write it: its letters but for Ÿ, and ð þ ý, whose bytes are Turkish letters
# in Windows-1254 (who writes Icelandic names the encoding) ...
_UPPER = bytes([0x8A, 0x8C, 0x8E, *range(0xC0, 0xD0), *range(0xD1, 0xD7), *range(0xD8, 0xDD)])
_LOWER = bytes([0x9A, 0x9C, 0x9E, *range(0xDF, 0xF0), *range(0xF1, 0xF7), *range(0xF8, 0xFD), 0xFF])
# ... and signs that may stand between letters (soft hyphen ’ – — … • ´ µ ·), or may not
# (€ ‘ “ ” ™ no-break space ¡ £ § © ª « ® ° ± ² ³ ¹ º » ¼ ½ ¾ ¿ ×)
_JOINING = bytes.fromhex("859295 9697 adb4b5b7")
_APART = bytes.fromhex("8091939499 a0a1a3a7a9aaabaeb0b1b2b3b9babbbcbdbebfd7")
_ASCII_LETTERS = string.ascii_letters.encode()


def _one_of(*groups: bytes) -> bytes:
    return b"[" + b"".join(rb"\x%02x" % byte for group in groups for byte in group) + b"]"


# what Windows-1252 text does not hold, and text in another encoding taken for it does
_UNUSUAL = re.compile(
    b"|".join(
        (
            rb"[\x80-\xff](?<!" + _one_of(_UPPER, _LOWER, _JOINING, _APART) + b")",
            # a sign inside a word: Polish in Windows-1250, Spanish in DOS
            b"(?<=" + _one_of(_ASCII_LETTERS, _UPPER, _LOWER) + b")" + _one_of(_APART)
            + b"(?=" + _one_of(_ASCII_LETTERS, _UPPER, _LOWER) + b")",
            # a capital behind a small letter: French on an old Macintosh
            b"(?<=[a-z])" + _one_of(_UPPER),
            # words of nothing but such letters: Cyrillic, Greek, Chinese
            _one_of(_UPPER, _LOWER) + b"{3}",
        )
    )
)  # fmt: skip
_UTF8_SEQUENCE = re.compile(
    rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}"
)
_C1 = re.compile(rb"[\x80-\x9f]")
_REACH = 3  # bytes before a place that the patterns look at


@dataclass(frozen=True)
class Encoding:
    """`name` is the codec's, `mark` the byte order mark to pass over, `why` a plain sentence.

    `certain` is false where only the start of the file spoke for it: it is not UTF-8.
    """

    name: str
    mark: bytes
    why: str
    certain: bool = True

    @property
    def title(self) -> str:
        """The encoding as people call it."""
        return title(self.name)


def title(name: str) -> str:
    """Return what people call the codec."""
    return _TITLES.get(name, name)


def encoding_of(head: bytes, named: str | None = None) -> Encoding:
    """Return the encoding of text that starts with `head`, as named or as found.

    Raises Refused for a name that is unknown or that the byte order mark contradicts.
    """
    mark, marked = next(((m, n) for m, n in _MARKS if head.startswith(m)), (b"", ""))
    if named is not None:
        return _as_named(head, named, mark, marked)
    if marked:
        return Encoding(marked, mark, f"{title(marked)}, as the byte order mark says.")
    if wide := _wide(head):
        return wide
    if is_utf8(head):
        why = "UTF-8: all of the file is valid in it. It has no byte order mark."
        if head.isascii():
            why = "UTF-8, of which ASCII is a part. The file has no byte order mark."
        return Encoding("utf-8", b"", why)
    return Encoding("cp1252", b"", "", certain=False)


def _as_named(head: bytes, named: str, mark: bytes, marked: str) -> Encoding:
    try:
        name = codecs.lookup(named).name
    except LookupError:
        name = ""
    name = "utf-8" if name in {"utf-8-sig", "ascii"} else name
    if name not in _NAMEABLE:
        raise Refused(
            f"The encoding {named!r} is not supported; name one such as utf-8, utf-16, utf-32, "
            "latin-1, windows-1252 or windows-1250.",
            option="encoding",
        )
    if marked and not marked.startswith(name):
        raise Refused(
            f"The file begins with the byte order mark of {title(marked)}, so it is not "
            f"{title(name)}. Leave the encoding to be found, or name {marked}.",
            option="encoding",
        )
    if name in {"utf-16", "utf-32"}:
        wide = _wide(head)
        if not marked and (wide is None or not wide.name.startswith(name)):
            raise Refused(
                f"The file has no byte order mark; name {name}-le or {name}-be as its encoding.",
                option="encoding",
            )
        name = marked or (wide.name if wide else name)
    why = f"{title(name)}, as named."
    if not name.startswith("utf") and not head.isascii() and is_utf8(head):
        why += " But its first megabyte is also valid UTF-8; is it not that?"
    return Encoding(name, mark, why)


def _wide(head: bytes) -> Encoding | None:
    """Return the encoding of two or four bytes a character that the zero bytes of `head` show.

    Separators, digits and line ends are ASCII in any table, so one byte of their units is zero.
    """
    if b"\x00" not in head:
        return None
    for name, unit, places in _WIDE:
        whole = head[: len(head) // unit * unit]
        if not whole:
            continue
        zero = (np.frombuffer(whole, dtype=np.uint8).reshape(-1, unit) == 0).mean(axis=0)
        high = min(zero[place] for place in places)
        low = max(zero[place] for place in range(unit) if place not in places)
        # one in twenty characters is ASCII in any table; others may have a zero byte as well (一)
        if high < 0.05 or low >= high or not _is_table_in(whole, name):
            continue
        # a NUL in plain text: of wide characters, all with bytes that can be printed, half are zero
        if high < 0.5 and not re.search(rb"[\x01-\x08\x0b\x0e-\x1f\x7f-\xff]", whole):
            continue
        return Encoding(
            name,
            b"",
            f"{title(name)} without a byte order mark: where ASCII characters have their zero "
            f"bytes in it, {high * 100:.0f} % of the first {len(whole):,} bytes are zero, "
            f"elsewhere {low * 100:.0f} %.",
        )
    return None


def _is_table_in(data: bytes, name: str) -> bool:
    """Whether `data` is a table in that encoding: its line ends are line ends of the text."""
    try:
        text = codecs.getincrementaldecoder(name)("strict").decode(data)
    except UnicodeDecodeError:
        return False
    if re.search(r"[\x00-\x08\x0b\x0e-\x1f]", text) or not re.search(r"[\r\n,;\t|]", text):
        return False
    return (text.count("\n") + text.count("\r")) * 2 >= data.count(b"\n") + data.count(b"\r")


def is_utf8(head: bytes) -> bool:
    """Whether bytes that may end inside a character are UTF-8."""
    try:
        codecs.getincrementaldecoder("utf-8")("strict").decode(head)
    except UnicodeDecodeError:
        return False
    return True


@dataclass(frozen=True)
class NotUtf8:
    """What the bytes of a whole file that is not UTF-8 look like.

    `letters` tells the bytes above 127 as Windows-1252 reads them and how often each comes;
    `unusual` is the place (from 1) of the first one that no Windows-1252 text would hold, 0 if
    there is none; `has_utf8` says that parts of the file are UTF-8.
    """

    size: int
    high: int
    letters: tuple[tuple[str, int], ...]
    unusual: int
    has_utf8: bool

    @property
    def is_windows_1252(self) -> bool:
        """Whether all of the file reads as Windows-1252 text does."""
        return not self.unusual and not self.has_utf8

    @property
    def why(self) -> str:
        """The evidence, in a sentence."""
        share = self.high / self.size
        return (
            f"Windows-1252: {_percent(share)} of the bytes ({self.high:,} of {self.size:,}) are "
            f"not ASCII, they are not UTF-8, and all of them are usual in Windows-1252 "
            f"({self._listed}). If these are the wrong letters, name the encoding."
        )

    @property
    def advice(self) -> str:
        """What to do about a file that was taken for UTF-8, in a sentence or two."""
        if self.is_windows_1252:
            bytes_are = "byte of the file is" if self.high == 1 else "bytes of the file are"
            return (
                f"The {self.high:,} such {bytes_are} usual in Windows-1252 ({self._listed}): if "
                "these are the right letters, name the encoding windows-1252."
            )
        if self.has_utf8:
            return "Other parts of it are UTF-8: mend the file, or name its encoding."
        return "Name the file's encoding, for example windows-1252 or windows-1250."

    def refusal(self) -> Refused:
        """Return the error for a file that is plainly in no encoding."""
        if self.has_utf8:
            return Refused(
                "The file is not UTF-8, but parts of it are: files in different encodings were "
                "probably joined. Mend it, or name its encoding.",
                option="encoding",
            )
        return Refused(
            f"The file is not UTF-8, and its byte {self.unusual:,} is unusual in Windows-1252. "
            "Name the file's encoding, for example windows-1252, windows-1250 or mac-roman.",
            option="encoding",
        )

    @property
    def _listed(self) -> str:
        listed = ", ".join(f"{sign} {count:,}" for sign, count in self.letters[:_LISTED_LETTERS])
        more = len(self.letters) - _LISTED_LETTERS
        return listed + (f" and {more} more" if more > 0 else "")


def examine(chunks: Iterable[bytes]) -> NotUtf8:
    """Look at every byte of a file that is not UTF-8."""
    counts = np.zeros(256, dtype=np.int64)
    size = unusual = 0
    has_utf8 = False
    before = b""
    for chunk in chunks:
        data = before + chunk
        if not data.isascii():
            counts += np.bincount(np.frombuffer(chunk, dtype=np.uint8), minlength=256)
            has_utf8 = has_utf8 or _UTF8_SEQUENCE.search(data) is not None
            if not unusual and (found := _UNUSUAL.search(data)):
                unusual = size - len(before) + found.start() + 1
        size += len(chunk)
        before = data[-_REACH:]
    high = {bytes([byte]): int(counts[byte]) for byte in range(128, 256) if counts[byte]}
    letters = sorted(high.items(), key=lambda item: (-item[1], item[0]))
    return NotUtf8(
        size=size,
        high=sum(high.values()),
        letters=tuple((_shown(byte), count) for byte, count in letters),
        unusual=unusual,
        has_utf8=has_utf8,
    )


def _shown(byte: bytes) -> str:
    text = byte.decode("cp1252", "replace")
    return text if text.isprintable() and text != "\ufffd" else f"byte {byte[0]}"


def _percent(share: float) -> str:
    return f"{share * 100:.1f} %" if share >= 0.001 else "less than 0.1 %"


def transcoded(
    decoder: codecs.IncrementalDecoder,
    data: bytes,
    position: int,
    name: str,
    *,
    final: bool = False,
) -> bytes:
    """Return `data`, which stands at `position` in the file, as UTF-8; Refused by place."""
    pending = len(decoder.getstate()[0])
    if name == "iso8859-1" and (control := _C1.search(data)):
        raise Refused(
            f"The file is not Latin-1: byte {position + control.start() + 1:,} is a control "
            "character in it. It is probably windows-1252; name that.",
            option="encoding",
        )
    try:
        return decoder.decode(data, final).encode("utf-8")
    except UnicodeError as error:
        start = error.start if isinstance(error, UnicodeDecodeError) else 0
        raise Refused(
            f"The file is not {title(name)}: byte {position - pending + start + 1:,} has no "
            "meaning in it. Name the right encoding.",
            option="encoding",
        ) from error
