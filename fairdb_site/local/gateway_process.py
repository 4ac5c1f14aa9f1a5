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
from dataclasses import asdict
from pathlib import Path

from fairdb_site.errors import Unavailable
from fairdb_site.local import processes
from fairdb_site.local.bootstrap import role_dsn
from fairdb_site.local.gateway.config import GatewayConfig
from fairdb_site.local.logs import last_errors, open_log
from fairdb_site.local.processes import Process
from fairdb_site.local.state import LocalState, move_port, write_private

_CONFIG, _PID_FILE, _LOG = "gateway.json", "gateway.pid", "gateway.log"
_MODULE = "fairdb_site.local.gateway"
_PROJECT = Path(__file__).resolve().parents[2]
_HOST = "127.0.0.1"
_START_SECONDS = 60.0
_HEALTH_SECONDS = 10.0
_STOP_SECONDS = 8.0  # for requests under way
_ATTEMPTS = 3  # somebody may take the port between our look and the gateway's bind


def start(state: LocalState, *, database_url: str | None = None) -> tuple[LocalState, bool]:
    """Start the gateway unless it runs as wanted.

    Return the state, with the port it has now, and whether it was started.
    """
    if running(state.folder):
        as_wanted = _record(state.folder).get("config") == _digest(_config(state, database_url))
        if as_wanted and health(state.gateway_port) is not None:
            return state, False
        stop(state.folder)
    for _ in range(_ATTEMPTS):
        if not _port_is_free(state.gateway_port):
            state = move_port(state)
        if _launch(state.folder, _config(state, database_url)):
            return state, True
    log = state.folder / _LOG
    raise Unavailable(f"The Supabase gateway did not start: {last_errors(log)} (log: {log})")


def stop(folder: Path) -> bool:
    """End the gateway, by force where it does not go; return whether it ran."""
    process = running(folder)
    if process:
        processes.end_processes([process], [(signal.SIGTERM, _STOP_SECONDS), (signal.SIGKILL, 5)])
    (folder / _PID_FILE).unlink(missing_ok=True)
    return process is not None


def running(folder: Path) -> Process | None:
    """Return the live gateway of this state folder, whether or not it answers."""
    record = _record(folder)
    pid = record.get("pid")
    process = processes.find_process(pid) if isinstance(pid, int) else None
    if process and process.started == record.get("started") and _is_gateway(process, folder):
        return process
    # its starter was killed before the pid file was written
    return next((found for found in processes.all_processes() if _is_gateway(found, folder)), None)


def health(port: int) -> dict[str, str] | None:
    """Return what the gateway on this port says of itself; None where none is well."""
    connection = http.client.HTTPConnection(_HOST, port, timeout=_HEALTH_SECONDS)
    try:
        connection.request("GET", "/auth/v1/health")
        response = connection.getresponse()
        answer = json.loads(response.read())
    except (OSError, ValueError, http.client.HTTPException):
        return None
    finally:
        connection.close()
    return answer if response.status == http.HTTPStatus.OK and isinstance(answer, dict) else None


def _launch(folder: Path, config: GatewayConfig) -> bool:
    """Start a gateway and wait until it answers; False where it ended or took too long."""
    config.write(folder / _CONFIG)
    with open_log(folder / _LOG) as log:
        child = subprocess.Popen(  # noqa: S603 - no shell; every argument is ours
            [sys.executable, "-m", _MODULE, str(folder / _CONFIG)],
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
    write_private(folder / _PID_FILE, json.dumps(record))
    processes.wait_until(
        lambda: health(config.port) is not None or not processes.still_runs(process),
        _START_SECONDS,
    )
    if processes.still_runs(process) and health(config.port) is not None:
        return True
    stop(folder)
    return False


def _config(state: LocalState, database_url: str | None) -> GatewayConfig:
    outbox = state.folder / "outbox"
    outbox.mkdir(mode=0o700, exist_ok=True)
    return GatewayConfig(
        port=state.gateway_port,
        authenticator_dsn=role_dsn(state, "authenticator", database_url),
        auth_admin_dsn=role_dsn(state, "supabase_auth_admin", database_url),
        publishable_key=state.publishable_key,
        secret_key=state.secret_key,
        signing_key_pem=state.signing_key_pem,
        former_signing_key_pem=state.former_signing_key_pem,
        hs256_secret=state.hs256_secret,
        outbox=str(outbox),
        site_url="http://127.0.0.1:8000",  # of links in mails, where a request names no other
        # as the settings read it: whoever has the publishable key could sign up past our own pages
        signup_enabled=os.environ.get("FAIRDB_REGISTRATION", "open") == "open",
    )


def _digest(config: GatewayConfig) -> str:
    return hashlib.sha256(repr(sorted(asdict(config).items())).encode()).hexdigest()


def _is_gateway(process: Process, folder: Path) -> bool:
    return process.arguments[-3:] == ("-m", _MODULE, str(folder / _CONFIG))


def _port_is_free(port: int) -> bool:
    with socket.socket() as listener:
        # a port that our last gateway left in TIME_WAIT is free
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((_HOST, port))
        except OSError:
            return False
    return True


def _record(folder: Path) -> dict[str, object]:
    try:
        record = json.loads((folder / _PID_FILE).read_text())
    except (OSError, ValueError):
        return {}
    return record if isinstance(record, dict) else {}
