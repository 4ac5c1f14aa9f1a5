"""Exceptions that nobody catches, logged without what they say.

Python prints them to stderr past all logging, message and all. psycopg2 does so in a process that
goes on: where PostgreSQL ends a connection during COPY its C code raises one error and prints the
other, and PostgreSQL has quoted the row ("CONTEXT: COPY ..., line 7: ...").
"""

import logging
import sys
import threading
from contextlib import suppress
from types import TracebackType

import psycopg2
from django.core.exceptions import ImproperlyConfigured
from django.db import OperationalError

logger = logging.getLogger(__name__)

_OF_THE_INSTALLATION = (ImproperlyConfigured, ImportError, SyntaxError, OperationalError)


def log_uncaught() -> None:
    """Have this process log what nobody catches, in whichever thread, as frames and kinds."""
    sys.excepthook = _uncaught
    sys.unraisablehook = _unraisable
    threading.excepthook = _uncaught_in_thread


def _uncaught(
    kind: type[BaseException], error: BaseException, frames: TracebackType | None
) -> None:
    if issubclass(kind, KeyboardInterrupt):
        error.__cause__ = error.__context__ = None  # what it came in between may have a message
        sys.__excepthook__(kind, error, frames)
    elif hasattr(sys, "ps1") or _holds_no_value(error):
        # in a shell whoever types there wants to read what was wrong
        sys.__excepthook__(kind, error, frames)
    else:
        _log("nobody caught this", kind, error)


def _holds_no_value(error: BaseException | None) -> bool:
    """Whether all that would be printed is of the installation: a setting, a module, no database.

    What the server said has a code, and may quote a row; what libpq says of a connection has none.
    """
    while error is not None:
        if isinstance(error, psycopg2.OperationalError):
            if error.pgcode is not None:
                return False
        elif not isinstance(error, _OF_THE_INSTALLATION):
            return False
        error = error.__cause__ or error.__context__
    return True


def _unraisable(found: "sys.UnraisableHookArgs") -> None:
    # its name, not its repr, which may hold a value
    place = getattr(found.object, "__qualname__", type(found.object).__qualname__)
    _log(f"ignored in {place}", found.exc_type, found.exc_value)


def _uncaught_in_thread(found: threading.ExceptHookArgs) -> None:
    if not issubclass(found.exc_type, SystemExit):  # an ordinary way for a thread to end
        _log("nobody caught this in a thread", found.exc_type, found.exc_value)


def _log(what: str, kind: type[BaseException], error: BaseException | None) -> None:
    with suppress(Exception):  # Python prints the message of what it finds a hook failing at
        logger.critical("%s: %s", what, kind.__name__, exc_info=error)
