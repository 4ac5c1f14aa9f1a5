"""Django's own connection: a user's identity on it, a new one where it was lost, none to be had.

Django connects as `postgres`, which row level security does not bind. Whatever reads or writes a
user's rows over that connection (exports, background work that holds no token of the user) does it
inside `as_user`.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

import psycopg2
from django.db import DEFAULT_DB_ALIAS, connections, transaction
from django.db.backends.utils import CursorWrapper
from psycopg2 import errorcodes

_OUT_OF_REACH = (  # codes, or their classes
    errorcodes.CLASS_CONNECTION_EXCEPTION,
    errorcodes.CLASS_INSUFFICIENT_RESOURCES,
    errorcodes.ADMIN_SHUTDOWN,
    errorcodes.CRASH_SHUTDOWN,
    errorcodes.CANNOT_CONNECT_NOW,
)


def is_outage(error: BaseException | None) -> bool:
    """Whether the database could not be reached, ended the connection or had no room left.

    What it answered and would not do is none: a mistake of ours, a value, a lock, too long a query.
    What then broke for want of a connection (a rollback, say) is one by the error it came from.
    """
    while error is not None and not isinstance(error, psycopg2.Error):
        error = error.__cause__ or error.__context__
    if getattr(error, "pgcode", None) == errorcodes.IDLE_IN_TRANSACTION_SESSION_TIMEOUT:
        return True  # psycopg2 takes it for an internal error, but the connection is gone
    if isinstance(error, psycopg2.InterfaceError):
        return "connection" in str(error)  # else a cursor of ours was closed
    if isinstance(error, psycopg2.OperationalError) or type(error) is psycopg2.DatabaseError:
        # libpq's own errors bear no code, and are of either kind
        code: str = getattr(error, "pgcode", None) or errorcodes.CONNECTION_FAILURE
        return code.startswith(_OUT_OF_REACH)
    return False


def renew_if_lost() -> None:
    """Close the connection if the server has ended it, so that the next query opens a new one.

    Django looks only as a request begins. What takes long enough in between for the database to be
    restarted, or for a pooler to close an idle connection, calls this before it goes on.
    """
    connection = connections[DEFAULT_DB_ALIAS]
    if connection.connection is not None and not connection.is_usable():
        connection.close()


@contextmanager
def as_user(
    user_id: UUID, *, snapshot: bool = False, using: str = DEFAULT_DB_ALIAS
) -> Iterator[None]:
    """Run one transaction as this Supabase user: role `authenticated`, `auth.uid()` = `user_id`.

    With a second factor as far as the policies are concerned (`aal2`): whoever comes this far has
    given theirs, where they have one, to the page, or is the operator.

    Role and claims are set for the transaction only (`set local`), so they are gone at commit and
    at rollback alike, also behind a pooler; nothing else of the session is changed. It is the
    outermost transaction or none: inside another, what ran before would have run unbound, and a
    savepoint rolled back would undo the identity but not the block. A generator enters it in its
    own body, so that it lasts as long as the rows are read. With `snapshot` every statement sees
    the data as of the first one (REPEATABLE READ).

    Raises RuntimeError inside a transaction that is already open.
    """
    connection = connections[using]
    if connection.in_atomic_block:
        raise RuntimeError("as_user() is a transaction of its own and cannot run inside another.")
    with transaction.atomic(using=using, durable=True):
        with connection.cursor() as cursor:
            if snapshot:
                cursor.execute("set transaction isolation level repeatable read")
            become(cursor, user_id)
        yield


def become(cursor: CursorWrapper, user_id: UUID) -> None:
    """Go on as this user in a transaction that has begun unbound, until its end or `be_self`.

    For what has to make or seal tables in the transaction in which it reads a user's rows; all else
    goes through `as_user`, which cannot be left half way.
    """
    role = "authenticated"
    claims = json.dumps({"sub": str(user_id), "role": role, "aud": role, "aal": "aal2"})
    cursor.execute(
        "select set_config('request.jwt.claims', %s, true), set_config('role', %s, true)",
        [claims, role],
    )
    cursor.execute("select current_user, auth.uid()")
    if cursor.fetchone() != (role, user_id):
        raise RuntimeError("PostgreSQL did not take the user's identity.")


def be_self(cursor: CursorWrapper) -> None:
    """Go on as Django's own role in a transaction in which `become` was called."""
    cursor.execute(
        "select set_config('role', 'none', true), set_config('request.jwt.claims', '', true)"
    )
