"""How many files are converted at once on this machine: each takes a slot, a lock on a small file.

Loads and staged files hold locks in the database; these do not, for three reasons. What is bounded
is the memory and the cores of one machine, whatever database it uses. A slot is asked for by
modules that know of no database, and held for minutes, for which a transaction would have to stay
open. And the child that does the work inherits the lock: its slot is taken for as long as it lives,
even where the process that started it was killed, and the kernel frees it however the child ends.
"""

import fcntl
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Final

from fairdb_site.errors import Unavailable

_POLLED: Final = 0.1  # seconds; no lock can be waited for that is any one of several


class Busy(Unavailable):
    """As many files are converted as may be at once: this one can be later."""


@dataclass
class Places:
    """How many slots each kind of conversion has, and a name that is this installation's own.

    They are shared by all processes of the installation that one system user runs on one machine:
    web workers and commands. Their files are empty, and stay.
    """

    count: int = 2
    name: str = "fairdb"

    def path(self, kind: str, number: int) -> Path:
        """Return the file of one slot."""
        folder = Path(tempfile.gettempdir())
        return folder / f"{self.name}-{os.geteuid()}-{kind}-{number}.lock"


places: Final = Places()


def set_places(*, count: int, installation: str) -> None:
    """Say once, as the process starts, how many slots there are, and whose."""
    places.count = count
    places.name = f"fairdb-{sha256(installation.encode()).hexdigest()[:12]}"


@dataclass
class Slot:
    """A slot that is taken: a descriptor for the child to inherit; given back by `close`."""

    descriptor: int
    is_lent: bool = False

    def close(self) -> None:
        """Give the slot back, unless it is lent; a child that inherited it keeps it."""
        if not self.is_lent:
            os.close(self.descriptor)


@dataclass
class _Kept:
    slots: dict[str, Slot] = field(default_factory=dict)


_kept: ContextVar[_Kept | None] = ContextVar("_kept", default=None)


@contextmanager
def one_slot() -> Iterator[None]:
    """Have all conversions in here take one slot, at the first of them, and keep it to the end.

    A file that is converted for each pass over it is then refused before the first, or not at all.
    """
    kept = _Kept()
    token = _kept.set(kept)
    try:
        yield
    finally:
        _kept.reset(token)
        for slot in kept.slots.values():
            slot.close()


def take_slot(kind: str, *, wait: float, busy: str) -> Slot:
    """Take a slot of a kind; raises Busy(`busy`) where none is free for `wait` seconds."""
    kept = _kept.get()
    if kept is None:
        return _taken(kind, wait, busy)
    if kind not in kept.slots:
        kept.slots[kind] = _taken(kind, wait, busy)
    return Slot(kept.slots[kind].descriptor, is_lent=True)


def _taken(kind: str, wait: float, busy: str) -> Slot:
    end = time.monotonic() + wait
    while True:
        for number in range(places.count):
            if (descriptor := _locked(places.path(kind, number))) is not None:
                return Slot(descriptor)
        if time.monotonic() >= end:
            raise Busy(busy)
        time.sleep(_POLLED)


def _locked(path: Path) -> int | None:
    """Return a descriptor of the file that holds its lock; None where another one does."""
    try:
        # a link that somebody put there is not followed
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise Unavailable(
            "The server cannot read workbooks and Parquet files just now: it may not write to its "
            f"folder of temporary files ({error.strerror}). Tell its operator."
        ) from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor
