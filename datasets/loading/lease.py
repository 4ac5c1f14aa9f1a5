"""Who may load a submission: one attempt at a time holds its lease, and only it may store anything.

A worker takes the lease by one conditional UPDATE, which counts the attempt. A thread of its own
says every few seconds that it is alive, writes how far it is, and learns whether the owner cancels.
The transaction that stores the dataset ends with another conditional UPDATE: it changes nothing
where the attempt is not the newest any more, and then all is rolled back. So a worker that was
paused for minutes stores nothing when it wakes up, whatever it believes. Times are the database's.
"""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
from collections.abc import Mapping
from datetime import timedelta
from types import TracebackType
from typing import Any, BinaryIO, Final, Self
from uuid import UUID

from django.db import Error, IntegrityError, connection, transaction
from django.db.models import Exists, F, OuterRef, QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from accounts.models import AuditOutcome, User
from datasets.loading.recording import record_end
from datasets.models import Submission
from datasets.staging import discard_kept
from fairdb_site.database import renew_if_lost
from fairdb_site.errors import FairdbError

logger = logging.getLogger(__name__)

State = Submission.State

LEASE: Final = timedelta(seconds=60)
"""How long a worker is believed to be alive since it last said so."""

MOST_LOSSES: Final = 3
"""Attempts that a load may lose before it is taken for what ends them."""

_BEAT: Final = 2.0  # seconds between two times it says so, and so how soon it learns of a cancel


class Cancelled(FairdbError):
    """The owner cancelled the load."""

    status = 409
    code = "cancelled"

    def __init__(self) -> None:
        super().__init__("The load was cancelled. Nothing was stored.")


class LeaseLost(FairdbError):
    """Another attempt has the load; this one has to stop, and to leave all of it alone."""

    status = 409
    code = "lease_lost"

    def __init__(self) -> None:
        super().__init__("Another worker has taken this load over.")


def worker_name() -> str:
    """Return what this process is called among workers."""
    return f"{socket.gethostname()[:48]}:{os.getpid()}"


