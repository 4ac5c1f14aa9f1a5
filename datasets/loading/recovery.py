"""Takes back the loads of workers that are gone, and brings back those that the queue forgot.

A worker whose lease ran out is believed to be dead, but it may be paused: a machine that sleeps, a
network cut in two. So its attempt is made an old one, which stores nothing any more, and in the
same transaction its sessions in the database are ended: they hold the locks of the load, of which a
machine that went out would hold them for hours.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import timedelta
from typing import Final
from uuid import UUID

from django.db import OperationalError, connection, transaction
from django.db.backends.utils import CursorWrapper
from django.db.models import Exists, OuterRef
from django.db.models.functions import Now
from django.utils import timezone
from django_tasks_db.models import DBTaskResult
from psycopg2 import errorcodes

from accounts.models import AuditOutcome
from datasets.ingest.turn import lock_of
from datasets.jobs.job import NOBODYS
from datasets.jobs.lease import MOST_LOSSES
from datasets.loading.recording import record_end
from datasets.loading.tasks import enqueue, enqueue_next
from datasets.models import Dataset, Submission
from datasets.services import dataset_discard
from datasets.staging import discard_kept

logger = logging.getLogger(__name__)

State = Submission.State

LOST: Final = (
    f"{MOST_LOSSES} attempts at this file were lost: their workers were killed or out of memory, "
    "or the database ended their connections. Nothing was stored. Ask the operator to look into "
    "it, then try again."
)
_FORGOTTEN: Final = timedelta(seconds=30)  # by then a load that was enqueued is in the queue
_QUEUE_IS_KEPT: Final = timedelta(days=1)
_LONGEST_LOAD: Final = timedelta(days=7)


def take_back_lost() -> int:
    """Take back every load whose lease ran out, to be loaded again; return how many."""
    lost = Submission.objects.filter(state=State.RUNNING, lease_until__lt=Now())
    return sum(map(_take_back, list(lost.values_list("pk", flat=True))))


def enqueue_forgotten() -> int:
    """Have loads come that wait, but are not in the queue: a worker was killed as it took them."""
    waiting = Submission.objects.filter(
        ~Exists(Submission.objects.filter(owner=OuterRef("owner"), state=State.RUNNING)),
        state=State.WAITING,
        owner__is_active=True,
        created_at__lt=timezone.now() - _FORGOTTEN,
    )
    queued = {
        str(argument)
        for task in DBTaskResult.objects.filter(status="READY")
        for argument in task.args_kwargs["args"]
    }
    forgotten = [pk for pk in waiting.values_list("pk", flat=True) if str(pk) not in queued]
    for submission in forgotten:
        enqueue(submission)
    return len(forgotten)


def tidy_queue() -> None:
    """Drop what the queue keeps of tasks that have ended, or whose worker is gone."""
    now = timezone.now()
    DBTaskResult.objects.finished().filter(finished_at__lt=now - _QUEUE_IS_KEPT).delete()
    DBTaskResult.objects.running().filter(started_at__lt=now - _LONGEST_LOAD).delete()


def _take_back(submission_id: UUID) -> bool:
    """Take one back, unless its worker turned out to be alive or another one took it."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("set local lock_timeout = '2s'")
            lost = _still_lost(submission_id)
            if lost is None:
                return False
            left, file = _datasets_of(lost), lost.staged
            _end_sessions(cursor, [lock_of(lost.owner_id, lost.pk), *map(str, left)])
            _next_state(lost)
            lost.save()
            if lost.state != State.WAITING:
                has_failed = lost.state == State.FAILED
                record_end(lost, AuditOutcome.FAILED if has_failed else AuditOutcome.REFUSED)
    except OperationalError as error:
        if getattr(error.__cause__, "pgcode", None) != errorcodes.LOCK_NOT_AVAILABLE:
            raise
        return _interrupt_last_step(submission_id)
    logger.warning("load %s was taken back from a worker that is gone", submission_id)
    for dataset in left:
        dataset_discard(dataset)
    discard_kept(file)  # of one that was cancelled
    if lost.state == State.WAITING:
        enqueue(lost.pk)
        return True
    enqueue_next(lost.owner_id)
    return True


def _interrupt_last_step(submission_id: UUID) -> bool:
    """End the sessions of one that was paused in its last transaction, so that it is rolled back.

    That transaction holds the submission's row; the next round takes the load back.
    """
    lost = Submission.objects.filter(pk=submission_id, lease_until__lt=Now()).first()
    if lost is not None:
        with connection.cursor() as cursor:
            _end_sessions(cursor, list(map(str, _datasets_of(lost))))
    return False


def _still_lost(submission_id: UUID) -> Submission | None:
    lost = Submission.objects.select_for_update().filter(
        pk=submission_id, state=State.RUNNING, lease_until__lt=Now()
    )
    return lost.first()


def _next_state(lost: Submission) -> None:
    """Make its attempt an old one, and say what becomes of it."""
    lost.attempt += 1
    lost.losses += 1
    for name, value in NOBODYS.items():
        setattr(lost, name, value)
    lost.state = State.WAITING
    if lost.cancel_asked:
        lost.state, lost.ended_at, lost.staged = State.CANCELLED, timezone.now(), ""
    elif lost.losses >= MOST_LOSSES:
        lost.state, lost.ended_at = State.FAILED, timezone.now()
        lost.error, lost.error_status = LOST, 500


def _datasets_of(submission: Submission) -> list[UUID]:
    """Return what its attempts made and did not finish."""
    made = Dataset.objects.filter(user_id=submission.owner_id, submission=submission.pk)
    return list(made.exclude(state=Dataset.State.READY).values_list("pk", flat=True))


# pg_locks gives the two halves of the key: https://www.postgresql.org/docs/18/view-pg-locks.html
_END_SESSIONS: Final = """
select pg_terminate_backend(pid, 5000)
  from (
    select distinct l.pid
      from pg_locks l
      join unnest(%s::text[]) name
        on (l.classid::bigint << 32 | l.objid::bigint) = hashtextextended(name, 0)
      where l.locktype = 'advisory' and l.objsubid = 1 and l.granted and l.pid <> pg_backend_pid()
        and l.database = (select oid from pg_database where datname = current_database())
  ) holders
"""


def _end_sessions(cursor: CursorWrapper, locks: Sequence[str]) -> None:
    """End the sessions that hold these advisory locks; ours they are, by the same role."""
    cursor.execute(_END_SESSIONS, [list(locks)])
