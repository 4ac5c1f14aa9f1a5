"""A new order of the rows, so that their places join nothing to where they came from."""

import hashlib
import os
from typing import Final

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import ChaCha20

from anonymization.engine.problem import Ints

_BLOCK: Final = 1 << 20
_NONCE: Final = bytes(16)  # each key is used for one stream alone
_CONTEXT: Final = b"order of rows "


def shuffled(rows: int, *, seed: int | None = None) -> Ints:
    """Return the rows 0 to rows - 1 in an order that nobody can tell without the seed.

    By ChaCha20 (RFC 8439) under the seed's SHA-256, or without a seed under 32 bytes of the
    system's randomness: the same seed gives the same order on every machine. Who knows the seed can
    undo it, and a small one is guessed: it stays with the source, a result is published without.
    """
    key = os.urandom(32) if seed is None else hashlib.sha256(_CONTEXT + str(seed).encode()).digest()
    stream = Cipher(ChaCha20(key, _NONCE), mode=None).encryptor()
    words = np.empty(rows, dtype=np.uint64)
    for start in range(0, rows, _BLOCK):
        count = min(_BLOCK, rows - start)
        words[start : start + count] = np.frombuffer(stream.update(bytes(8 * count)), dtype="<u8")
    # of 3,000,000 words two are alike once in four million orders: they stay as they come
    return np.argsort(words, kind="stable").astype(np.int64)