class Lease:
    """The right to load one submission; entered, it is kept alive until it is left.

    `claim` gives one, or None. How it ended is said by one of `stored`, `cancelled`, `failed`,
    `given_back` and `interrupted`, each of which does nothing where another attempt has the load.
    The first three put it on record in the same transaction, as `seal` does in the one that stores
    the dataset.
    """

    def __init__(self, submission: Submission) -> None:
        self.submission = submission
        self._facts: dict[str, Any] = {}  # of how far it is, as the next beat writes them
        self._learning = threading.Lock()
        self._ended = threading.Event()
        self._stop: FairdbError | None = None
        self._thread = threading.Thread(target=self._keep_alive, name="lease", daemon=True)

    @classmethod
    def claim(cls, submission_id: UUID) -> Lease | None:
        """Take the lease of a submission that waits, unless its owner has another load running."""
        # no join: with one Django would ask for the state in a subquery, which PostgreSQL does not
        # ask again once another worker's claim, for which it waited, has changed the row
        waiting = Submission.objects.filter(
            Exists(User.objects.filter(pk=OuterRef("owner"), is_active=True)),
            pk=submission_id,
            state=State.WAITING,
        )
        try:
            with transaction.atomic():
                taken = waiting.update(
                    state=State.RUNNING,
                    attempt=F("attempt") + 1,
                    worker=worker_name(),
                    lease_until=Now() + LEASE,
                    started_at=Now(),
                    step="starting",
                    step_since=Now(),
                )
                return cls(Submission.objects.get(pk=submission_id)) if taken else None
        except IntegrityError:  # datasets_submission_one_running
            return None

    def __enter__(self) -> Self:
        """Begin to keep it alive."""
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Keep it alive no longer."""
        self._ended.set()
        self._thread.join()

    # -- While it is loaded -----------------------------------------------------------------------

    def require(self) -> None:
        """Raise Cancelled or LeaseLost where the work is to end."""
        if self._stop is not None:
            raise self._stop

    def progress(self, step: str, done: int, total: int) -> None:
        """Take how far the load is; raises as `require` does."""
        with self._learning:
            if step != self._facts.get("step"):
                self._facts |= {"step": step, "step_since": timezone.now()}
            if step == "storing":
                self._facts |= {"rows_done": done, "rows_total": total}
        self.require()

    def counted(self, file: BinaryIO) -> BinaryIO:
        """Return the file, whose bytes are counted as they are read; `require` for each piece."""
        return Counted(file, self)  # type: ignore[return-value]  # it has what is read with

    def read(self, count: int) -> None:
        """Take how many bytes of the file were read in this pass."""
        with self._learning:
            self._facts["bytes_done"] = count
        self.require()

    def seal(self, dataset: UUID) -> None:
        """Say that the dataset is stored, within the transaction that stores it.

        Raises Cancelled or LeaseLost, and then it is not.
        """
        sealed = self._ours().filter(cancel_asked=False).update(**self._stored(dataset))
        if not sealed:
            raise Cancelled if self._ours().exists() else LeaseLost
        record_end(self.submission, AuditOutcome.DONE, dataset)

    # -- How it ended -----------------------------------------------------------------------------

    def stored(self, dataset: UUID) -> None:
        """Say that the dataset is stored; nothing where it was sealed."""
        self._end(AuditOutcome.DONE, **self._stored(dataset))
        discard_kept(self.submission.staged)

    def cancelled(self) -> None:
        """Say that it was cancelled; its file goes."""
        self._end(AuditOutcome.REFUSED, state=State.CANCELLED, staged="", error="")
        discard_kept(self.submission.staged)

    def failed(
        self, facts: Mapping[str, Any], *, outcome: AuditOutcome, file_is_kept: bool
    ) -> None:
        """Say why it failed; its file goes where another try would be of no use."""
        left: dict[str, Any] = {} if file_is_kept else {"staged": ""}
        self._end(outcome, state=State.FAILED, **facts, **left)
        if not file_is_kept:
            discard_kept(self.submission.staged)

    def given_back(self) -> bool:
        """Put it back to those that wait, as nothing was wrong with it; return whether it was."""
        return bool(self._ours().update(state=State.WAITING, **NOBODYS))

    def interrupted(self) -> bool:
        """Put it back to those that wait, as one that lost an attempt, unless it lost too many.

        Return whether it was.
        """
        renew_if_lost()
        ours = self._ours().filter(losses__lt=MOST_LOSSES - 1)
        return bool(ours.update(state=State.WAITING, losses=F("losses") + 1, **NOBODYS))

    def _end(self, outcome: AuditOutcome, *, dataset: UUID | None = None, **facts: Any) -> None:
        renew_if_lost()
        with transaction.atomic():
            ended = {"ended_at": Now(), "dataset": dataset} | NOBODYS | facts
            if self._ours().update(**ended):
                record_end(self.submission, outcome, dataset)

    def _stored(self, dataset: UUID) -> dict[str, Any]:
        ended = {"state": State.STORED, "dataset": dataset, "staged": "", "ended_at": Now()}
        return NOBODYS | ended

    def _ours(self) -> QuerySet[Submission]:
        return Submission.objects.filter(
            pk=self.submission.pk, attempt=self.submission.attempt, state=State.RUNNING
        )

    # -- Keeping it alive -------------------------------------------------------------------------

    def _keep_alive(self) -> None:
        believed = time.monotonic() + LEASE.total_seconds()
        try:
            while not self._ended.wait(_BEAT) and self._stop is None:
                now = time.monotonic()
                try:
                    self._stop = self._beat()
                except Error as error:
                    logger.warning("a lease was not renewed: %s", type(error).__name__)
                    connection.close()
                    if now >= believed:
                        self._stop = LeaseLost()
                else:
                    believed = now + LEASE.total_seconds()
        finally:
            connection.close()  # this thread's own

    def _beat(self) -> FairdbError | None:
        """Renew the lease; return why the work is to end, if it is."""
        with self._learning:
            facts = dict(self._facts)
        if not self._ours().update(lease_until=Now() + LEASE, **facts):
            return LeaseLost()
        return Cancelled() if self._ours().filter(cancel_asked=True).exists() else None


NOBODYS: Final = {"worker": "", "lease_until": None}
"""The fields of a submission that no worker has."""


class Counted:
    """A binary file that counts what is read of it for a lease."""

    def __init__(self, file: BinaryIO, lease: Lease) -> None:
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
