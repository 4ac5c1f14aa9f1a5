"""Log files of the two servers, in the state folder."""

import os
from pathlib import Path
from typing import BinaryIO

_LARGEST = 10 * 1024**2  # bytes; beyond it the next start begins a new file and keeps one old


def open_log(path: Path) -> BinaryIO:
    """Open a log of mode 0600 for a child process to append to."""
    try:
        if path.stat().st_size > _LARGEST:
            path.replace(path.with_name(f"{path.name}.old"))
    except FileNotFoundError:
        pass
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600)
    return open(descriptor, "ab")


def last_lines(path: Path, count: int = 3) -> str:
    """Return a log's last lines as one line, for a message."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - 4096))
            text = file.read().decode(errors="replace")
    except OSError:
        return "it left no log"
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return " ".join(lines[-count:]) or "it left no log"
