"""Loads as pages show them: where each is, how far, and how long it will take."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.db.models import Q
from django.utils import timezone

from datasets.loading.workers import workers_there
from datasets.models import Submission
from fairdb_site.errors import NotFound

State = Submission.State

LOADS_A_PAGE: Final = 50
NEWEST_LOADS: Final = 5  # on the dashboard
_NEWS: Final = timedelta(days=2)  # for which the dashboard tells of a load that failed

STEPS: Final = {
    "waiting": "Waiting for its turn",
    "starting": "Beginning",
    "reading": "Reading the file",
    "creating": "Making its tables",
    "storing": "Storing the rows",
    "sealing": "Sealing",
}
_ALL_STEPS: Final = ("reading", "creating", "storing", "sealing")
_SHARES: Final = {"reading": (0.0, 0.45), "creating": (0.45, 0.5), "storing": (0.5, 0.98)}
"""From where to where each step takes the bar; storing takes up to 1.5 times as long as reading."""

_TOLD_AFTER: Final = 2.0  # seconds of a step, before which its pace says nothing


@dataclass(frozen=True)
class Step:
    """One step of a load: `is_done`, or `is_now`, or to come."""

    words: str
    is_done: bool
    is_now: bool


@dataclass(frozen=True)
class ShownLoad:
    """A load as its owner sees it; `now` is when it was looked at."""

    submission: Submission
    now: datetime
    has_worker: bool = True
    is_behind_own: bool = False
    ahead: int = 0

    @property
    def id(self) -> UUID:
        """Its number."""
        return self.submission.pk

    @property
    def is_under_way(self) -> bool:
        """Whether it will change by itself."""
        return self.submission.state in (State.WAITING, State.RUNNING)

    @property
    def asked_every(self) -> int:
        """After how many seconds its page asks again: the longer a step takes, the later."""
        since = self.submission.step_since or self.submission.created_at
        minutes = (self.now - since) / timedelta(minutes=1)
        return 1 if minutes < 2 else 5 if minutes < 30 else 30

    @property
    def is_lost(self) -> bool:
        """Whether its worker was not heard of any more; another one takes it over."""
        until = self.submission.lease_until
        return self.submission.state == State.RUNNING and until is not None and until < self.now

    @property
    def step(self) -> str:
        """What is being done."""
        if self.submission.state == State.WAITING:
            return STEPS["waiting"]
        return STEPS.get(self.submission.step, STEPS["starting"])

    @property
    def steps(self) -> Sequence[Step]:
        """All steps, in order."""
        is_running = self.submission.state == State.RUNNING
        at = _ALL_STEPS.index(self.submission.step) if self.submission.step in _ALL_STEPS else -1
        return [
            Step(STEPS[name], is_done=place < at, is_now=is_running and place == at)
            for place, name in enumerate(_ALL_STEPS)
        ]

    @property
    def percent(self) -> int | None:
        """How far it is (0..100); None while nobody knows."""
        if self.submission.state != State.RUNNING:
            return None
        begin, end = _SHARES.get(self.submission.step, (None, None))
        if begin is None or end is None:
            return 98 if self.submission.step == "sealing" else None
        return int(100 * (begin + (end - begin) * (self._share_of_step or 0.0)))

    @property
    def seconds_left(self) -> float | None:
        """About how long it will take (seconds); None while nobody can say."""
        share, since = self._share_of_step, self.submission.step_since
        if self.submission.state != State.RUNNING or not share or since is None or self.is_lost:
            return None
        took = (self.now - since).total_seconds()
        if took < _TOLD_AFTER:
            return None
        whole = took / share
        left = whole - took
        return left + 1.5 * whole if self.submission.step == "reading" else left

    @property
    def time_left(self) -> str:
        """About how long it will take, in words; empty while nobody can say."""
        left = self.seconds_left
        if left is None:
            return ""
        if left < 10:
            return "a few seconds left"
        if left < 55:
            return f"about {round(left, -1):.0f} seconds left"
        minutes = max(1, round(left / 60))
        if minutes < 90:
            return f"about {minutes} minute{'s' if minutes > 1 else ''} left"
        return f"about {minutes / 60:.0f} hours left"

    @property
    def can_be_cancelled(self) -> bool:
        """Whether there is anything to cancel, and nobody has yet."""
        is_open = self.is_under_way or self.submission.state == State.DRAFT
        return is_open and not self.submission.cancel_asked

    @property
    def can_be_tried_again(self) -> bool:
        """Whether it failed and its file is still held."""
        return self.submission.state == State.FAILED and bool(self.submission.staged)

    @property
    def is_ours(self) -> bool:
        """Whether it failed for a reason that the file is not at fault for."""
        return (self.submission.error_status or 0) >= 500

    @property
    def _share_of_step(self) -> float | None:
        submission = self.submission
        if submission.step == "reading" and submission.file_bytes:
            return min(submission.bytes_done / submission.file_bytes, 1.0)
        if submission.step == "storing" and submission.rows_total:
            return min(submission.rows_done / submission.rows_total, 1.0)
        return None


def load_get(*, owner_id: UUID, submission_id: UUID) -> ShownLoad:
    """Return one load of this owner; a missing one and someone else's are NotFound alike."""
    submission = Submission.objects.filter(owner=owner_id, pk=submission_id).first()
    if submission is None:
        raise NotFound("There is no such load, or it is not yours.")
    return _shown([submission])[0]


def load_list(
    *, owner_id: UUID, before: datetime | None = None
) -> tuple[Sequence[ShownLoad], Submission | None]:
    """Return a page of an owner's loads, newest first, and after which one the next goes on."""
    found = Submission.objects.filter(owner=owner_id).order_by("-created_at")
    if before is not None:
        found = found.filter(created_at__lt=before)
    page = list(found[: LOADS_A_PAGE + 1])
    more = page[LOADS_A_PAGE - 1] if len(page) > LOADS_A_PAGE else None
    return _shown(page[:LOADS_A_PAGE]), more


def loads_open(*, owner_id: UUID) -> Sequence[ShownLoad]:
    """Return an owner's loads that are not done with: under way, drafts, and what failed lately."""
    open_ones = Submission.objects.filter(owner=owner_id).filter(
        Q(state__in=(State.DRAFT, State.WAITING, State.RUNNING))
        | Q(state=State.FAILED, ended_at__gt=timezone.now() - _NEWS)
    )
    return _shown(list(open_ones.order_by("-created_at")[:NEWEST_LOADS]))


def _shown(submissions: Iterable[Submission]) -> list[ShownLoad]:
    now, submissions = timezone.now(), list(submissions)
    waiting = [one for one in submissions if one.state == State.WAITING]
    if not waiting:
        return [ShownLoad(one, now) for one in submissions]
    has_worker = workers_there() > 0
    running = Submission.objects.filter(state=State.RUNNING, owner=waiting[0].owner_id).exists()
    queue = Submission.objects.filter(state=State.WAITING).values_list("created_at", flat=True)
    since = list(queue)
    return [
        ShownLoad(
            one,
            now,
            has_worker=has_worker,
            is_behind_own=running,
            ahead=sum(at < one.created_at for at in since),
        )
        for one in submissions
    ]
