"""Faults of the database during a load or an export, as plain errors."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg2
from django.db import DatabaseError
from psycopg2 import errorcodes

from fairdb_site.database import is_outage
from fairdb_site.errors import Conflict, FairdbError, Refused, Unavailable

logger = logging.getLogger(__name__)

_FULL = {
    errorcodes.DISK_FULL,
    errorcodes.OUT_OF_MEMORY,
    errorcodes.CONFIGURATION_LIMIT_EXCEEDED,
}
_DATA_EXCEPTION = "22"  # SQLSTATE class
_CONNECTION_LOST = errorcodes.CONNECTION_FAILURE  # what psycopg2 leaves without a code


class Interrupted(Unavailable):
    """The database went away, or ended the connection: the same work may be done once more."""


@contextmanager
def plain_faults(doing: str) -> Iterator[None]:
    """Turn database errors of a "load" or an "export" into plain ones.

    PostgreSQL's own message may quote the row that it could not take, so it is neither shown nor
    logged: the SQLSTATE says enough.
    """
    try:
        yield
    except (DatabaseError, psycopg2.Error) as error:  # Django does not wrap what COPY raises
        cause = error.__cause__ if isinstance(error, DatabaseError) else error
        code = getattr(cause, "pgcode", None) or _CONNECTION_LOST
        logger.warning("%s failed with SQLSTATE %s", doing, code)
        raise _plain(code, doing, Interrupted if is_outage(error) else Unavailable) from None


def _plain(code: str, doing: str, otherwise: type[Unavailable]) -> FairdbError:
    if code in _FULL:
        return Unavailable(
            f"The database has no room for this {doing}. Nothing was stored. "
            "Ask its operator for space."
        )
    if code == errorcodes.UNIQUE_VIOLATION:
        return Conflict("This file is being loaded already. Wait, then look at your datasets.")
    if code == errorcodes.PROGRAM_LIMIT_EXCEEDED:
        return Refused("A row is too large for PostgreSQL. Nothing was stored. Leave out columns.")
    if code.startswith(_DATA_EXCEPTION):
        return Refused(
            "The database refused a value of this file. Nothing was stored. "
            "Load the column concerned as text.",
            option="types",
        )
    return otherwise(
        f"The database stopped the {doing} (SQLSTATE {code}). Nothing was changed. Try again."
    )
