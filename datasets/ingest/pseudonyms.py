"""Pseudonyms in place of ids: HMAC-SHA256 (RFC 2104) under a key of each owner.

A plain hash of a short id can be reversed by trying all ids; a keyed one only with the key. One
owner's same id gives the same pseudonym in all of that owner's datasets, another owner's another.
"""

import contextlib
import hashlib
import hmac
import importlib
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final
from uuid import UUID

_OWNER_CONTEXT: Final = b"fairdatabase pseudonyms of owner v1\x00"
_FINGERPRINT_CONTEXT: Final = b"fairdatabase pseudonym key fingerprint v1\x00"
_BLOCK: Final = 64  # SHA-256's block, in bytes
# hashing each id once pays where this share of the ids or less is distinct
_WORTH_DISTINCT: Final = 0.8
_SAMPLE: Final = 1_000


def _own_sha256() -> Callable[[bytes], Any]:
    """Return CPython's own SHA-256, or OpenSSL's where Python was built without it.

    To copy a state of OpenSSL's costs more than to hash an id with it.
    """
    for module in ("_sha2", "_sha256"):  # from Python 3.12 on, and before
        with contextlib.suppress(ImportError, AttributeError):
            own: Callable[[bytes], Any] = importlib.import_module(module).sha256
            return own
    return hashlib.sha256


_sha256: Final = _own_sha256()


def normalize_id(value: str) -> str:
    """Return the id in Unicode's NFC without white space around it."""
    stripped = value.strip()
    return stripped if stripped.isascii() else unicodedata.normalize("NFC", stripped).strip()


def owner_key(master: str | bytes, user_id: UUID) -> bytes:
    """Return the owner's 32-byte key, derived from the installation's master key."""
    return hmac.digest(_bytes(master), _OWNER_CONTEXT + user_id.bytes, "sha256")


def key_fingerprint(master: str | bytes) -> str:
    """Return 16 hex digits that tell one master key from another and say nothing else of it."""
    return hmac.digest(_bytes(master), _FINGERPRINT_CONTEXT, "sha256").hex()[:16]


def pseudonymize(ids: Sequence[str | None], key: bytes) -> list[str]:
    """Return the 64-digit hex pseudonym of each id; an empty id (or None) has one too."""
    first = ids[:_SAMPLE]
    if len(set(first)) > _WORTH_DISTINCT * len(first):
        return _hashed(ids, key)
    distinct = dict.fromkeys(ids)
    known = dict(zip(distinct, _hashed(distinct, key), strict=True))
    return [known[value] for value in ids]


def _hashed(ids: Iterable[str | None], key: bytes) -> list[str]:
    # keyed once, copied for each id: half the compressions of a fresh HMAC, and no Python wrapper
    padded = (key if len(key) <= _BLOCK else _sha256(key).digest()).ljust(_BLOCK, b"\x00")
    inner = _sha256(bytes(byte ^ 0x36 for byte in padded)).copy
    outer = _sha256(bytes(byte ^ 0x5C for byte in padded)).copy
    digests: list[str] = []
    for value in _normalized(ids):
        first = inner()
        first.update(value)
        second = outer()
        second.update(first.digest())
        digests.append(second.hexdigest())
    return digests


def _normalized(ids: Iterable[str | None]) -> list[bytes]:
    """Return `normalize_id` of each id in UTF-8; all at once where they are plain."""
    stripped = [value.strip() if value else "" for value in ids]
    joined = "\n".join(stripped)
    if joined.isascii() and joined.count("\n") == len(stripped) - 1:
        return joined.encode().split(b"\n")
    return [normalize_id(value).encode() for value in stripped]


def _bytes(key: str | bytes) -> bytes:
    return key.encode() if isinstance(key, str) else key
