"""The audit trail: who did what, when, from where, and how it ended; never a value of data.

Events are only ever added: a trigger refuses to change or drop one. Each is a short transaction of
its own, so that work that was rolled back leaves its event. Where somebody was (address, browser)
is kept in rows apart, which can be dropped with the account while what was done stays on record.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from uuid import UUID

from django.db import DatabaseError, IntegrityError, transaction
from django.db.models import Q
from django.http import HttpRequest
from django.utils import timezone

from accounts.models import AuditAction, AuditEvent, AuditOrigin, AuditOutcome, User
from accounts.sessions import SESSION_KEY
from fairdb_site.errors import FairdbError
from fairdb_site.http import client_address, device_of
from fairdb_site.logs import current_request_id

_A_PAGE = 1_000  # events


def record(  # each is a fact of the event
    action: AuditAction,
    *,
    actor: UUID | None,
    outcome: AuditOutcome = AuditOutcome.DONE,
    request: HttpRequest | None = None,
    subject: UUID | None = None,
    dataset: UUID | None = None,
    once: str | None = None,
    seen_from: UUID | None = None,
    request_id: str = "",
) -> None:
    """Add an event; of several with the same `once`, the first alone.

    `actor` is the account that acted, None for a stranger or an operator at the command line,
    `subject` the account acted upon. What goes on behind a request gives in its place what was kept
    of it: `seen_from` (of `origin_seen`) and `request_id`. Call it outside of transactions: inside
    one that is rolled back the event would be lost, so it raises RuntimeError there.
    """
    if once is not None and AuditEvent.objects.filter(once=once).exists():
        return
    try:
        with transaction.atomic(durable=True):
            AuditEvent.objects.create(
                action=action,
                outcome=outcome,
                actor=actor,
                subject=subject,
                dataset=dataset,
                origin=origin_seen(request, actor) if request is not None else seen_from,
                request_id=current_request_id.get() if request is not None else request_id,
                once=once,
            )
    except IntegrityError:
        if once is None:
            raise  # else another request was first


def record_within(
    action: AuditAction,
    *,
    actor: UUID,
    outcome: AuditOutcome,
    dataset: UUID | None = None,
    seen_from: UUID | None = None,
    request_id: str = "",
) -> None:
    """Add an event in the transaction that ends what it tells of: both are kept, or neither.

    For work whose process may be killed as soon as it has ended, before it could call `record`.
    """
    AuditEvent.objects.create(
        action=action,
        outcome=outcome,
        actor=actor,
        dataset=dataset,
        origin=seen_from,
        request_id=request_id,
    )


@dataclass
class Trail:
    """What will be on record of work under way; whoever does it fills in what it turned out."""

    actor: UUID | None
    subject: UUID | None = None
    dataset: UUID | None = None


@contextmanager
def trail(
    action: AuditAction,
    *,
    actor: UUID | None,
    request: HttpRequest | None = None,
    subject: UUID | None = None,
    dataset: UUID | None = None,
) -> Iterator[Trail]:
    """Add an event when the work inside has ended: done, refused, or failed."""
    event = Trail(actor, subject, dataset)
    try:
        yield event
    except BaseException as error:
        with suppress(DatabaseError):  # what went wrong before is what must be told
            _record_of(event, action, outcome_of(error), request)
        raise
    _record_of(event, action, AuditOutcome.DONE, request)


def outcome_of(error: BaseException) -> AuditOutcome:
    """Return refused where the error is the person's to mend, and failed where it is not."""
    refused = isinstance(error, FairdbError) and error.status < HTTPStatus.INTERNAL_SERVER_ERROR
    return AuditOutcome.REFUSED if refused else AuditOutcome.FAILED


def rows_read(request: HttpRequest, dataset: UUID) -> None:
    """Add the event that rows were read: one for each dataset, session and hour."""
    once = f"{request.session.get(SESSION_KEY, '')} {dataset} {_hour()}"
    record(
        AuditAction.ROWS_READ, actor=request.user.pk, request=request, dataset=dataset, once=once
    )


