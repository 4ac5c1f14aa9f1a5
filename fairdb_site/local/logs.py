"""Log files of the two servers, in the state folder."""

import os
import re
from pathlib import Path
from typing import BinaryIO

_LARGEST = 10 * 1024**2  # bytes; beyond it the next start begins a new file and keeps one old

_ERROR = re.compile(r"\b(FATAL|PANIC|error|Error|ERROR|could not)\b")


def open_log(path: Path) -> BinaryIO:
    """Open a log of mode 0600 for a child process to append to."""
    try:
        if path.stat().st_size > _LARGEST:
            path.replace(path.with_name(f"{path.name}.old"))
    except FileNotFoundError:
        pass
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600)
    return open(descriptor, "ab")


def last_errors(path: Path) -> str:
    """Return what a log says went wrong last, or else its last line, for a message."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - 4096))
            text = file.read().decode(errors="replace")
    except OSError:
        return "it left no log"
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    errors = [line for line in lines if _ERROR.search(line)]
    return " ".join(errors[-2:] or lines[-1:]) or "it left no log"
