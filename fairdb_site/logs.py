"""Logs without people's data: where something broke and of what kind, never what it said.

An exception's message may quote a cell (PostgreSQL: "Failing row contains (...)"), an address may
hold what somebody searched for. So the formatters of all our handlers, one for lines and one for
JSON, write the frames and the kinds of exceptions, leave their words out, and name a request by its
route. What others log may
still hold what a stranger sent: it is one line of bounded length, with nothing that moves a cursor.
"""

import json
import logging
import re
import traceback
from collections.abc import Iterator
from contextvars import ContextVar
from copy import copy
from datetime import UTC, datetime
from typing import Any

from django.http import HttpRequest

current_request_id: ContextVar[str] = ContextVar("request_id", default="-")

_QUERY = re.compile(r"\?\S*")
_SENDER = re.compile(r"(checking failed - ).*( does not match)", re.DOTALL)  # Origin, Referer
_LONGEST = 500  # characters of a message that is not ours
_METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
_requests = logging.getLogger("fairdb_site.requests")
_OURS = ("accounts", "datasets", "fairdb_site")


class ValueFreeFormatter(logging.Formatter):
    """Formats a record with the id of the request being answered and without exceptions' words."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, then the frames where an exception comes with it."""
        plain = copy(record)  # other handlers keep theirs
        exception = record.exc_info[1] if record.exc_info else None
        plain.msg, plain.args = _without_values(record, exception), None
        plain.request_id = current_request_id.get()
        plain.exc_info = plain.exc_text = None
        line = super().format(plain)
        return f"{line}\n{where_it_broke(exception)}" if exception else line


class JsonFormatter(logging.Formatter):
    """Formats a record as one JSON object in one line, as value-free as `ValueFreeFormatter`.

    Members: `time` (RFC 3339, UTC), `level`, `logger`, `request` (its id), `message`; `exceptions`
    (what it came from first, each with its `kind` and `frames`) where one comes with the record;
    and what `log_answer` tells of a request.
    """

    def format(self, record: logging.LogRecord) -> str:
        """Return the object; characters outside of ASCII are escaped, line ends too."""
        exception = record.exc_info[1] if record.exc_info else None
        moment = datetime.fromtimestamp(record.created, UTC)
        said: dict[str, Any] = {
            "time": moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname,
            "logger": record.name,
            "request": current_request_id.get(),
            "message": _without_values(record, exception),
        }
        if exception is not None:
            said["exceptions"] = [_as_json(link) for link in reversed(list(_chain(exception)))]
        facts = record.__dict__.get("facts", {}) if record.name == _requests.name else {}
        return json.dumps(said | facts)


def where_it_broke(exception: BaseException) -> str:
    """Return an exception's frames and its kind, each one's it came from before it."""
    return "\n".join(
        f"{''.join(traceback.format_tb(link.__traceback__))}{kind_of(link)}"
        for link in reversed(list(_chain(exception)))
    )


def kind_of(exception: BaseException) -> str:
    """Return what kind of exception it is, with PostgreSQL's code where it has one."""
    cause = exception if hasattr(exception, "pgcode") else exception.__cause__
    code = getattr(cause, "pgcode", None)
    return f"{type(exception).__name__}{f' (SQLSTATE {code})' if code else ''}"


def route_of(request: HttpRequest) -> str:
    """Return the pattern of the address that was asked for, "?" where it leads nowhere."""
    return request.resolver_match.route if request.resolver_match else "?"


def log_answer(request: HttpRequest, *, status: int, seconds: float) -> None:
    """Log that a request was answered: how, by which route and how fast, up to the first byte.

    Neither who asked nor for what: the request's id leads to its event on the audit trail, for
    those who may read that.
    """
    facts = {
        "method": request.method if request.method in _METHODS else "?",
        "route": route_of(request),
        "status": status,
        "ms": round(seconds * 1000, 1),
    }
    _requests.info("%(method)s %(route)s %(status)s in %(ms)s ms", facts, extra={"facts": facts})


def _as_json(exception: BaseException) -> dict[str, Any]:
    frames = traceback.extract_tb(exception.__traceback__)
    return {
        "kind": kind_of(exception),
        "frames": [f"{frame.filename}:{frame.lineno} in {frame.name}" for frame in frames],
    }


def _without_values(record: logging.LogRecord, exception: BaseException | None) -> str:
    message = record.getMessage()
    for link in _chain(exception):
        for words in filter(str.strip, (repr(link), str(link))):
            message = message.replace(words, kind_of(link))
    request = getattr(record, "request", None)
    if isinstance(request, HttpRequest) and len(request.path) > 1:
        message = message.replace(request.path, route_of(request))
    # the name of a logger is not for anybody to choose from outside
    if record.name.partition(".")[0] in _OURS:
        return message
    if record.name == "django.server":
        message = _QUERY.sub("?", message)
    return _one_line(_SENDER.sub(r"\1?\2", message))


def _one_line(message: str) -> str:
    cut = message if len(message) <= _LONGEST else f"{message[:_LONGEST]}..."
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode()
        for letter in cut
    )


def _chain(exception: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while exception is not None and id(exception) not in seen:
        seen.add(id(exception))
        yield exception
        exception = exception.__cause__ or exception.__context__
