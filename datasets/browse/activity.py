"""The audit trail of one dataset, as its owner reads it."""

from dataclasses import dataclass
from datetime import datetime

from accounts.audit import Event
from accounts.models import AuditAction, AuditOutcome, User

_SENTENCES = {
    AuditAction.DATASET_LOADED: "Loaded",
    AuditAction.ROWS_READ: "Rows read",
    AuditAction.DATASET_EXPORTED: "Exported",
    AuditAction.DATASET_DELETED: "Deleted",
}


@dataclass(frozen=True)
class Activity:
    """One line: what was done, by whom, when and from where.

    `origin` is empty for what others did: where they were is theirs.
    """

    at: datetime
    what: str
    outcome: str
    who: str
    origin: str
    device: str

    @property
    def is_done(self) -> bool:
        """Whether it was done; else it was refused, or failed."""
        return self.outcome == AuditOutcome.DONE


def activity_of(event: Event, *, reader: User) -> Activity:
    """Return an event in the words of the person who reads it."""
    own = event.actor == reader.pk
    who = "You" if own else "An operator, by a command" if event.actor is None else event.actor_name
    return Activity(
        at=event.at,
        what=_SENTENCES.get(AuditAction(event.action), event.action.capitalize()),
        outcome=event.outcome,
        who=who,
        origin=(event.address or "") if own else "",
        device=event.device if own else "",
    )