def correction_refused(request: HttpRequest, dataset: UUID) -> None:
    """Add the event that a correction was refused: one for each dataset, session and hour.

    One that was stored the database puts on record itself, whichever way it came.
    """
    record(
        AuditAction.DATASET_CORRECTED,
        outcome=AuditOutcome.REFUSED,
        actor=request.user.pk,
        request=request,
        dataset=dataset,
        once=f"refused {request.session.get(SESSION_KEY, '')} {dataset} {_hour()}",
    )


@dataclass(frozen=True)
class Event:
    """An event as it is read: names are e-mails, or ids where an account is gone.

    `address` and `device` are empty where they are not known, or not kept any more.
    """

    event: int
    at: datetime
    action: str
    outcome: str
    actor: UUID | None
    actor_name: str
    subject: UUID | None
    subject_name: str
    dataset: UUID | None
    address: str
    device: str
    request: str


def events(
    *,
    account: UUID | None = None,
    dataset: UUID | None = None,
    since: datetime | None = None,
    before: int | None = None,
    with_datasets: bool = True,
    most: int,
) -> Iterator[Event]:
    """Yield the newest events first.

    Those of an account are the ones it acted in and the ones that acted upon it. `before` is the
    number of an event: those from before it alone.
    """
    found = AuditEvent.objects.order_by("-id")
    if account is not None:
        found = found.filter(Q(actor=account) | Q(subject=account))
    if dataset is not None:
        found = found.filter(dataset=dataset)
    if since is not None:
        found = found.filter(at__gte=since)
    if before is not None:
        found = found.filter(pk__lt=before)
    if not with_datasets:
        found = found.filter(dataset=None)
    listed = list(found[:most])
    people = {one for event in listed for one in (event.actor, event.subject) if one}
    emails = dict(User.objects.filter(pk__in=people).values_list("pk", "email"))
    origins = AuditOrigin.objects.in_bulk({event.origin for event in listed if event.origin})
    for event in listed:
        origin = origins.get(event.origin) if event.origin else None
        yield Event(
            event=event.pk,
            at=event.at,
            action=event.action,
            outcome=event.outcome,
            actor=event.actor,
            actor_name=_name(event.actor, emails),
            subject=event.subject,
            subject_name=_name(event.subject, emails),
            dataset=event.dataset,
            address=(origin and origin.address) or "",
            device=origin.device if origin else "",
            request=event.request_id,
        )


def all_events(*, account: UUID | None = None, dataset: UUID | None = None) -> Iterator[Event]:
    """Yield all events of an account or a dataset, the newest first, read by the thousand."""
    before: int | None = None
    while page := list(events(account=account, dataset=dataset, before=before, most=_A_PAGE)):
        yield from page
        before = page[-1].event


def _record_of(
    event: Trail,
    action: AuditAction,
    outcome: AuditOutcome,
    request: HttpRequest | None,
) -> None:
    record(
        action,
        outcome=outcome,
        actor=event.actor,
        subject=event.subject,
        dataset=event.dataset,
        request=request,
    )


def account_named(email: str) -> UUID | None:
    """Return whose address this is; what is nobody's may be a password in the wrong field."""
    return User.objects.filter(email=email.strip().lower()).values_list("pk", flat=True).first()


def name_of(account: UUID) -> str:
    """Return an account's e-mail, its id where there is none any more."""
    known = User.objects.filter(pk=account).values_list("email", flat=True).first()
    return known or str(account)


def origin_of(event: AuditEvent) -> AuditOrigin | None:
    """Return where an event came from, None where that is not known or not kept any more."""
    return AuditOrigin.objects.filter(pk=event.origin).first() if event.origin else None


def forget_origins(account: UUID) -> int:
    """Drop where an account was seen, and from where its sign-in was tried; return how many."""
    return AuditOrigin.objects.filter(account=account).delete()[0]


def origin_seen(request: HttpRequest, account: UUID | None) -> UUID:
    """Return the row of where a request came from, made where there is none yet."""
    facts = {
        "account": account,
        "address": client_address(request),
        "device": device_of(request),
    }
    known = AuditOrigin.objects.filter(**facts).values_list("pk", flat=True).first()
    return known or AuditOrigin.objects.create(**facts).pk


def _hour() -> str:
    return timezone.now().strftime("%Y-%m-%d %H")


def _name(account: UUID | None, emails: Mapping[UUID, str]) -> str:
    return "" if account is None else emails.get(account, str(account))
