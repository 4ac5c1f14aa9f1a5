"""What a worker does beside its loads, in a thread of its own: is seen, counts again, clears up."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from types import TracebackType
from typing import Final, Self

from django.conf import settings
from django.db import connection, transaction
from django.db.models.functions import Now

from datasets.clearing import clear_up
from datasets.correcting.recount import recount_outdated
from datasets.jobs.lease import worker_name
from datasets.loading.recovery import enqueue_forgotten, take_back_lost, tidy_queue
from datasets.models import Worker
from fairdb_site.supabase.clients import import_supabase

logger = logging.getLogger(__name__)

_ROUND: Final = 5.0  # seconds
_GONE: Final = timedelta(days=1)  # workers that were not seen for as long are forgotten


class Chores:
    """The chores of one worker; entered, they are done every few seconds until it is left."""

    def __init__(self) -> None:
        self._name = worker_name()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="chores", daemon=True)

    def __enter__(self) -> Self:
        """Begin."""
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Sign off; a chore that is being done is left to the end of the process."""
        self._ended.set()
        self._thread.join(timeout=_ROUND)

    def _run(self) -> None:
        import_supabase()  # a second, which the first load need not wait
        while True:
            for chore in (
                self._be_seen, take_back_lost, enqueue_forgotten, recount_outdated, self._clear_up,
            ):  # fmt: skip
                self._do(chore)
            if self._ended.wait(_ROUND):
                break
        self._do(Worker.objects.filter(name=self._name).delete)
        connection.close()

    def _do(self, chore: Callable[[], object]) -> None:
        try:
            chore()
        except Exception as error:  # the database is away, say: the next round comes
            logger.warning("a chore failed: %s", type(error).__name__)
            connection.close()

    def _be_seen(self) -> None:
        Worker.objects.update_or_create(name=self._name, defaults={"seen_at": Now()})
        Worker.objects.filter(seen_at__lt=Now() - _GONE).delete()

    def _clear_up(self) -> None:
        """Run what `reap_uploads` runs, every FAIRDB_REAP_MINUTES by one worker of all."""
        if not settings.FAIRDB_REAP_MINUTES or not self._is_due():
            return
        started = time.monotonic()
        cleared = clear_up()
        if cleared.datasets or cleared.parts or cleared.files or cleared.accounts:
            for words in cleared.in_words():
                logger.info("cleared up in %.1f s: %s", time.monotonic() - started, words)
        tidy_queue()

    def _is_due(self) -> bool:
        """Whether it is this worker's turn to clear up, which is on record from now on."""
        every = timedelta(minutes=settings.FAIRDB_REAP_MINUTES)
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("select pg_try_advisory_xact_lock(hashtextextended('clearing up', 0))")
            if cursor.fetchone() != (True,):
                return False
            if Worker.objects.filter(reaped_at__gt=Now() - every).exists():
                return False
            Worker.objects.filter(name=self._name).update(reaped_at=Now())
        return True
