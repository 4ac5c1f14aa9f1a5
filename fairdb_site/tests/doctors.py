"""What tests of the doctor do: break the live thing, ask a check, put it right."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import psycopg2
from django.conf import settings
from django.db import connection

from datasets.tests.stored import run
from fairdb_site.doctor import database_checks, supabase_checks
from fairdb_site.doctor.finding import Finding


def superuser(sql: str) -> None:
    """Run SQL as the server's superuser, who alone may change roles and owners."""
    from fairdb_site.local.state import SUPERUSER, local_state

    other = psycopg2.connect(local_state(settings.FAIRDB_LOCAL_DIR).database_url(SUPERUSER))
    try:
        other.autocommit = True
        with other.cursor() as cursor:
            cursor.execute(sql)
    finally:
        other.close()


@contextmanager
def broken(sql: str, mend: str, by: Callable[[str], Any] = run) -> Iterator[None]:
    by(sql)
    try:
        yield
    finally:
        by(mend)


def found(check: database_checks.DatabaseCheck) -> set[str]:
    with connection.cursor() as cursor:
        return {f"{finding.problem} {finding.mend}" for finding in check(cursor)}


def told(check: supabase_checks.SupabaseCheck) -> list[Finding]:
    with httpx.Client(base_url=settings.SUPABASE_URL, verify=False) as http:
        return list(check(http))


def only(new: set[str], before: set[str]) -> str:
    """Return the one finding that was not there before."""
    (finding,) = new - before
    return finding
