"""Limits on tries, for each e-mail and each address, counted in PostgreSQL for all workers at once.

A key has its tries at once and gets one back each `Rate.every` (the generic cell rate algorithm:
ITU-T I.371, annex A), so a key is one row with one moment: until when its tries are spent. Taking a
try is one statement, hence exact however many workers ask. Keys are HMACs under SECRET_KEY: neither
addresses nor e-mails are in the table.

Three things are counted, in this order, and what one refuses the next ones do not count:

- `pair`, an account from one address, tight. A sign-in that succeeds clears it (NIST SP 800-63B,
  5.2.2: earlier failures from the same address should then be disregarded).
- `address`, whatever the account: guessing one password for many accounts. An IPv6 address counts
  as its /64: one subscriber has all of that (RFC 6177).
- `account`, from wherever: guessing from many addresses at once. It is the loose one, since who
  fills it keeps the owner out. One try comes back every minute or so; and a browser in which the
  account was signed in before, as its signed cookie tells, is counted apart from strangers (OWASP:
  Slow Down Online Guessing Attacks with Device Cookies), so they cannot keep it out at all.

A sign-in that succeeds gives back what it took and no more, so that a hospital behind one address
gets in of a morning while an attacker with an account of his own gains nothing by it. NIST's bound
of 100 failures for an account in a row is met in a day by `account=100/1d`; the default trades it
for an owner who is never kept out for long.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from http import HTTPStatus
from ipaddress import IPv6Address, ip_address, ip_network
from math import ceil
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection
from django.http import HttpRequest

from accounts import audit
from accounts.kept_input import person_of
from accounts.models import AuditAction, AuditOutcome, User
from fairdb_site.errors import FairdbError
from fairdb_site.http import client_address
from fairdb_site.rates import Rate

_SWEPT_AT_ONCE = 1_000  # rows
_SWEEPERS = 16  # of the 256 first bytes of a key: one try in sixteen removes what is over


class Limit(StrEnum):
    """What is limited; the setting is FAIRDB_LIMIT_ and the name."""

    ADMIN = "admin"
    COLUMNS = "columns"
    CONFIRM = "confirm"
    IDS = "ids"
    REGISTER = "register"
    RESET = "reset"
    SECOND_FACTOR = "second_factor"
    SIGN_IN = "sign_in"
    UPLOAD = "upload"


_ON_RECORD = {Limit.SIGN_IN: AuditAction.SIGNED_IN}


class TooManyTries(FairdbError):
    """Too many tries; they may go on after `retry_after` seconds (429, RFC 6585)."""

    status = HTTPStatus.TOO_MANY_REQUESTS
    code = "too_many_tries"

    def __init__(self, retry_after: int) -> None:
        super().__init__(f"Too many tries. Please wait {_in_words(retry_after)}, then try again.")
        self.retry_after = retry_after


@dataclass(frozen=True)
class _Key:
    """One thing that is counted."""

    scope: str
    rate: Rate
    digest: UUID


def require(limit: Limit, *, request: HttpRequest, email: str | None = None) -> None:
    """Take a try, or raise TooManyTries, of which the answer gets its Retry-After.

    The account is the one of `email`, else the person who is signed in, else none. Call it outside
    of transactions: one that is rolled back would give the try back, so it raises RuntimeError.
    """
    if connection.in_atomic_block:
        raise RuntimeError("A try is counted in a transaction of its own.")
    for key in _keys(limit, request, email):
        wait = take(key.digest, key.rate)
        if wait is None:
            continue
        if limit in _ON_RECORD:
            _put_on_record(_ON_RECORD[limit], key, request, email)
        error = TooManyTries(ceil(wait.total_seconds()))
        request.retry_after = error.retry_after  # type: ignore[attr-defined]  # OutageMiddleware
        raise error


def give_back(limit: Limit, *, request: HttpRequest, email: str | None = None) -> None:
    """Give back the try that succeeded, and clear the failures of this account from this address.

    To be called before the answer leaves its signed cookie: keys are those of the request.
    """
    for key in _keys(limit, request, email):
        back: Any = key.rate.period if key.scope == "pair" else key.rate.every
        with connection.cursor() as cursor:
            cursor.execute(_GIVE_BACK, [back, key.digest])


def take(digest: UUID, rate: Rate, *, now: datetime | None = None) -> timedelta | None:
    """Take a try of a key; None where there was one, else how long it takes until there is.

    The time is the database's, which all workers share, unless `now` is given.
    """
    values: dict[str, Any] = {"key": digest, "every": rate.every, "period": rate.period, "now": now}
    with connection.cursor() as cursor:
        cursor.execute(_TAKE, values)
        taken = cursor.fetchone()
        if taken is None:
            cursor.execute(_WAIT, values)
            row = cursor.fetchone()
            return max(row[0] if row else rate.every, timedelta(seconds=1))
        if digest.bytes[0] < _SWEEPERS:
            cursor.execute(_SWEEP, {"most": _SWEPT_AT_ONCE})
    return None


_TAKE = """
insert into accounts_ratelimit as known (key, spent_until)
values (%(key)s, coalesce(%(now)s, statement_timestamp()) + %(every)s)
on conflict (key) do update
  set spent_until =
    greatest(known.spent_until, coalesce(%(now)s, statement_timestamp())) + %(every)s
  where greatest(known.spent_until, coalesce(%(now)s, statement_timestamp())) + %(every)s
    <= coalesce(%(now)s, statement_timestamp()) + %(period)s
