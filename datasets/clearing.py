"""Clear up after what was killed, wherever it is asked for: by a command, or by staff."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django.http import HttpRequest

from accounts import audit
from accounts.models import AuditAction, User
from accounts.own.deletion import deletions_finish
from datasets.catalogue import dataset_facts
from datasets.services import Deleted, Reaped, dataset_delete, reap_uploads
from datasets.templatetags.fairdb import times


@dataclass(frozen=True)
class Cleared(Reaped):
    """What was cleared up, with the accounts whose deletion was finished or waits still."""

    accounts: int
    accounts_waiting: int

    def in_words(self) -> list[str]:
        """Say what went and what stayed."""
        words = [
            f"{times(self.datasets, 'unfinished dataset')}, {times(self.parts, 'table')}"
            f" and {times(self.files, 'staged file')} removed,"
            f" {times(self.alive, 'load')} still running."
        ]
        if self.accounts or self.accounts_waiting:
            words.append(
                f"{times(self.accounts, 'account')} deleted,"
                f" {times(self.accounts_waiting, 'deletion')} to be gone on with later."
            )
        return words


def clear_up() -> Cleared:
    """Finish deletions of accounts, then drop what killed loads and deletions left."""
    accounts, waiting = deletions_finish()
    return Cleared(**vars(reap_uploads()), accounts=accounts, accounts_waiting=waiting)


def clear_up_by(*, by: User, request: HttpRequest) -> Cleared:
    """Clear up as a member of staff, who is on record with it; the command runs unrecorded."""
    with audit.trail(AuditAction.LOADS_REAPED, actor=by.pk, request=request):
        return clear_up()


def dataset_delete_by(*, dataset_id: UUID, by: User, request: HttpRequest) -> Deleted:
    """Delete anybody's dataset as a member of staff; its owner finds it on record.

    NotFound where there is none, or it is not ready.
    """
    with audit.trail(
        AuditAction.DATASET_DELETED, actor=by.pk, request=request, dataset=dataset_id
    ) as event:
        event.subject = owner = dataset_facts(dataset_id)["owner_id"]
        return dataset_delete(owner_id=owner, dataset_id=dataset_id)
