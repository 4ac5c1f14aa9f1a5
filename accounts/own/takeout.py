"""Everything that the platform holds on an account, as one ZIP archive that is made as it is sent.

Nothing of it is on a disk here, nor in memory for longer than a piece takes to send. Secrets
(passwords, tokens, keys) are in none of its files.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import astuple, fields
from itertools import chain
from typing import Any

from django.http import StreamingHttpResponse
from django.utils import timezone

from accounts import audit
from accounts.downloads import download, require_session, the_only_one_of
from accounts.holdings import holdings
from accounts.models import (
    AAL2,
    AuditAction,
    AuditOrigin,
    AuditOutcome,
    SupabaseSession,
)
from accounts.own.events import OwnEvent, own_event
from fairdb_site.archives import ArchivedFile, archive_write, csv_pieces, file_of, json_pieces
from fairdb_site.http import HtmxHttpRequest
from fairdb_site.streams import Write
from fairdb_site.supabase.account import Account

_README = """\
What FAIRDatabase holds on {email}, as of {now:%Y-%m-%d %H:%M} UTC

Whoever has this archive has your data: keep it where your data may be. JSON and CSV files are in
UTF-8, times in UTC as ISO 8601 writes them.

README.txt       This file.
account.json     Your account, your second factors (not their secrets), where you are signed in,
                 and from where you were seen (address and browser).
events.csv       What you did, and what was done to your account. Addresses and browsers are your
                 own alone; of others it says no more than that they were others.
{contents}

Not in here:
- your password and the secrets of your second factors: the account service (Supabase) keeps them,
  and shows them to nobody;
- the keys of your sessions: they would let in whoever finds this archive;
- the ids that were in your files: only their pseudonyms are kept;
- what you typed into a form after your session had ended: it is kept for an hour, encrypted;
- counts of tries, to sign in say: they are kept under codes that name nobody;
- what the account service, the server's log and backups have: ask the people who run this.
"""


def takeout(*, request: HtmxHttpRequest, account: Account) -> StreamingHttpResponse:
    """Answer with the archive, made as it is read; `account` is what Supabase says of its owner.

    It breaks off where an error meets it or the session ends, and then no program opens it. Raises
    Conflict where a download of the account is under way.
    """

    def work(write: Write) -> None:
        with (
            audit.trail(AuditAction.ACCOUNT_DOWNLOADED, actor=request.user.pk, request=request),
            the_only_one_of(request.user.pk),
        ):
            archive_write(_while_signed_in(request, _files(request, account)), write)

    name = f"fairdatabase-{timezone.now():%Y-%m-%d}.zip"
    return download(request, work, name=name, content_type="application/zip")


def takeout_refused(*, request: HtmxHttpRequest) -> None:
    """Put on record that somebody in the session asked for it without the password."""
    audit.record(
        AuditAction.ACCOUNT_DOWNLOADED,
        actor=request.user.pk,
        outcome=AuditOutcome.REFUSED,
        request=request,
    )


def _while_signed_in(
    request: HtmxHttpRequest, files: Iterable[ArchivedFile]
) -> Iterator[ArchivedFile]:
    """Yield the files as long as the session lives, and let them end only if it does.

    The watch of the download looks by the second, and not behind the last file.
    """
    for file in chain(files, [None]):
        require_session(request)
        if file is not None:
            yield file


def _files(request: HtmxHttpRequest, account: Account) -> Iterator[ArchivedFile]:
    user = request.user
    contents = "\n".join(holding.contents() for holding in holdings())
    readme = _README.format(email=user.email, now=timezone.now(), contents=contents)
    events = (_line(own_event(event, reader=user)) for event in audit.all_events(account=user.pk))
    yield file_of("README.txt", [readme.encode()])
    yield file_of("account.json", json_pieces(_account(request, account)))
    yield file_of("events.csv", csv_pieces(_EVENT, events))
    for holding in holdings():
        yield from holding.files(user.pk, request)


def _account(request: HtmxHttpRequest, account: Account) -> dict[str, Any]:
    user = request.user
    sessions = SupabaseSession.objects.filter(user=user)
    seen_from = AuditOrigin.objects.filter(account=user.pk).order_by("since")
    return {
        "account": {
            "id": user.pk,
            "email": user.email,
            "since": user.created_at,
            "last_sign_in": user.last_login,
            "is_staff": user.is_staff,
            "has_second_factor": user.has_second_factor,
        },
        "at_the_account_service": {
            "since": account.created_at,
            "invited": account.invited_at,
            "last_sign_in": account.last_sign_in_at,
            "address_is_confirmed": account.is_confirmed,
            "second_factors": [
                {"name": factor.name, "since": factor.created_at, "is_set_up": factor.is_verified}
                for factor in account.factors
            ],
        },
        "sessions": [
            {
                "device": session.device,
                "address": session.address,
                "since": session.created_at,
                "last_seen": session.seen_at,
                "with_second_factor": session.assurance == AAL2,
                "is_this_one": session.pk == request.supabase_session.pk,
            }
            for session in sessions
        ],
        "seen_from": list(seen_from.values("address", "device", "since")),
    }


def _line(event: OwnEvent) -> tuple[object, ...]:
    at, *others = astuple(event)
    return at.isoformat(), *others


_EVENT = tuple(field.name for field in fields(OwnEvent))
