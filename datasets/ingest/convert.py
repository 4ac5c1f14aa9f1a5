"""The child process of `sandbox`: `python -m datasets.ingest.convert FORM DESCRIPTOR [SHEET]`.

Writes frames to standard output: what was found (JSON), the table as CSV text in pieces, and after
an empty frame the verdict (JSON).
"""

import json
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from fairdb_site.errors import FairdbError, TooLarge

from .sandbox import CPU_SECONDS, FRAME_BYTES, MEMORY, Facts, too_much_memory


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
        self.write(json.dumps({"why": facts.why, "sheet": facts.sheet}).encode())

    def verdict(self, **verdict: str) -> None:
        """Write the end."""
        self._out.write(bytes(FRAME_BYTES) + json.dumps(verdict).encode())
        self._out.flush()


def _limit() -> None:
    """Bound this process; systems without such a bound go without."""
    with suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
        # private memory that can be written; address space is taken by threads without being used
        resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))


def _main(form: str, descriptor: int, sheet: str | None) -> None:
    _limit()
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
        frames.verdict(refused=error.message)
    except MemoryError:
        frames.verdict(too_large=too_much_memory())
    else:
        frames.verdict()


if __name__ == "__main__":
    _main(sys.argv[1], int(sys.argv[2]), sys.argv[3] if len(sys.argv) > 3 else None)
