"""Run every check of a live installation and gather what they find."""

from collections.abc import Iterator

import httpx
import jwt
from django.conf import settings
from django.db import Error, connection
from django.db.backends.utils import CursorWrapper

from datasets.sql.operation import qualified
from fairdb_site.doctor.contract_checks import CONTRACT_CHECKS
from fairdb_site.doctor.database_checks import DATABASE_CHECKS, DatabaseCheck
from fairdb_site.doctor.finding import Finding
from fairdb_site.doctor.staging_checks import examine_staging
from fairdb_site.doctor.supabase_checks import SUPABASE_CHECKS
from fairdb_site.doctor.worker_checks import examine_workers


def examine() -> list[Finding]:
    """Return what is wrong, in the order of the checks; what they change, they undo."""
    return [*_examine_database(), *examine_staging(), *_examine_supabase()]


def _examine_database() -> Iterator[Finding]:
    try:
        cursor = connection.cursor()
    except Error as error:
        yield Finding(
            "database",
            f"The database does not answer ({type(error).__name__}).",
            "Check DATABASE_URL, and that the server runs and lets this machine in.",
        )
        return
    with cursor:
        for check in DATABASE_CHECKS:
            yield from _run(check, cursor)
        cursor.execute("select to_regclass(%s) is not null", [qualified("datasets")])
        if cursor.fetchone() == (True,):
            for check in (*CONTRACT_CHECKS, examine_workers):
                yield from _run(check, cursor)


def _run(check: DatabaseCheck, cursor: CursorWrapper) -> list[Finding]:
    try:
        return list(check(cursor))
    except Error as error:
        code = getattr(error.__cause__, "pgcode", None) or type(error).__name__
        what = check.__name__.removeprefix("examine_").replace("_", " ")
        return [
            Finding(what, f"This could not be examined ({code}).", "Mend the other findings first.")
        ]


def _examine_supabase() -> Iterator[Finding]:
    with httpx.Client(
        base_url=settings.SUPABASE_URL, timeout=settings.FAIRDB_SUPABASE_TIMEOUT
    ) as http:
        for check in SUPABASE_CHECKS:
            try:
                yield from list(check(http))
            except (
                httpx.HTTPError,
                httpx.InvalidURL,
                ValueError,
                KeyError,
                jwt.PyJWTError,
            ) as error:
                yield Finding(
                    "supabase",
                    f"{settings.SUPABASE_URL} does not answer as Supabase does "
                    f"({type(error).__name__}).",
                    "Check SUPABASE_URL, and that this machine reaches it.",
                )
                return
