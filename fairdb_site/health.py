"""What a load balancer asks: is the process alive, and can it work?

Answered before hosts, sessions and sign-in are looked at, so that a probe may come by an address of
the machine and over plain http, and is told nothing but ok or failed.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from functools import cache
from http import HTTPStatus

import httpx
from django.conf import settings
from django.db import DatabaseError, connection
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.http import HttpRequest, HttpResponseBase, HttpResponseNotAllowed, JsonResponse
from django.utils.deprecation import MiddlewareMixin

from fairdb_site.supabase.clients import shared_http

ALIVE = "/healthz"
READY = "/readyz"
PATIENCE = 3  # seconds for each part; probes commonly give up after 5 to 10
_FRESH_FOR = 2  # seconds: whoever asks more often is told what was found last

Parts = Mapping[str, bool]


class HealthMiddleware(MiddlewareMixin):
    """Answer `/healthz` and `/readyz` to anybody."""

    def process_request(self, request: HttpRequest) -> HttpResponseBase | None:
        """Answer, or leave any other address to the pages."""
        if request.path_info not in {ALIVE, READY}:
            return None
        if request.method not in {"GET", "HEAD"}:
            return HttpResponseNotAllowed(["GET", "HEAD"])
        parts = readiness.parts() if request.path_info == READY else {}
        works = all(parts.values())
        said = {"status": _word(works)} | {name: _word(part) for name, part in parts.items()}
        return JsonResponse(
            said,
            status=HTTPStatus.OK if works else HTTPStatus.SERVICE_UNAVAILABLE,
            headers={"Cache-Control": "no-store"},
        )


class Readiness:
    """What was found last; one thread of a process looks at a time, others do not wait for it."""

    def __init__(self, look: Callable[[], Parts]) -> None:
        self._look = look
        self._looking = threading.Lock()
        self._found: Parts = {"looked": False}
        self._found_at = float("-inf")

    def parts(self) -> Parts:
        """Return which parts work, as found within the last seconds."""
        if time.monotonic() - self._found_at >= _FRESH_FOR and self._looking.acquire(
            blocking=False
        ):
            try:
                self._found = self._look()
                self._found_at = time.monotonic()
            finally:
                self._looking.release()
        return self._found

    def forget(self) -> None:
        """Look again when next asked."""
        self._found_at = float("-inf")


def look() -> Parts:
    """Look at all that a page needs: the database and its tables, accounts, signing keys."""
    applied = _applied_migrations()
    return {
        "database": applied is not None,
        "migrations": applied is not None and _wanted_migrations() <= applied,
        "accounts": _answers("health"),
        "signing_keys": _answers(".well-known/jwks.json"),
    }


readiness = Readiness(look)


def _applied_migrations() -> set[tuple[str, str]] | None:
    """Return the migrations that the database has; None where it does not answer soon.

    On a connection of its own: the thread's may be one that was cut off without a word.
    """
    own = connection.copy()
    own.settings_dict["OPTIONS"] |= {"connect_timeout": PATIENCE}
    try:
        return set(_recorded(own))
    except DatabaseError:
        return None
    finally:
        own.close()


def _recorded(own: BaseDatabaseWrapper) -> Mapping[tuple[str, str], object]:
    own.ensure_connection()
    with own.cursor() as cursor:
        cursor.execute("select set_config('statement_timeout', %s, false)", [f"{PATIENCE}s"])
    return MigrationRecorder(own).applied_migrations()


@cache
def _wanted_migrations() -> set[tuple[str, str]]:
    return set(MigrationLoader(None).graph.leaf_nodes())


def _answers(path: str) -> bool:
    try:
        answer = shared_http().get(
            f"{settings.SUPABASE_URL}/auth/v1/{path}",
            headers={"apikey": settings.SUPABASE_PUBLISHABLE_KEY},
            timeout=PATIENCE,
        )
    except httpx.HTTPError:
        return False
    return answer.is_success


def _word(works: bool) -> str:
    return "ok" if works else "failed"
