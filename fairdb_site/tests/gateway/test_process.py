"""The gateway as a program: configured by a file, stopped by a signal, alone on this machine."""

import os
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from fairdb_site.local.gateway.config import GatewayConfig
from fairdb_site.local.state import LocalState
from fairdb_site.tests.gateway.served import Served, serve

PROJECT = Path(__file__).resolve().parents[3]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@contextmanager
def program(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "fairdb_site.local.gateway", *arguments],
        cwd=PROJECT,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def test_program_serves_its_file_and_ends_in_order(gateway: Served, tmp_path: Path) -> None:
    config, file = replace(gateway.config, port=free_port()), tmp_path / "a config.json"
    config.write(file)

    with program(str(file)) as process:
        transport = httpx.HTTPTransport(retries=8)  # 0, 0.5, 1, 2 s ... between attempts to connect
        with httpx.Client(transport=transport, timeout=30) as client:
            health = client.get(f"{config.url}/auth/v1/health")
        process.send_signal(signal.SIGTERM)
        _, log = process.communicate(timeout=20)

    assert health.status_code == 200
    assert process.returncode == 0
    assert "GET /auth/v1/health 200" in log
    assert "Traceback" not in log


def test_program_that_cannot_have_its_port_fails(gateway: Served, tmp_path: Path) -> None:
    file = tmp_path / "config.json"
    gateway.config.write(file)

    with program(str(file)) as process:
        process.communicate(timeout=30)

    assert process.returncode not in (0, None)


def test_program_tells_its_usage() -> None:
    with program() as process:
        _, text = process.communicate(timeout=30)

    assert process.returncode == 2
    assert text.startswith("usage: ")


def test_file_of_a_config_is_private_and_reads_back_the_same(
    gateway: Served, tmp_path: Path
) -> None:
    file = tmp_path / "config.json"
    os.umask(os.umask(0))  # whatever the umask is
    gateway.config.write(file)
    gateway.config.write(file)

    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert GatewayConfig.read(file) == gateway.config
    assert gateway.config.secret_key not in repr(gateway.config)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"host": "127.0.0.1"}', "port"),
        ('{"colour": "blue"}', "Unknown settings in .*colour"),
        ("{", "Expecting"),
    ],
)
def test_wrong_file_is_refused_with_the_reason(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "config.json"
    file.write_text(text)

    with pytest.raises(ValueError, match=message):
        GatewayConfig.read(file)


@pytest.mark.parametrize(
    "change",
    [
        {"host": "0.0.0.0"},
        {"host": "localhost"},
        {"algorithm": "none"},
        {"algorithm": "HS256", "hs256_secret": "short"},
    ],
)
def test_unsafe_config_is_refused(gateway: Served, change: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"\."):
        replace(gateway.config, **change)  # type: ignore[arg-type]


def test_database_that_is_away_is_a_503(state: LocalState, tmp_path: Path) -> None:
    nowhere = f"host={tmp_path} user=authenticator dbname=fairdb"

    with serve(state, tmp_path, authenticator_dsn=nowhere) as gateway:
        answer = gateway.rpc("no_arguments")
    config = replace(gateway.config, auth_admin_dsn=nowhere, port=free_port())
    file = tmp_path / "config.json"
    config.write(file)
    with (
        program(str(file)),
        httpx.Client(transport=httpx.HTTPTransport(retries=8), timeout=30) as client,
    ):
        health = client.get(f"{config.url}/auth/v1/health")

    assert (answer.status_code, answer.json()["code"]) == (503, "PGRST000")
    assert health.status_code == 503
