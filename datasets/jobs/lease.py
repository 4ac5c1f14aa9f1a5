"""Who may do some work: one attempt at a time holds its lease, and only it may store anything.

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
from typing import Any, ClassVar, Final, Generic, Self, TypeVar, cast
from uuid import UUID

from django.db import Error, IntegrityError, connection, transaction
from django.db.models import Exists, F, OuterRef, QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from accounts.models import AuditOutcome, User
from datasets.jobs.job import NOBODYS, Job, JobState
from fairdb_site.database import renew_if_lost
from fairdb_site.errors import FairdbError

logger = logging.getLogger(__name__)

_Job = TypeVar("_Job", bound=Job)

LEASE: Final = timedelta(seconds=60)
"""How long a worker is believed to be alive since it last said so."""

MOST_LOSSES: Final = 3
"""Attempts that work may lose before it is taken for what ends them."""

_BEAT: Final = 2.0  # seconds between two times it says so, and so how soon it learns of a cancel


class Cancelled(FairdbError):
    """The owner cancelled the work."""

    status = 409
    code = "cancelled"

    def __init__(self) -> None:
        super().__init__("It was cancelled. Nothing was stored.")


class LeaseLost(FairdbError):
    """Another attempt has the work; this one has to stop, and to leave all of it alone."""

    status = 409
    code = "lease_lost"

    def __init__(self) -> None:
        super().__init__("Another worker has taken this over.")


def worker_name() -> str:
    """Return what this process is called among workers."""
    return f"{socket.gethostname()[:48]}:{os.getpid()}"


class Lease(Generic[_Job]):
    """The right to do one piece of work; entered, it is kept alive until it is left.

    `claim` gives one, or None. How it ended is said by one of `stored`, `cancelled`, `failed`,
    `given_back` and `interrupted`, each of which does nothing where another attempt has the work.
    The first three put it on record in the same transaction, as `seal` does in the one that stores
    the dataset.
    """

    model: ClassVar[type[Job]]

    def __init__(self, job: _Job) -> None:
        self.job = job
        self.learnt: dict[str, Any] = {}  # of how far it is, as the next beat writes them
        self.learning = threading.Lock()
        self._ended = threading.Event()
        self._stop: FairdbError | None = None
        self._thread = threading.Thread(target=self._keep_alive, name="lease", daemon=True)

    @classmethod
    def claim(cls, job_id: UUID) -> Self | None:
        """Take the lease of work that waits, unless its owner has another such running."""
        # no join: with one Django would ask for the state in a subquery, which PostgreSQL does not
        # ask again once another worker's claim, for which it waited, has changed the row
        waiting = cls.jobs().filter(
            Exists(User.objects.filter(pk=OuterRef("owner"), is_active=True)),
            pk=job_id,
            state=JobState.WAITING,
        )
        try:
            with transaction.atomic():
                taken = waiting.update(
                    state=JobState.RUNNING,
                    attempt=F("attempt") + 1,
                    worker=worker_name(),
                    lease_until=Now() + LEASE,
                    started_at=Now(),
                    step="starting",
                    step_since=Now(),
                )
                return cls(cls.jobs().get(pk=job_id)) if taken else None
        except IntegrityError:  # one running of each owner
            return None

    @classmethod
    def jobs(cls) -> QuerySet[_Job]:
        """Return all work of this kind."""
        return cast("QuerySet[_Job]", cls.model._default_manager.all())

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

    # -- While it is done -------------------------------------------------------------------------

    def require(self) -> None:
        """Raise Cancelled or LeaseLost where the work is to end."""
        if self._stop is not None:
            raise self._stop

    def progress(self, step: str, done: int, total: int) -> None:
        """Take how far the work is; raises as `require` does."""
        with self.learning:
            if step != self.learnt.get("step"):
                self.learnt |= {"step": step, "step_since": timezone.now()}
            self.learnt |= self.facts_of(step, done, total)
        self.require()

    def facts_of(self, step: str, done: int, total: int) -> dict[str, Any]:
        """Return the fields that say how far a step is."""
        raise NotImplementedError

    def seal(self, dataset: UUID) -> None:
        """Say that the dataset is stored, within the transaction that stores it.

        Raises Cancelled or LeaseLost, and then it is not.
        """
        sealed = self._ours().filter(cancel_asked=False).update(**self._stored(dataset))
        if not sealed:
            raise Cancelled if self._ours().exists() else LeaseLost
        self.record(AuditOutcome.DONE, dataset)

    # -- How it ended -----------------------------------------------------------------------------

    def stored(self, dataset: UUID | None, **facts: Any) -> None:
        """Say that it is done, and what it became; nothing where it was sealed."""
        self._end(AuditOutcome.DONE, **(self._stored(dataset) | facts))
        self.discard()

    def cancelled(self) -> None:
        """Say that it was cancelled; what is held for it goes."""
        self._end(AuditOutcome.REFUSED, state=JobState.CANCELLED, error="", **self.held_no_more)
        self.discard()

    def failed(
        self, facts: Mapping[str, Any], *, outcome: AuditOutcome, file_is_kept: bool = False
    ) -> None:
        """Say why it failed; what is held for it goes where another try would be of no use."""
        left: dict[str, Any] = {} if file_is_kept else self.held_no_more
        self._end(outcome, state=JobState.FAILED, **facts, **left)
        if not file_is_kept:
            self.discard()

    def given_back(self) -> bool:
        """Put it back to those that wait, as nothing was wrong with it; return whether it was."""
        return bool(self._ours().update(state=JobState.WAITING, **NOBODYS))

    def interrupted(self) -> bool:
        """Put it back to those that wait, as one that lost an attempt, unless it lost too many.

        Return whether it was.
        """
        renew_if_lost()
        ours = self._ours().filter(losses__lt=MOST_LOSSES - 1)
        return bool(ours.update(state=JobState.WAITING, losses=F("losses") + 1, **NOBODYS))

    def record(self, outcome: AuditOutcome, dataset: UUID | None) -> None:
        """Put on record how it ended, within the transaction in which it does."""
        raise NotImplementedError

    held_no_more: ClassVar[dict[str, Any]] = {}
    """The fields of work for which nothing is held any more."""

    def discard(self) -> None:
        """Drop what is held for the work beside its row."""

    def _end(self, outcome: AuditOutcome, *, dataset: UUID | None = None, **facts: Any) -> None:
        renew_if_lost()
        with transaction.atomic():
            ended = {"ended_at": Now(), "dataset": dataset} | NOBODYS | facts
            if self._ours().update(**ended):
                self.record(outcome, dataset)

    def _stored(self, dataset: UUID | None) -> dict[str, Any]:
        ended = {"state": JobState.STORED, "dataset": dataset, "ended_at": Now()}
        return NOBODYS | ended | self.held_no_more

    def _ours(self) -> QuerySet[_Job]:
        return self.jobs().filter(pk=self.job.pk, attempt=self.job.attempt, state=JobState.RUNNING)

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
        with self.learning:
            facts = dict(self.learnt)
        if not self._ours().update(lease_until=Now() + LEASE, **facts):
            return LeaseLost()
        return Cancelled() if self._ours().filter(cancel_asked=True).exists() else None
