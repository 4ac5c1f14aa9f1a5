"""The gateway runs as a process of its own that comes back, on another port if it must."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from fairdb_site.errors import Unavailable
from fairdb_site.local import gateway_process, processes
from fairdb_site.local import stack as local_stack
from fairdb_site.local.processes import Process
from fairdb_site.local.state import LocalState, local_state
from fairdb_site.tests.local.conftest import MakeFolder, Plant
from fairdb_site.tests.local.stacks import sign_up, stop_postgres


@pytest.fixture(scope="module")
def stack(make_folder: MakeFolder, plant: Plant) -> Iterator[Path]:
    """A state folder whose whole stack runs."""
    folder = plant(make_folder())
    local_stack.ensure_started(folder)
    yield folder
    local_stack.stop(folder)


@pytest.fixture
def state(stack: Path) -> LocalState:
    """The stack's state, everything in it running."""
    return local_stack.ensure_started(stack).state


def gateway(folder: Path) -> Process:
    found = gateway_process.running(folder)
    assert found
    return found


def is_well(state: LocalState) -> bool:
    return gateway_process.health(state.gateway_port) is not None


def test_start_leaves_an_answering_gateway(state: LocalState) -> None:
    assert is_well(state)
    assert not gateway_process.health(1)  # nobody is there
    again = local_stack.ensure_started(state.folder)
    assert again.started == ()
    assert again.state == state


def test_gateway_is_nobodys_child_and_in_a_session_of_its_own(state: LocalState) -> None:
    process = gateway(state.folder)
    assert os.getsid(process.pid) == process.pid != os.getsid(0)
    for descriptor in ("0", "1", "2"):
        target = os.readlink(f"/proc/{process.pid}/fd/{descriptor}")
        assert target == ("/dev/null" if descriptor == "0" else str(state.folder / "gateway.log"))


def test_its_files_are_private(state: LocalState) -> None:
    for name in ("gateway.json", "gateway.pid", "gateway.log"):
        assert (state.folder / name).stat().st_mode & 0o777 == 0o600, name
    assert (state.folder / "outbox").stat().st_mode & 0o777 == 0o700


def test_secrets_are_on_no_command_line(state: LocalState) -> None:
    line = "\0".join(gateway(state.folder).arguments)
    assert not [value for value in vars(state).values() if isinstance(value, str) and value in line]


def test_killed_gateway_is_started_again_on_its_port(state: LocalState) -> None:
    first = gateway(state.folder)
    processes.end_processes([first], [(signal.SIGKILL, 20)])
    handle = local_stack.ensure_started(state.folder)
    assert handle.started == ("gateway",)
    assert handle.state == state
    assert gateway(state.folder) != first
    assert is_well(state)


def test_gateway_that_hangs_is_replaced(state: LocalState, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gateway_process, "_HEALTH_SECONDS", 0.5)
    monkeypatch.setattr(gateway_process, "_STOP_SECONDS", 0.5)
    first = gateway(state.folder)
    os.kill(first.pid, signal.SIGSTOP)  # neither answers nor ends when asked to
    handle = local_stack.ensure_started(state.folder)
    assert handle.started == ("gateway",)
    assert not processes.still_runs(first)


def test_taken_port_is_left_to_whoever_has_it(state: LocalState) -> None:
    local_stack.stop(state.folder, ("gateway",))
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", state.gateway_port))
        other.listen()
        moved = local_stack.ensure_started(state.folder).state
    assert moved.gateway_port != state.gateway_port
    assert moved == local_state(state.folder)
    assert is_well(moved)
    config = json.loads((state.folder / "gateway.json").read_text())
    assert config["port"] == moved.gateway_port


def test_changed_configuration_restarts_it(state: LocalState) -> None:
    first = gateway(state.folder)
    changed = replace(state, secret_key="sb_secret_changed")
    _, started = gateway_process.start(changed)
    assert started
    assert gateway(state.folder) != first
    assert local_stack.ensure_started(state.folder).started == ("gateway",)  # and back


def test_pid_file_with_a_reused_number_is_not_believed(state: LocalState) -> None:
    local_stack.stop(state.folder, ("gateway",))
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    bystander = processes.find_process(child.pid)
    assert bystander
    record = {"pid": bystander.pid, "started": bystander.started, "config": "x"}
    (state.folder / "gateway.pid").write_text(json.dumps(record))
    assert gateway_process.running(state.folder) is None
    assert local_stack.ensure_started(state.folder).started == ("gateway",)
    local_stack.stop(state.folder, ("gateway",))
    assert processes.still_runs(bystander)
    child.communicate()


@pytest.mark.parametrize("text", [None, '{"pid": 99999999}'])
def test_lost_or_spoilt_pid_file_leaves_no_second_gateway(
    state: LocalState, text: str | None
) -> None:
    first = gateway(state.folder)
    pid_file = state.folder / "gateway.pid"
    pid_file.unlink() if text is None else pid_file.write_text(text)
    assert gateway(state.folder) == first
    handle = local_stack.ensure_started(state.folder)
    assert handle.state == state  # the one without a record made room on its port
    assert not processes.still_runs(first)


def test_parts_stop_alone_or_together(state: LocalState) -> None:
    assert local_stack.stop(state.folder, ("gateway",)) == ("gateway",)
    assert gateway_process.running(state.folder) is None
    assert not is_well(state)
    assert local_stack.stop(state.folder) == ("postgres",)
    assert local_stack.stop(state.folder) == ()
    assert set(local_stack.ensure_started(state.folder).started) == {"postgres", "gateway"}


def test_gateway_works_on_after_postgres_came_back(state: LocalState) -> None:
    process = gateway(state.folder)
    stop_postgres(state.folder)
    assert local_stack.ensure_started(state.folder).started == ("postgres",)
    assert gateway(state.folder) == process
    assert sign_up(state, "after-restart@example.org") == 200


def test_gateway_that_cannot_start_says_why(
    state: LocalState, monkeypatch: pytest.MonkeyPatch
) -> None:
    local_stack.stop(state.folder, ("gateway",))
    monkeypatch.setattr(gateway_process, "_MODULE", "fairdb_site.local.no_gateway")
    with pytest.raises(Unavailable, match=r"did not start: .*no_gateway"):
        local_stack.ensure_started(state.folder)
