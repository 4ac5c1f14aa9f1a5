"""What a worker does with a submission: load its file, and say how that ended.

The queue holds the submission's id and nothing else. Nothing is raised to it but the end of the
process: what an exception says may quote a cell.
"""

from __future__ import annotations

import logging
from datetime import timedelta
from http import HTTPStatus
from typing import Any, Final
from uuid import UUID

from django.db import Error
from django.utils import timezone
from django_tasks import task

from accounts import audit
from accounts.models import AuditOutcome
from datasets.faults import Interrupted
from datasets.ingest.interruption import interrupted_by
from datasets.ingest.slots import Busy
from datasets.ingest.turn import UnderWay
from datasets.jobs.lease import Cancelled, LeaseLost
from datasets.loading.asked import Asked
from datasets.loading.lease import LoadLease
from datasets.models import Submission
from datasets.staging import open_kept
from fairdb_site.database import is_outage, renew_if_lost
from fairdb_site.errors import FairdbError

logger = logging.getLogger(__name__)

# until a load comes back that found its owner or the server busy, or the database gone
_LATER: Final = timedelta(seconds=10)

UNEXPECTED: Final = (
    "Something went wrong on the server while this file was loaded. Nothing was stored. Try again; "
    "if it happens again, tell the operator the number of this load."
)


def enqueue(submission_id: UUID, *, after: timedelta | None = None) -> None:
    """Have a submission loaded by the next worker that is free; within the caller's transaction."""
    run_after = timezone.now() + after if after else None
    load_submission.using(run_after=run_after).enqueue(str(submission_id))


@task()
def load_submission(submission_id: str) -> None:
    """Load a submission, unless somebody does, its owner has another load running, or it ended."""
    lease = LoadLease.claim(UUID(submission_id))
    if lease is None:
        return
    try:
        has_ended = _load(lease)
    except (SystemExit, KeyboardInterrupt) as ended:
        renew_if_lost()
        if lease.given_back():  # the worker is told to end at once: another one goes on
            enqueue(lease.job.pk)
        raise type(ended)(*ended.args) from None
    except Error as error:
        # the database is away: the lease runs out, and the load is taken back
        logger.warning("load %s is left as it is: %s", submission_id, type(error).__name__)
    else:
        if has_ended:
            enqueue_next(lease.job.owner_id)


def enqueue_next(owner_id: UUID) -> None:
    """Have the next load of an owner come, which may have found another one running."""
    waiting = Submission.objects.filter(owner=owner_id, state=Submission.State.WAITING)
    if (following := waiting.order_by("created_at").first()) is not None:
        enqueue(following.pk)


def _load(lease: LoadLease) -> bool:
    """Load the file and say how that ended; False where it comes later, or by another worker.

    Raises what says that the process is to end, and an Error where the database is away.
    """
    from datasets.ingest.pipeline import dataset_import  # a second, which idle workers need not

    submission = lease.job
    try:
        with lease, interrupted_by(lease.require):
            receipt = dataset_import(
                owner=submission.owner,
                source=lambda: lease.counted(open_kept(submission.staged)),
                file_name=submission.file_name,
                submission=submission.pk,
                replaces=submission.replaces,
                progress=lease.progress,
                last=lease.seal,
                **Asked.of(submission).as_arguments(),
            )
    except LeaseLost:
        logger.warning("load %s was taken over by another worker", submission.pk)
        return False
    except (UnderWay, Busy):
        if lease.given_back():
            enqueue(submission.pk, after=_LATER)
        return False
    except Cancelled:
        lease.cancelled()
    except FairdbError as error:
        if isinstance(error, Interrupted) and lease.interrupted():
            enqueue(submission.pk, after=_LATER)
            return False
        lease.failed(
            _told(error),
            outcome=audit.outcome_of(error),
            file_is_kept=_another_try_may_do(error),
        )
    except Exception as error:
        if is_outage(error):
            raise
        logger.exception("load %s failed", submission.pk)
        facts = {"error": UNEXPECTED, "error_status": 500}
        lease.failed(facts, outcome=AuditOutcome.FAILED, file_is_kept=True)
    else:
        lease.stored(receipt.dataset)
    return True


def _told(error: FairdbError) -> dict[str, Any]:
    """Return what is kept of an error: its sentence, and what would mend it."""
    return {
        "error": error.message,
        "error_status": error.status,
        "error_option": error.option,
        "suggestion": getattr(error, "name", ""),  # of AnotherIdLikely
    }


def _another_try_may_do(error: FairdbError) -> bool:
    """Whether the same file may be stored later, or with another option."""
    return bool(error.option) or error.status != HTTPStatus.BAD_REQUEST
