"""What is sealed put under the first of FAIRDB_TOKEN_KEYS, row by row, while people work.

Each row is read and written under its lock, so a token that is refreshed meanwhile is never turned
back. What no key opens is left: its session ends at its next request, as it would have anyway.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.db import models, transaction
from django.utils import timezone

from accounts import kept_input, second_factor
from accounts.models import SupabaseSession
from accounts.sealing import UnsealError, reseal

_IN_SESSIONS = (kept_input.SESSION_KEY, second_factor.SESSION_KEY)


@dataclass(frozen=True)
class Resealed:
    """How many were put under the first key, and how many no key opens."""

    changed: int = 0
    unopened: int = 0

    def __add__(self, other: Resealed) -> Resealed:
        return Resealed(self.changed + other.changed, self.unopened + other.unopened)


def tokens_reseal() -> Resealed:
    """Seal the tokens of sessions anew."""
    return reseal_rows(SupabaseSession, "sealed_tokens")


def reseal_rows(model: type[models.Model], column: str) -> Resealed:
    """Seal a column of a table anew."""
    total = Resealed()
    rows: Any = model._default_manager
    for key in list(rows.values_list("pk", flat=True)):
        with transaction.atomic():
            row = rows.select_for_update().filter(pk=key)
            sealed = row.values_list(column, flat=True).first()
            if sealed is None:
                continue  # gone meanwhile
            try:
                fresh = reseal(sealed)
            except UnsealError:
                total += Resealed(unopened=1)
                continue
            if fresh is not None:
                row.update(**{column: fresh})
                total += Resealed(changed=1)
    return total


def typed_input_reseal() -> Resealed:
    """Seal anew what Django's sessions hold: typed input, and second factors being set up."""
    total = Resealed()
    alive = Session.objects.filter(expire_date__gt=timezone.now())
    for key in list(alive.values_list("pk", flat=True)):
        with transaction.atomic():
            row = Session.objects.select_for_update().filter(pk=key).first()
            if row is not None:
                total += _reseal_session(row)
    return total


def _reseal_session(row: Session) -> Resealed:
    content, total = row.get_decoded(), Resealed()
    for name in _IN_SESSIONS:
        if name not in content:
            continue
        try:
            fresh = reseal(content[name].encode())
        except UnsealError:
            total += Resealed(unopened=1)
            continue
        if fresh is not None:
            content[name] = fresh.decode()
            total += Resealed(changed=1)
    if total.changed:
        row.session_data = SessionStore().encode(content)
        row.save(update_fields=["session_data"])
    return total
