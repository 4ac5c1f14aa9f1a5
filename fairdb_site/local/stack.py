"""The embedded stack as a whole: PostgreSQL, then the gateway."""

import os
from dataclasses import dataclass
from pathlib import Path

from fairdb_site.local import gateway_process
from fairdb_site.local.bootstrap import bootstrap_embedded
from fairdb_site.local.postgres import Postgres
from fairdb_site.local.state import LocalState, folder_lock, load_or_make, plain_errors

PARTS = ("postgres", "gateway")


@dataclass(frozen=True)
class StackHandle:
    """A running stack: its state as it is now, and the parts that this call started."""

    state: LocalState
    started: tuple[str, ...]


def ensure_started(folder: Path, *, database_url: str | None = None) -> StackHandle:
    """Start what does not run yet; wait until it answers. Any number of callers may ask at once."""
    folder = Path(os.path.abspath(folder))
    started: list[str] = []
    with folder_lock(folder), plain_errors(folder):
        state = load_or_make(folder)
        if not database_url:
            if Postgres(state).start():
                started.append("postgres")
            bootstrap_embedded(state)
        state, gateway_started = gateway_process.start(state, database_url=database_url)
        if gateway_started:
            started.append("gateway")
    return StackHandle(state, tuple(started))


def stop(folder: Path, parts: tuple[str, ...] = PARTS) -> tuple[str, ...]:
    """Stop the parts named, the gateway first; return those that ran."""
    folder = Path(os.path.abspath(folder))
    stopped: list[str] = []
    with folder_lock(folder), plain_errors(folder):
        state = load_or_make(folder)
        if "gateway" in parts and gateway_process.stop(state):
            stopped.append("gateway")
        if "postgres" in parts and Postgres(state).stop():
            stopped.append("postgres")
    return tuple(stopped)
