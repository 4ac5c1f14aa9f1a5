"""The child process of `sandbox`, which starts it as a program and says its arguments.

Writes frames to standard output: what was found (JSON), the table as CSV text in pieces, and after
an empty frame the verdict (JSON).
"""

import ctypes
import json
import os
import signal
import sys
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import BinaryIO, Final

from fairdb_site.errors import FairdbError, TooLarge

from .sandbox import FRAME_BYTES, Facts, too_much_memory
from .sheets import SheetRefused

_PR_SET_PDEATHSIG: Final = 1  # prctl(2)
_GRACE: Final = 5  # seconds between the signal that tells of too much time and the one that kills


class Frames:
    """Writes what it is given, the length before it; as a file, for Polars."""

    def __init__(self, out: BinaryIO) -> None:
        self._out = out

    def write(self, data: bytes) -> int:
        """Write one frame, unless it is empty."""
        if data:
            self._out.write(len(data).to_bytes(FRAME_BYTES))
            self._out.write(data)
            self._out.flush()
        return len(data)

    def facts(self, facts: Facts) -> None:
        """Write what was found; the first frame."""
        self.write(json.dumps(asdict(facts)).encode())

    def verdict(self, **verdict: object) -> None:
        """Write the end."""
        self._out.write(bytes(FRAME_BYTES) + json.dumps(verdict).encode())
        self._out.flush()


def _limit(memory: int, cpu_seconds: int, seconds: float) -> None:
    """Bound this process; systems without such a bound go without."""
    with suppress(OSError, AttributeError):  # nobody is left to read what it would write
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)  # ends the process whatever it is doing
    signal.setitimer(signal.ITIMER_REAL, seconds)
    with suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds + _GRACE))
        # private memory that can be written; address space is taken by threads without being used
        resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))


def _main(form: str, descriptor: int, sheet: str | None) -> None:
    os.environ["POLARS_MAX_THREADS"] = "2"
    frames = Frames(sys.stdout.buffer)
    path = Path(f"/dev/fd/{descriptor}")
    try:
        if form == "parquet":
            from .parquet import write_parquet

            write_parquet(path, frames, sheet=sheet)
        else:
            from .workbook import write_workbook

            write_workbook(path, frames, form=form, sheet=sheet)
    except TooLarge as error:
        frames.verdict(too_large=error.message)
    except FairdbError as error:
        sheets = error.sheets if isinstance(error, SheetRefused) else ()
        frames.verdict(
            refused=error.message, option=error.option, sheets=[asdict(sheet) for sheet in sheets]
        )
    except MemoryError:
        frames.verdict(too_large=too_much_memory())
    else:
        frames.verdict()


if __name__ == "__main__":
    _limit(int(sys.argv[3]), int(sys.argv[4]), float(sys.argv[5]))
    _main(sys.argv[1], int(sys.argv[2]), sys.argv[6] if len(sys.argv) > 6 else None)
