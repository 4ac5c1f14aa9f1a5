"""The audit trail of one's own account, as its owner reads it: on their page, in their archive."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from accounts import audit
from accounts.audit import Event
from accounts.models import AuditOutcome, User

_STRANGER, _OPERATOR, _OTHER = "somebody not signed in", "an operator", "another account"


@dataclass(frozen=True)
class OwnEvent:
    """What was done by an account or to it.

    Where others were, and who they are, is theirs: `address` and `device` are the reader's own.
    """

    at: datetime
    action: str
    outcome: str
    by: str
    upon: str
    dataset: UUID | None
    address: str
    device: str
    request: str

    @property
    def is_done(self) -> bool:
        """Whether it was done; else it was refused, or failed."""
        return self.outcome == AuditOutcome.DONE

    @property
    def what(self) -> str:
        """What was done, on a page: whose account it was where it was another's, as staff do."""
        return (
            f"{self.action.capitalize()} of {_OTHER}"
            if self.upon == _OTHER
            else self.action.capitalize()
        )

    @property
    def who(self) -> str:
        """Who did it, on a page."""
        return self.by.capitalize()

    @property
    def origin(self) -> str:
        """From where, on a page."""
        return self.address


def own_event(event: Event, *, reader: User) -> OwnEvent:
    """Return an event in the words of the person who reads it."""
    is_own = event.actor == reader.pk
    return OwnEvent(
        at=event.at,
        action=event.action,
        outcome=event.outcome,
        by="you" if is_own else _other(event),
        upon="" if event.subject is None else "you" if event.subject == reader.pk else _OTHER,
        dataset=event.dataset,
        address=event.address if is_own else "",
        device=event.device if is_own else "",
        request=event.request,
    )


def newest_of(user: User, *, most: int) -> list[OwnEvent]:
    """Return what was done last, but for what was done to datasets, which have pages of theirs."""
    found = audit.events(account=user.pk, with_datasets=False, most=most)
    return [own_event(event, reader=user) for event in found]


def _other(event: Event) -> str:
    if event.actor is not None:
        return _OTHER
    return _STRANGER if event.request else _OPERATOR  # commands come with no request
