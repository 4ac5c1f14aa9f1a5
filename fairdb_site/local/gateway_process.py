"""The gateway as a detached process of its own: start, health, restart, stop.

Callers hold the state folder's lock.
"""

import hashlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from psycopg2.extensions import make_dsn, parse_dsn

from fairdb_site.errors import Unavailable
from fairdb_site.local import processes
from fairdb_site.local.logs import last_lines, open_log
from fairdb_site.local.processes import Process
from fairdb_site.local.state import LocalState, move_port, write_private

if TYPE_CHECKING:
    from fairdb_site.local.gateway.config import GatewayConfig

_MODULE = "fairdb_site.local.gateway"
_PROJECT = Path(__file__).resolve().parents[2]
_HOST = "127.0.0.1"
_START_SECONDS = 60
_ATTEMPTS = 3  # somebody may take the port between our look and the gateway's bind


def start(state: LocalState, *, database_url: str | None = None) -> tuple[LocalState, bool]:
    """Start the gateway unless it runs as wanted; return the state, its port as it is now."""
    if not (Path(__file__).parent / "gateway" / "__main__.py").exists():
        return state, False
    process = running(state)
    if process and _record(state).get("config") == _digest(_config(state, database_url)):
        if answers(state.gateway_port):
            return state, False
    if process:
        stop(state)
    for _ in range(_ATTEMPTS):
        if not _port_is_free(state.gateway_port):
            state = move_port(state)
        if _launch(state, _config(state, database_url)):
            return state, True
    raise Unavailable(
        f"The Supabase gateway did not start: {last_lines(_log(state))} (log: {_log(state)})"
    )


def stop(state: LocalState) -> bool:
    """End the gateway, by force where it does not go; return whether it ran."""
    process = running(state)
    if process:
        processes.end_processes([process], [(signal.SIGTERM, 8), (signal.SIGKILL, 5)])
    _pid_file(state).unlink(missing_ok=True)
    return process is not None


def running(state: LocalState) -> Process | None:
    """Return the live gateway of this state folder, whether or not it answers."""
    record = _record(state)
    pid, started = record.get("pid"), record.get("started")
    if isinstance(pid, int) and (process := processes.find_process(pid)):
        if process.started == started and _is_gateway(process, state):
            return process
    # killed before the pid file was written
    return next((p for p in processes.all_processes() if _is_gateway(p, state)), None)


def answers(port: int) -> bool:
    """Whether a gateway on this port says that it is well."""
    connection = http.client.HTTPConnection(_HOST, port, timeout=5)
    try:
        connection.request("GET", "/auth/v1/health")
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _launch(state: LocalState, config: "GatewayConfig") -> bool:
    config.write(_config_file(state))
    with open_log(_log(state)) as log:
        child = subprocess.Popen(
            [sys.executable, "-m", _MODULE, str(_config_file(state))],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=_PROJECT,
            env={name: value for name, value in os.environ.items() if not name.startswith("PG")},
            start_new_session=True,
        )
    processes.adopt(child)
    process = processes.find_process(child.pid)
    if process is None:
        return False
    record = {"pid": process.pid, "started": process.started, "config": _digest(config)}
    write_private(_pid_file(state), json.dumps(record))
    processes.wait_until(
        lambda: answers(state.gateway_port) or not processes.still_runs(process), _START_SECONDS
    )
    if processes.still_runs(process) and answers(state.gateway_port):
        return True
    stop(state)
    return False


def _config(state: LocalState, database_url: str | None) -> "GatewayConfig":
    from fairdb_site.local.gateway.config import GatewayConfig

    outbox = state.folder / "outbox"
    outbox.mkdir(mode=0o700, exist_ok=True)
    return GatewayConfig(
        host=_HOST,
        port=state.gateway_port,
        authenticator_dsn=role_dsn(state, "authenticator", database_url),
        auth_admin_dsn=role_dsn(state, "supabase_auth_admin", database_url),
        publishable_key=state.publishable_key,
        secret_key=state.secret_key,
        signing_key_pem=state.signing_key_pem,
        hs256_secret=state.hs256_secret,
        outbox=str(outbox),
        site_url="http://127.0.0.1:8000",
    )


def role_dsn(state: LocalState, role: str, database_url: str | None) -> str:
    """Return how `role` connects: to the embedded server, or where DATABASE_URL says."""
    if not database_url:
        return state.database_url(role)
    return make_dsn(**(parse_dsn(database_url) | {"user": role, "password": state.password(role)}))


def _digest(config: "GatewayConfig") -> str:
    return hashlib.sha256(repr(sorted(vars(config).items())).encode()).hexdigest()


def _is_gateway(process: Process, state: LocalState) -> bool:
    return process.arguments[-3:] == ("-m", _MODULE, str(_config_file(state)))


def _port_is_free(port: int) -> bool:
    with socket.socket() as listener:
        # a port that our last gateway left in TIME_WAIT is free
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((_HOST, port))
        except OSError:
            return False
    return True


def _record(state: LocalState) -> dict[str, object]:
    try:
        record = json.loads(_pid_file(state).read_text())
    except (OSError, ValueError):
        return {}
    return record if isinstance(record, dict) else {}


def _pid_file(state: LocalState) -> Path:
    return state.folder / "gateway.pid"


def _config_file(state: LocalState) -> Path:
    return state.folder / "gateway.json"


def _log(state: LocalState) -> Path:
    return state.folder / "gateway.log"
