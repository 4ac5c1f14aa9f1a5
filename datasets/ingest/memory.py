"""Memory that a load has used goes back to the system, not to the C library's own stock.

glibc takes arrays of up to 32 MB from its stock once it has met such sizes. The stock falls to
pieces: a load of 1 GB grew from 0.45 to 0.86 GB, of 4 GB to more. With a fixed bound each large
array has a mapping of its own, which goes when the array goes.
"""

import contextlib
import ctypes
from typing import Final

_M_MMAP_THRESHOLD: Final = -3  # malloc.h of glibc
_LARGE: Final = 1 << 22
# a load of less never takes much, and new mappings cost it a tenth of its time
_MUCH: Final = 1 << 28


def give_back_large_arrays(size: int | None) -> None:
    """Tell glibc so, for the whole process, where a file has many bytes or, None, nobody knows.

    Told before they are read: what the stock has by then stays. Another C library is left as it is.
    """
    if size is None or size > _MUCH:
        with contextlib.suppress(AttributeError, OSError):
            ctypes.CDLL(None).mallopt(_M_MMAP_THRESHOLD, _LARGE)
