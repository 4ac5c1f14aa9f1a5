"""The embedded stack as a whole: PostgreSQL, then the gateway. Needs no Django."""

import contextlib
import platform
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from fairdb_site.errors import Refused
from fairdb_site.local import gateway_process
from fairdb_site.local.binaries import COPY_PREFIX, server_version
from fairdb_site.local.bootstrap import (
    bootstrap_embedded,
    bootstrap_external,
    connect,
    read_dsn,
    require_bootstrapped,
)
from fairdb_site.local.cluster_folder import remove_cluster_folder
from fairdb_site.local.postgres import Postgres
from fairdb_site.local.state import (
    BOOTSTRAPPED,
    DEMO_PASSWORDS,
    LocalState,
    canonical,
    folder_lock,
    has_state,
    load_or_make,
    plain_errors,
    read_state,
    rotate_signing_key,
)

PARTS = ("postgres", "gateway")


@dataclass(frozen=True)
class StackHandle:
    """A running stack: its state as it is now, and the parts that this call started."""

    state: LocalState
    started: tuple[str, ...]


@dataclass(frozen=True)
class PartStatus:
    """One server: whether it runs and answers, and where."""

    running: bool
    pid: int | None
    version: str | None
    where: str


@dataclass(frozen=True)
class StackStatus:
    """What there is in a state folder, and what of it runs."""

    folder: Path
    cluster: Path | None
    postgres: PartStatus
    gateway: PartStatus


def ensure_started(folder: Path, *, database_url: str | None = None) -> StackHandle:
    """Start what does not run yet and wait until it answers; any number of callers at once.

    With `database_url` the server there is used, and only the gateway is ours. The state returned
    may have another gateway port than the one read before.
    """
    started: list[str] = []
    with _held(folder) as held:
        state = load_or_make(held)
        if not database_url:
            if Postgres(held).start(state.superuser_password):
                started.append("postgres")
            bootstrap_embedded(state)
        elif gateway_process.running(held) is None:
            require_bootstrapped(state, database_url)
        state, gateway_started = gateway_process.start(state, database_url=database_url)
        if gateway_started:
            started.append("gateway")
    return StackHandle(state, tuple(started))


def bootstrap(folder: Path, *, database_url: str | None = None) -> None:
    """Lay roles and auth schema, again where they are there, into our server or the one named."""
    with _held(folder) as held:
        state = load_or_make(held)
        if database_url:
            bootstrap_external(state, database_url)
        else:
            Postgres(held).start(state.superuser_password)
            bootstrap_embedded(state, again=True)


def rotate_key(folder: Path, *, database_url: str | None = None) -> bool:
    """Sign access tokens with a new key; return whether a running gateway was started anew for it.

    Nobody is signed out: tokens of the old key are good until they expire, within the hour.
    """
    with _held(folder) as held:
        state = rotate_signing_key(load_or_make(held))
        if gateway_process.running(held) is None:
            return False
        gateway_process.start(state, database_url=database_url)
    return True


def stop(folder: Path, parts: tuple[str, ...] = PARTS) -> tuple[str, ...]:
    """Stop the parts named, the gateway first; return those that ran."""
    if not canonical(folder).exists():
        return ()
    stopped: list[str] = []
    with _held(folder) as held:
        if "gateway" in parts and gateway_process.stop(held):
            stopped.append("gateway")
        if "postgres" in parts and Postgres(held).stop():
            stopped.append("postgres")
    return tuple(stopped)


def status(folder: Path, *, database_url: str | None = None) -> StackStatus:
    """Look, without starting or making anything."""
    folder = canonical(folder)
    postgres = Postgres(folder)
    gateway = PartStatus(running=False, pid=None, version=None, where="not set up")
    if has_state(folder):
        state = read_state(folder)
        process = gateway_process.running(folder)
        health = gateway_process.health(state.gateway_port) if process else None
        gateway = PartStatus(
            running=health is not None,
            pid=process.pid if process else None,
            version=health.get("version") if health else None,
            where=state.supabase_url,
        )
    with plain_errors(folder):
        return StackStatus(
            folder=folder,
            cluster=postgres.cluster if postgres.cluster.exists() else None,
            postgres=_external_status(database_url) if database_url else _own_status(postgres),
            gateway=gateway,
        )


def reset(folder: Path) -> bool:
    """Stop everything; remove cluster, outbox, uploads, secrets, logs. Return whether it was there.

    Only what the embedded default made is removed: the folder may hold more.
    """
    if not canonical(folder).exists():
        return False
    with _held(folder) as held:
        had_state = has_state(held) or Postgres(held).cluster.exists()
        gateway_process.stop(held)
        Postgres(held).stop(for_good=True)
        remove_cluster_folder(held)
        for made in ("outbox", "staged"):
            shutil.rmtree(held / made, ignore_errors=True)
        for copy in held.glob(f"{COPY_PREFIX}*"):
            shutil.rmtree(copy)
        # "lock" last: it is what keeps others out
        kept = (BOOTSTRAPPED, DEMO_PASSWORDS, "gateway.*", "*.log", "*.log.old", "state.json")
        for pattern in (*kept, "lock"):
            for file in held.glob(pattern):
                file.unlink()
        with contextlib.suppress(OSError):  # it holds somebody's files
            held.rmdir()
    return had_state


@contextlib.contextmanager
def _held(folder: Path) -> Iterator[Path]:
    """Give the state folder's true path, with its lock held and its errors made plain."""
    if platform.system() != "Linux":
        raise Refused(
            "The embedded default runs on Linux only. Use a Supabase project instead: set "
            "SUPABASE_URL and its keys (docs/settings.md)."
        )
    folder = canonical(folder)
    with folder_lock(folder), plain_errors(folder):
        yield folder


def _own_status(postgres: Postgres) -> PartStatus:
    process = postgres.running()
    return PartStatus(
        running=postgres.ready(),
        pid=process.pid if process else None,
        version=server_version(),
        where=str(postgres.socket),
    )


def _external_status(database_url: str) -> PartStatus:
    dsn = read_dsn(database_url)
    where = f"{dsn.get('host', 'localhost')}:{dsn.get('port', '5432')} (DATABASE_URL)"
    try:
        with contextlib.closing(connect(database_url)) as server:
            number = server.server_version
    except Refused:
        raise
    except Exception:
        return PartStatus(running=False, pid=None, version=None, where=where)
    return PartStatus(
        running=True, pid=None, version=f"{number // 10_000}.{number % 10_000}", where=where
    )
