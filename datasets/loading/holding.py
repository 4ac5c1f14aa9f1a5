"""How long submissions and their files are held, and what goes with a dataset or an account."""

from __future__ import annotations

from datetime import timedelta
from typing import Final
from uuid import UUID

from django.conf import settings
from django.db import connection
from django.db.models import Q
from django.utils import timezone

from datasets.models import Submission
from datasets.staging import discard_kept
from fairdb_site.errors import Conflict

State = Submission.State
UNDER_WAY = (State.WAITING, State.RUNNING)

_ON_THE_LIST: Final = timedelta(days=90)  # loads that came to nothing


def submissions_expire() -> int:
    """Let go of files that nobody asked for in FAIRDB_STAGED_HOURS; return how many.

    Drafts go with theirs. A load that failed stays on the list, to be sent again, and leaves it
    90 days after it ended.
    """
    oldest = timezone.now() - timedelta(hours=settings.FAIRDB_STAGED_HOURS)
    drafts, _ = Submission.objects.filter(state=State.DRAFT, created_at__lt=oldest).delete()
    held = Submission.objects.exclude(staged="").exclude(state__in=(State.DRAFT, *UNDER_WAY))
    ended = Submission.objects.filter(state__in=(State.FAILED, State.CANCELLED))
    ended.filter(ended_at__lt=timezone.now() - _ON_THE_LIST).delete()
    return drafts + held.filter(Q(ended_at__lt=oldest) | Q(ended_at=None)).update(staged="")


def make_place(account: UUID) -> None:
    """Make room for another file of an account, which has FAIRDB_MAX_HELD at most.

    Files of loads that failed go, the oldest first. Raises Conflict where that is not enough.
    """
    held = Submission.objects.filter(owner=account).exclude(staged="")
    too_many = held.count() + 1 - settings.FAIRDB_MAX_HELD
    if too_many <= 0:
        return
    failed = held.filter(state=State.FAILED).order_by("ended_at")
    files = dict(failed.values_list("pk", "staged")[:too_many])
    if len(files) < too_many:
        raise _too_many_held()
    failed.filter(pk__in=files).update(staged="")
    for name in files.values():
        discard_kept(name)


def take_place(account: UUID, key: UUID | None) -> None:
    """Take the place that was made, in the transaction that holds the file; Conflict if it is gone.

    Somebody who sends many files at one moment had a place made for each before any was taken. The
    file that was sent before with the same `key` gives its place up.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "select pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"files held of {account}"]
        )
    held = Submission.objects.filter(owner=account).exclude(staged="")
    others = held.exclude(key=key) if key else held
    if others.count() >= settings.FAIRDB_MAX_HELD:
        raise _too_many_held()


def _too_many_held() -> Conflict:
    return Conflict(
        f"{settings.FAIRDB_MAX_HELD} files of yours wait here already. Nothing of this one was "
        "kept. Wait until some of them are loaded, or cancel loads that you do not need."
    )


def submissions_forget(dataset: UUID) -> None:
    """Drop what is on record of the load of a dataset, which is being deleted."""
    Submission.objects.filter(dataset=dataset).delete()


def submissions_stop(account: UUID) -> None:
    """Ask for all loads of an account to end; those that no worker has end at once."""
    mine = Submission.objects.filter(owner=account)
    mine.filter(state=State.RUNNING).update(cancel_asked=True)
    mine.filter(state__in=(State.DRAFT, State.WAITING)).update(
        state=State.CANCELLED, ended_at=timezone.now()
    )


def submissions_drop(account: UUID) -> bool:
    """Drop an account's loads with their files, but those that a worker has; whether all went."""
    mine = Submission.objects.filter(owner=account)
    ended = mine.exclude(state=State.RUNNING)
    files = list(ended.exclude(staged="").values_list("staged", flat=True))
    ended.delete()
    for name in files:
        discard_kept(name)
    return not mine.exists()