returning true
"""

_WAIT = """
select spent_until + %(every)s - %(period)s - coalesce(%(now)s, statement_timestamp())
  from accounts_ratelimit where key = %(key)s
"""

_GIVE_BACK = "update accounts_ratelimit set spent_until = spent_until - %s where key = %s"

# What is over counts for nothing. Rows that somebody else is at are left to them.
_SWEEP = """
delete from accounts_ratelimit where key in (
  select key from accounts_ratelimit where spent_until < statement_timestamp()
    limit %(most)s for update skip locked
)
"""


def _keys(limit: Limit, request: HttpRequest, email: str | None) -> Iterator[_Key]:
    rates = settings.FAIRDB_LIMITS[limit.name]
    account = _account(request, email)
    place = _place(request)
    named = {"pair": f"{account} {place}", "address": place, "account": account}
    for scope, name in named.items():
        rate = rates.get(scope)
        if rate is not None and (account or scope == "address"):
            # with the rate, so that a setting that is changed counts anew
            yield _Key(scope, rate, _digest(f"{limit} {scope} {rate} {name}"))


def _account(request: HttpRequest, email: str | None) -> str:
    """Return whose tries they are; of a browser that is known to be theirs, apart."""
    if email is None:
        return str(request.user.pk) if request.user.is_authenticated else ""
    email = email.strip().lower()
    person = person_of(request)
    if person is not None and User.objects.filter(pk=person, email=email).exists():
        return f"{email} at home"
    return email


def _place(request: HttpRequest) -> str:
    address = client_address(request)
    if address is None:  # a socket of this host: all who come by it are one
        return ""
    found = ip_address(address)
    if isinstance(found, IPv6Address):
        return str(found.ipv4_mapped or ip_network((int(found), 64), strict=False))
    return str(found)


def _digest(name: str) -> UUID:
    key = f"accounts.limits {settings.SECRET_KEY}".encode()
    return UUID(bytes=hmac.digest(key, name.encode(), sha256)[:16])


def _put_on_record(action: AuditAction, key: _Key, request: HttpRequest, email: str | None) -> None:
    """Add one event for each key and period, lest whoever tries on fill the trail."""
    with connection.cursor() as cursor:
        cursor.execute("select extract(epoch from statement_timestamp())")
        window = int(cursor.fetchone()[0] // ceil(key.rate.period.total_seconds()))
    whose = User.objects.filter(email=(email or "").strip().lower())
    audit.record(
        action,
        actor=None,
        outcome=AuditOutcome.REFUSED,
        request=request,
        subject=whose.values_list("pk", flat=True).first(),
        once=f"limit {key.digest} {window}",
    )


def _in_words(seconds: int) -> str:
    if seconds <= 90:
        return f"{seconds} seconds" if seconds > 1 else "a second"
    minutes = ceil(seconds / 60)
    return f"{minutes} minutes" if minutes <= 90 else f"{ceil(minutes / 60)} hours"
