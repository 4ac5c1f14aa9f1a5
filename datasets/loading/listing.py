"""Loads as an operator sees them: whose, how far, and what they were told."""

from __future__ import annotations

from typing import Final, TypedDict
from uuid import UUID

from datasets.loading.holding import UNDER_WAY
from datasets.loading.submissions import submission_cancel
from datasets.models import Submission
from fairdb_site.errors import NotFound

MOST: Final = 1_000


class LoadEntry(TypedDict):
    """What `list_loads` says of one load."""

    load: UUID
    title: str
    owner: str  # e-mail
    state: str
    step: str
    bytes: int
    bytes_done: int
    rows_done: int
    rows_total: int  # 0 while nobody knows
    attempts: int
    worker: str
    error: str
    dataset: UUID | None
    sent_at: str  # ISO 8601
    ended_at: str | None


def load_entries(*, owner_id: UUID | None = None, under_way: bool = False) -> list[LoadEntry]:
    """Return the newest 1,000 loads, newest first; of one owner, or not yet ended, where asked."""
    found = Submission.objects.select_related("owner").order_by("-created_at")
    if owner_id is not None:
        found = found.filter(owner=owner_id)
    if under_way:
        found = found.filter(state__in=UNDER_WAY)
    return [
        LoadEntry(
            load=one.pk,
            title=one.title,
            owner=one.owner.email,
            state=one.state,
            step=one.step,
            bytes=one.file_bytes,
            bytes_done=one.bytes_done,
            rows_done=one.rows_done,
            rows_total=one.rows_total,
            attempts=one.attempt,
            worker=one.worker,
            error=one.error,
            dataset=one.dataset,
            sent_at=one.created_at.isoformat(),
            ended_at=one.ended_at.isoformat() if one.ended_at else None,
        )
        for one in found[:MOST]
    ]


def load_cancel(submission_id: UUID) -> Submission:
    """Cancel anybody's load, as an operator does; NotFound where there is none."""
    owner = Submission.objects.filter(pk=submission_id).values_list("owner", flat=True).first()
    if owner is None:
        raise NotFound("There is no such load.")
    return submission_cancel(owner_id=owner, submission_id=submission_id)
