"""Processes told apart for certain: a number alone may belong to somebody else by now.

Reads Linux's /proc (proc(5)); no other system is supported.
"""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from fairdb_site.local.server_user import ServerUser

_PROC = Path("/proc")

# our own children, kept until their end was collected: a zombie is a dead process, not a live one
_children: list["subprocess.Popen[bytes]"] = []


@dataclass(frozen=True)
class Process:
    """A live process; `started` (clock ticks since boot) tells it from later ones of its pid."""

    pid: int
    started: int
    name: str
    arguments: tuple[str, ...]


def find_process(pid: int) -> Process | None:
    """Return the live process of a number; None where there is none, or only a zombie."""
    _collect_children()
    try:
        line = (_PROC / str(pid) / "stat").read_text(errors="replace")
        command = (_PROC / str(pid) / "cmdline").read_bytes()
    except OSError:
        return None
    # "pid (name) state ppid ...": the name may hold blanks and brackets; start time is field 22
    name = line[line.index("(") + 1 : line.rindex(")")]
    rest = line[line.rindex(")") + 2 :].split()
    if rest[0] in "ZX":
        return None
    # a process that writes a title over its arguments leaves a long tail of zeros
    arguments = tuple(os.fsdecode(command.rstrip(b"\0")).split("\0"))
    return Process(pid, int(rest[19]), name, arguments)


def all_processes() -> Iterator[Process]:
    """Yield every live process that this account may look at."""
    for entry in os.listdir(_PROC):
        if entry.isdigit() and (process := find_process(int(entry))):
            yield process


def works_in(process: Process, folder: Path, user: ServerUser) -> bool:
    """Whether a process of `user` has `folder` as its working directory."""
    link = _PROC / str(process.pid) / "cwd"
    try:
        return link.samefile(folder)
    except PermissionError:  # root in a container may lack CAP_SYS_PTRACE: its owner may look
        return user.reads_link(link) == str(folder)
    except OSError:
        return False


def still_runs(process: Process) -> bool:
    """Whether that very process is alive."""
    now = find_process(process.pid)
    return now is not None and now.started == process.started


def adopt(child: "subprocess.Popen[bytes]") -> None:
    """Remember a child that outlives the call that started it."""
    _children.append(child)


def send(process: Process, number: signal.Signals) -> None:
    """Send a signal to that very process; nothing where it has ended."""
    if still_runs(process):
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, number)


def end_processes(processes: list[Process], steps: list[tuple[signal.Signals, float]]) -> None:
    """Send each signal in turn to those still alive, waiting up to so many seconds after each."""
    for number, seconds in steps:
        for process in processes:
            send(process, number)
        if wait_until(lambda: not any(map(still_runs, processes)), seconds):
            return


def wait_until(condition: Callable[[], bool], seconds: float) -> bool:
    """Look until `condition` holds, at most `seconds` long; return whether it held."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def _collect_children() -> None:
    for child in list(_children):
        if child.poll() is not None:
            with contextlib.suppress(ValueError):  # another thread was first
                _children.remove(child)
