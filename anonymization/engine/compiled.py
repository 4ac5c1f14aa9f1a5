"""Compilation of kernels by numba: cached between processes, and run without the interpreter lock.

Kernels run side by side in Python's own threads. numba's `parallel=True` is not used: where two
threads of a web worker come to its scheduler at one moment, it ends the process.
"""

from collections.abc import Callable
from typing import TypeVar, cast

import numba

_Function = TypeVar("_Function", bound=Callable[..., object])


def compiled(function: _Function) -> _Function:
    """Return the function compiled at its first call with arguments of some types."""
    return cast("_Function", numba.njit(cache=True, nogil=True)(function))
