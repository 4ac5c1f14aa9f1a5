"""`manage.py demo` on a fresh machine: everything with one command, twice, and gone with Ctrl-C."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from conftest import memory_or_disk
from fairdb_site.local import stack as local_stack
from fairdb_site.local.state import local_state

pytestmark = pytest.mark.dear

ROOT = Path(__file__).resolve().parents[2]


class Machine:
    """A fresh machine: a state folder of its own, and commands run in it as a person would."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        cleared = ("FAIRDB_LOCAL_DIR", "FAIRDB_REGISTRATION", "DJANGO_SETTINGS_MODULE")
        self.environment = {k: v for k, v in os.environ.items() if k not in cleared}
        self.environment["FAIRDB_LOCAL_DIR"] = str(folder)

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, *arguments: str) -> str:
        process = self.start(*arguments)
        out, _ = process.communicate(timeout=150)
        assert process.returncode == 0, out
        return out

    def run_json(self, *arguments: str) -> dict[str, Any]:
        result: dict[str, Any] = json.loads(self.run(*arguments, "--json"))
        return result


@pytest.fixture(scope="module")
def machine() -> Iterator[Machine]:
    folder = Path(tempfile.mkdtemp(prefix="state with spaces ", dir=memory_or_disk()))
    folder.chmod(0o711)  # the server may run as another user
    yield Machine(folder)
    local_stack.reset(folder)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def loaded(machine: Machine) -> dict[str, Any]:
    return machine.run_json("demo", "--no-serve")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_demo_loads_the_samples_and_leaves_the_stack_up(
    machine: Machine, loaded: dict[str, Any]
) -> None:
    entries = machine.run_json("list_datasets", "--all")["datasets"]
    assert {entry["dataset"] for entry in entries} == set(loaded["datasets"])
    assert {entry["owner"] for entry in entries} == {"researcher@example.org"}
    assert {entry["state"] for entry in entries} == {"ready"}
    assert (400, 3_000) in {(entry["rows"], entry["columns"]) for entry in entries}


def test_demo_again_loads_nothing_twice(machine: Machine, loaded: dict[str, Any]) -> None:
    assert machine.run_json("demo", "--no-serve") == loaded


def test_demo_serves_and_ctrl_c_stops_all_it_started(
    machine: Machine, loaded: dict[str, Any]
) -> None:
    local_stack.stop(machine.folder)
    port = free_port()
    serving = machine.start("demo", "--port", str(port))
    try:
        page = fetched(f"http://127.0.0.1:{port}/", serving)
    finally:
        serving.send_signal(signal.SIGINT)
        time.sleep(0.15)
        serving.send_signal(signal.SIGINT)  # an impatient second Ctrl-C changes nothing
        said, _ = serving.communicate(timeout=60)
    assert "FAIRDatabase" in page
    assert f"http://127.0.0.1:{port}/" in said
    assert loaded["researcher"]["password"] in said
    assert "Traceback" not in said
    status = local_stack.status(machine.folder)
    assert status.postgres.pid is status.gateway.pid is None


def fetched(url: str, serving: subprocess.Popen[str]) -> str:
    """Return the page once it is served; fail as soon as the server has ended."""
    for _ in range(600):
        assert serving.poll() is None, serving.communicate()[0]
        try:
            with urllib.request.urlopen(url) as answer:
                return str(answer.read().decode())
        except urllib.error.URLError:
            time.sleep(0.2)
    pytest.fail("nothing was served within two minutes")


def test_a_port_that_is_taken_is_refused_before_any_work() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(CommandError, match="--port") as refused:
            call_command("demo", port=taken.getsockname()[1])
    assert refused.value.returncode == 1


def test_reset_asks_first(machine: Machine, loaded: dict[str, Any]) -> None:
    local_stack.ensure_started(machine.folder)
    before = local_state(machine.folder)
    process = machine.start("demo", "--no-serve", "--reset")
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "--yes" in out
    assert local_stack.status(machine.folder).postgres.pid is not None
    assert local_state(machine.folder) == before
