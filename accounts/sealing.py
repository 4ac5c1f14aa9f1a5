"""Seal small secrets at rest: Fernet (AES-128-CBC with HMAC-SHA256) under FAIRDB_TOKEN_KEYS.

The first key seals; all of them open, so a key can be changed without losing what is sealed. The
keys are asked for each time: those of the embedded default may change while a server runs.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings


class UnsealError(Exception):
    """What was sealed cannot be opened: another key, another place, or tampered with."""


def seal(content: Mapping[str, Any], *, place: str) -> bytes:
    """Return the content, encrypted; it opens again only for the same `place` (a row's id)."""
    return _fernet().encrypt(json.dumps({"place": place, "content": content}).encode())


def unseal(sealed: bytes | memoryview, *, place: str) -> dict[str, Any]:
    """Return what was sealed for this place, or raise UnsealError."""
    try:
        opened = json.loads(_fernet().decrypt(bytes(sealed)))
    except (InvalidToken, ValueError):
        raise UnsealError from None
    if opened["place"] != place:
        raise UnsealError
    content: dict[str, Any] = opened["content"]
    return content


def reseal(sealed: bytes | memoryview) -> bytes | None:
    """Return what is sealed under the first key; None where it is already, else UnsealError."""
    first, *_ = keys = [Fernet(key) for key in settings.FAIRDB_TOKEN_KEYS]
    try:
        first.decrypt(bytes(sealed))
    except InvalidToken:
        pass
    else:
        return None
    try:
        return MultiFernet(keys).rotate(bytes(sealed))
    except InvalidToken:
        raise UnsealError from None


def _fernet() -> MultiFernet:
    return MultiFernet([Fernet(key) for key in settings.FAIRDB_TOKEN_KEYS])
