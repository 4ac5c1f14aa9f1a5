"""How loads ended, on record."""

from __future__ import annotations

from uuid import UUID

from accounts import audit
from accounts.models import AuditAction, AuditOutcome
from datasets.models import Submission


def record_end(submission: Submission, outcome: AuditOutcome, dataset: UUID | None = None) -> None:
    """Put on record how a load ended, within the transaction in which it does.

    It was done by who sent the file, from where it was sent.
    """
    audit.record_within(
        AuditAction.DATASET_LOADED,
        actor=submission.owner_id,
        outcome=outcome,
        dataset=dataset,
        seen_from=submission.seen_from,
        request_id=submission.request_id,
    )
