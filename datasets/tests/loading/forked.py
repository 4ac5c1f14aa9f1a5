"""Processes that are killed or paused, forked from one that has imported what they need."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).resolve().parents[3]

# Nobody asks how a killed one ended.
_FOR_EACH_LINE = """
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
for line in sys.stdin:
    if os.fork() == 0:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        work(*json.loads(line))
        os._exit(0)
"""


@contextmanager
def forking(program: str) -> Iterator[Callable[..., int]]:
    """Give a function that calls `work` of a program with arguments in a process of its own.

    The function returns the number that `work` prints first, its process's. The program imports
    `json`, `os`, `signal` and `sys` and defines `work`; the arguments go through JSON.
    """
    process = subprocess.Popen(
        [sys.executable, "-c", program + _FOR_EACH_LINE],
        cwd=_ROOT,
        env=os.environ | {"DJANGO_SETTINGS_MODULE": "fairdb_site.settings"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdin
    assert process.stdout
    out, told = process.stdin, process.stdout

    def start(*arguments: Any) -> int:
        print(json.dumps(arguments), file=out, flush=True)
        return int(told.readline())

    try:
        yield start
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
