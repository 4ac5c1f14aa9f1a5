"""Answers that take the same time, whatever it is that they do not tell."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic, sleep

# Seconds. Supabase checks no password where there is no account: without this an unknown e-mail
# would be refused by a bcrypt (some 0.1 s) sooner than a wrong password.
REFUSED_AFTER = 0.5


@contextmanager
def refused_late(*errors: type[Exception]) -> Iterator[None]:
    """Hold these errors of the work inside back until it has taken its fixed time."""
    begun = monotonic()
    try:
        yield
    except errors:
        wait_until(begun + REFUSED_AFTER)
        raise


def wait_until(moment: float) -> None:
    """Wait for a moment of `time.monotonic`."""
    sleep(max(0.0, moment - monotonic()))
