"""Downloads that are made while they are sent: for as long as the session lives, one at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from uuid import UUID

from django.db import connection
from django.http import StreamingHttpResponse
from django.utils.http import content_disposition_header

from accounts.models import SupabaseSession
from fairdb_site.errors import Conflict
from fairdb_site.http import HtmxHttpRequest
from fairdb_site.streams import Streamed, Write
from fairdb_site.supabase.errors import SESSION_ENDED, SessionEnded

UNDER_WAY = (
    "A download of this account is under way. Wait until it has ended; one that broke off is over "
    "within a few minutes."
)


def download(
    request: HtmxHttpRequest, work: Callable[[Write], object], *, name: str, content_type: str
) -> StreamingHttpResponse:
    """Answer with what `work` writes, as a file to be saved under a name; `work` begins here.

    What `work` raises before its first piece is raised here. From then on an error breaks the
    answer off, and so does the end of the session, within seconds: in a thief's hands an open one
    would else go on for as long as the rows last. Raises Conflict where a download of the account
    is under way: each keeps a worker's thread and two connections busy for as long as its reader
    takes, so one account could else keep all of them.
    """
    stream = Streamed(work, watch=lambda: require_session(request))
    stream.begin()
    answer = StreamingHttpResponse(stream, content_type=content_type)
    answer["Content-Disposition"] = content_disposition_header(as_attachment=True, filename=name)
    answer["X-Accel-Buffering"] = "no"  # of nginx: it would lay what a slow reader leaves on disk
    return answer


def require_session(request: HtmxHttpRequest) -> None:
    """Raise SessionEnded where the session was ended, or its account closed, since it was begun.

    Its person may have ended it, because it was a thief's, or is deleting the account.
    """
    session = SupabaseSession.objects.filter(pk=request.supabase_session.pk, user__is_active=True)
    if not session.exists():
        raise SessionEnded(SESSION_ENDED)


@contextmanager
def the_only_one_of(account: UUID) -> Iterator[None]:
    """Hold the account's one place for a download, by a transaction on a connection of its own."""
    held = connection.copy()
    try:
        held.set_autocommit(False)
        with held.cursor() as cursor:
            cursor.execute("set local idle_in_transaction_session_timeout = 0")
            lock = f"download of {account}"
            cursor.execute("select pg_try_advisory_xact_lock(hashtextextended(%s, 0))", [lock])
            (is_free,) = cursor.fetchone()
        if not is_free:
            raise Conflict(UNDER_WAY)
        yield
    finally:
        with suppress(Exception):
            held.rollback()  # answered once the lock is free; a connection just closed is not
        held.close()
