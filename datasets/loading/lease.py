"""The lease of a load: counts what is read of its file, and lets go of the file in the end."""

from __future__ import annotations

from typing import Any, BinaryIO, ClassVar, Self
from uuid import UUID

from accounts.models import AuditOutcome
from datasets.jobs.lease import Lease
from datasets.loading.recording import record_end
from datasets.models import Submission
from datasets.staging import discard_kept


class LoadLease(Lease[Submission]):
    """The right to load one submission."""

    model = Submission
    held_no_more: ClassVar[dict[str, Any]] = {"staged": ""}

    def facts_of(self, step: str, done: int, total: int) -> dict[str, Any]:
        """Return how many rows are stored."""
        return {"rows_done": done, "rows_total": total} if step == "storing" else {}

    def counted(self, file: BinaryIO) -> BinaryIO:
        """Return the file, whose bytes are counted as they are read; `require` for each piece."""
        return Counted(file, self)  # type: ignore[return-value]  # it has what is read with

    def read(self, count: int) -> None:
        """Take how many bytes of the file were read in this pass."""
        with self.learning:
            self.learnt["bytes_done"] = count
        self.require()

    def record(self, outcome: AuditOutcome, dataset: UUID | None) -> None:
        """Put on record how it ended."""
        record_end(self.job, outcome, dataset)

    def discard(self) -> None:
        """Drop the file."""
        discard_kept(self.job.staged)


class Counted:
    """A binary file that counts what is read of it for a lease."""

    def __init__(self, file: BinaryIO, lease: LoadLease) -> None:
        self._file = file
        self._lease = lease
        self._count = 0

    def read(self, size: int = -1, /) -> bytes:
        """Return the next bytes."""
        data = self._file.read(size)
        self._count += len(data)
        self._lease.read(self._count)
        return data

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __enter__(self) -> Self:
        """Give the file."""
        return self

    def __exit__(self, *error: object) -> None:
        """Close the file."""
        self.close()
