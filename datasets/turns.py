"""Work that takes seconds is done one at a time for an account, else it could keep all threads.

Held by a lock of the transaction that does it, whichever door it came by: the functions that build
an index or report on a join take it themselves (`has_turn` in datasets/sql).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final
from uuid import UUID

from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper
from psycopg2 import sql

from datasets.identifiers import in_data_schema
from fairdb_site.errors import Conflict

WORK_UNDER_WAY: Final = (
    "Another search, join or privacy report of this account is under way. "
    "Wait until it has ended, then try again."
)


def require_turn(cursor: CursorWrapper, account: UUID) -> None:
    """Hold the account's turn until the transaction ends; raise Conflict where it is taken."""
    cursor.execute(sql.SQL("select {}(%s)").format(in_data_schema("has_turn")), [account])
    if cursor.fetchone() != (True,):
        raise Conflict(WORK_UNDER_WAY)


@contextmanager
def turn(account: UUID) -> Iterator[None]:
    """Hold the account's turn for work outside the database; raise Conflict where it is taken."""
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        require_turn(cursor, account)
        yield
