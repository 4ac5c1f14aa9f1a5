"""Whom the server runs as. PostgreSQL refuses to run as root, so root lends it somebody else."""

import os
import pwd
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from fairdb_site.errors import Refused

# accounts that own nothing on a usual Linux, the first that exists is taken
_UNPRIVILEGED = ("nobody", "daemon", "www-data")


class ProcessOwner(TypedDict, total=False):
    """The arguments of `subprocess.Popen` that give a process its user; none: as oneself."""

    user: int
    group: int
    extra_groups: list[int]


@dataclass(frozen=True)
class ServerUser:
    """The account that PostgreSQL's files and processes belong to."""

    uid: int
    gid: int

    @property
    def is_me(self) -> bool:
        """Whether that is the account this process runs as."""
        return self.uid == os.geteuid()

    def process_owner(self) -> ProcessOwner:
        """Return what `subprocess` needs to start a process as this user."""
        return {} if self.is_me else {"user": self.uid, "group": self.gid, "extra_groups": []}

    def own(self, path: Path) -> None:
        """Hand a file or folder over to this user."""
        if not self.is_me:
            os.chown(path, self.uid, self.gid, follow_symlinks=False)

    def can_enter(self, folder: Path) -> bool:
        """Whether this user may pass through every folder down to `folder`, and `folder` too."""
        if self.is_me:
            return os.access(folder, os.X_OK)
        return self._output("test", "-x", str(folder)) is not None

    def can_run(self, program: Path) -> bool:
        """Whether this user reaches a program and the libraries it needs."""
        return self._output(str(program), "--version") is not None

    def reads_link(self, link: Path) -> str | None:
        """Return where a symbolic link points, as this user may know."""
        return self._output("readlink", str(link))

    def _output(self, *command: str) -> str | None:
        """Run a program as this user; None where it fails."""
        try:
            done = subprocess.run(  # noqa: S603 - no shell; every argument is ours
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                cwd="/",
                check=False,
                **self.process_owner(),
            )
        except OSError:
            return None
        return None if done.returncode else os.fsdecode(done.stdout).removesuffix("\n")


def server_user() -> ServerUser:
    """Return oneself, or for root the first unprivileged account that exists."""
    if os.geteuid() != 0:
        return ServerUser(os.geteuid(), os.getegid())
    for name in _UNPRIVILEGED:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return ServerUser(entry.pw_uid, entry.pw_gid)
    for entry in pwd.getpwall():
        if entry.pw_uid != 0:
            return ServerUser(entry.pw_uid, entry.pw_gid)
    raise Refused(
        "PostgreSQL refuses to run as root and there is no other account on this machine. "
        "Make one (for example `useradd --system nobody`), or run this as an ordinary user."
    )


def owner_of(folder: Path) -> ServerUser:
    """Return the account that a cluster belongs to; refuse one that is not for us to run."""
    status = folder.stat()
    if os.geteuid() not in {0, status.st_uid}:
        raise Refused(
            f"The databases in {folder} belong to another account of this machine. Run this as "
            "that account, or set FAIRDB_LOCAL_DIR to a folder of your own."
        )
    return server_user() if status.st_uid == 0 else ServerUser(status.st_uid, status.st_gid)
