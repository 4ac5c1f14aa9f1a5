"""One load of an owner at a time, and one of each submission, however many processes take forms.

Two advisory locks, held from before the file is read until the load has ended, however it ended:

- of the submission, which is waited for a while: whoever sends a form again gets the first one's
  receipt;
- of the owner, which is not: another file is refused while one is being loaded.

Both are of one transaction, on a connection of their own: the load has a transaction of its own,
and before that none. A load whose process was killed holds neither, and so keeps nobody waiting.
"""

import time
from contextlib import suppress
from types import TracebackType
from typing import Final, Self
from uuid import UUID

from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg2 import sql

from datasets.faults import plain_faults
from datasets.identifiers import in_data_schema
from fairdb_site.database import renew_if_lost
from fairdb_site.errors import Conflict

# Seconds: a transaction that ends lets go of one lock after the other, and the server takes a
# moment to notice that a process was killed.
_PATIENCE: Final = 0.5
# that a form sent again waits for the first one; each that waits keeps a worker and connections
_SUBMISSION_PATIENCE: Final = 20
_POLLED: Final = 0.05

STILL_LOADED: Final = (
    "This file is being loaded already, since it was sent before. Nothing of it is lost: look at "
    "your datasets in some minutes."
)


def lock_of(owner_id: UUID, submission: UUID) -> str:
    """Return the name of the lock that the load of a submission holds."""
    return f"submission {submission} of {owner_id}"


class UnderWay(Conflict):
    """Another load of the owner, or of the submission, is under way: this one can come later."""


class Turn:
    """The turn of one load: entered, it waits for the same submission; `take` takes the owner's."""

    def __init__(self, owner_id: UUID, submission: UUID | None) -> None:
        self._owner_id = owner_id
        self._submission = submission
        self._held: BaseDatabaseWrapper | None = None
        self._is_taken = False

    def __enter__(self) -> Self:
        """Wait until nobody loads this submission; raises UnderWay where that takes long."""
        try:
            self._hold()
        except BaseException:
            self._let_go()
            raise
        renew_if_lost()  # the other load may have taken a while
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Let the next one load."""
        self._let_go()

    def take(self) -> None:
        """Take the owner's turn; raises UnderWay while another load of theirs is under way."""
        end = time.monotonic() + _PATIENCE
        with plain_faults("load"):
            while not self._try_lock(f"load of {self._owner_id}"):
                if time.monotonic() >= end:
                    raise UnderWay(self._under_way())
                time.sleep(_POLLED)
        self._is_taken = True

    def keep(self) -> None:
        """Take the turn again if the database was restarted while the file was read, and lost it.

        Raises UnderWay where another load of the owner began meanwhile.
        """
        assert self._held is not None
        if self._held.is_usable():
            return
        self._let_go()
        self._hold(wait=False)  # who has the submission now has the owner's turn as well
        if self._is_taken:
            self.take()

    def _hold(self, *, wait: bool = True) -> None:
        self._held = connection.copy()
        with plain_faults("load"):
            self._held.set_autocommit(False)
            with self._held.cursor() as cursor:
                cursor.execute("set local statement_timeout = 0")
                cursor.execute("set local idle_in_transaction_session_timeout = 0")
        if self._submission is None or not wait:
            return
        end = time.monotonic() + _SUBMISSION_PATIENCE
        with plain_faults("load"):
            while not self._try_lock(lock_of(self._owner_id, self._submission)):
                if time.monotonic() >= end:
                    raise UnderWay(STILL_LOADED)
                time.sleep(_POLLED)

    def _let_go(self) -> None:
        held, self._held = self._held, None
        if held is None:
            return
        with suppress(Exception):
            held.rollback()  # answered once the locks are free; a connection just closed is not
        with suppress(Exception):
            held.close()

    def _try_lock(self, name: str) -> bool:
        assert self._held is not None
        with self._held.cursor() as cursor:
            cursor.execute("select pg_try_advisory_xact_lock(hashtextextended(%s, 0))", [name])
            return bool(cursor.fetchone()[0])

    def _under_way(self) -> str:
        """Say which load has the turn, by its title once it is on record; dead ones are passed."""
        assert self._held is not None
        statement = sql.SQL(
            "with unfinished as materialized (select id, title from {}"
            " where user_id = %s and state in ('created', 'loading') order by created_at desc)"
            " select title from unfinished"
            " where not pg_try_advisory_xact_lock(hashtextextended(id::text, 0)) limit 1"
        ).format(in_data_schema("datasets"))
        with self._held.cursor() as cursor:
            cursor.execute(statement, [self._owner_id])
            row = cursor.fetchone()
        which = f"“{row[0]}”" if row else "its file is being read"
        return (
            f"This account has a load under way ({which}). Nothing of this file was stored. Wait "
            "until that load has ended, then send this file again."
        )
