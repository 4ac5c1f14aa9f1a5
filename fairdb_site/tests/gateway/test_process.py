"""The gateway as a program: configured by a file, stopped by a signal, alone on this machine."""

import asyncio
import signal
import socket
import stat
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from fairdb_site.local.gateway.app import create_app
from fairdb_site.local.gateway.config import GatewayConfig
from fairdb_site.tests.gateway.served import Served

PROJECT = Path(__file__).resolve().parents[3]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def test_program_serves_its_file_and_ends_in_order(gateway: Served, tmp_path: Path) -> None:
    config, file = replace(gateway.config, port=free_port()), tmp_path / "a config.json"
    config.write(file)
    process = subprocess.Popen(
        [sys.executable, "-m", "fairdb_site.local.gateway", str(file)],
        cwd=PROJECT,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        transport = httpx.HTTPTransport(retries=8)  # 0, 0.5, 1, 2 s ... between attempts to connect
        with httpx.Client(transport=transport, timeout=30) as client:
            health = client.get(f"{config.url}/auth/v1/health")
        process.send_signal(signal.SIGTERM)
        _, log = process.communicate(timeout=20)
    finally:
        process.kill()

    assert health.status_code == 200
    assert process.returncode in (0, -signal.SIGTERM)
    assert "GET /auth/v1/health 200" in log
    assert "Traceback" not in log


def test_file_of_a_config_is_private_and_reads_back_the_same(
    gateway: Served, tmp_path: Path
) -> None:
    file = tmp_path / "config.json"
    gateway.config.write(file)
    gateway.config.write(file)

    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert GatewayConfig.read(file) == gateway.config
    assert gateway.config.secret_key not in repr(gateway.config)


@pytest.mark.parametrize(("text", "name"), [('{"port": 1}', "outbox"), ('{"colour": 1}', "colour")])
def test_wrong_file_is_refused_with_the_reason(tmp_path: Path, text: str, name: str) -> None:
    file = tmp_path / "config.json"
    file.write_text(text)

    with pytest.raises(TypeError, match=name):
        GatewayConfig.read(file)


def test_database_that_is_away_is_a_503(gateway: Served, tmp_path: Path) -> None:
    nowhere = f"host={tmp_path} dbname=fairdb"
    app = create_app(replace(gateway.config, authenticator_dsn=nowhere, auth_admin_dsn=nowhere))

    async def ask() -> list[httpx.Response]:
        headers = {"apikey": gateway.config.publishable_key}
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(
            transport=transport, base_url=gateway.config.url, headers=headers
        ) as client:
            return [
                await client.post("/rest/v1/rpc/no_arguments", json={}),
                await client.get("/auth/v1/health"),
            ]

    function, health = asyncio.run(ask())

    assert (function.status_code, function.json()["code"]) == (503, "PGRST000")
    assert health.status_code == 503
