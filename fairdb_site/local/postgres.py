"""Start and stop of the embedded PostgreSQL, safe against kills at any moment.

`pg_ctl` is not used: it passes paths through a shell and believes any live process whose number
is in `postmaster.pid`. Callers hold the state folder's lock.
"""

import os
import secrets
import shutil
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path

from fairdb_site.errors import Refused, Unavailable
from fairdb_site.local import processes
from fairdb_site.local.binaries import MAJOR, programs
from fairdb_site.local.cluster_folder import (
    cluster_folder,
    make_cluster_folder,
    make_socket_folder,
    socket_folder,
)
from fairdb_site.local.logs import last_errors, open_log
from fairdb_site.local.processes import Process
from fairdb_site.local.server_user import ServerUser, owner_of
from fairdb_site.local.state import BOOTSTRAPPED, POSTGRES_PORT, SUPERUSER

_START_SECONDS = 90  # crash recovery of a large cluster takes its time
_STATUS_LINE = 7  # of postmaster.pid, counted from 0 (PostgreSQL's utils/pidfile.h)

_SETTINGS = {
    "listen_addresses": "",  # the unix socket alone
    "unix_socket_permissions": "0700",
    "port": str(POSTGRES_PORT),
    "max_connections": "200",
    # a dataset of 100,000 columns has some hundred parts, each with an index and a TOAST table
    "max_locks_per_transaction": "1024",
    "shared_buffers": "256MB",
    "work_mem": "16MB",
    "maintenance_work_mem": "128MB",
    "max_wal_size": "2GB",
    "checkpoint_timeout": "15min",
    "random_page_cost": "1.1",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    # people's data is in no log: an ERROR's text quotes values, and its client is told anyway
    "log_min_messages": "log",
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
}


@dataclass(frozen=True)
class Postgres:
    """The cluster of one state folder."""

    folder: Path

    @property
    def cluster(self) -> Path:
        """The folder of the cluster, the pointer followed."""
        return cluster_folder(self.folder)

    @property
    def data(self) -> Path:
        """PostgreSQL's data folder."""
        return self.cluster / "data"

    @property
    def log(self) -> Path:
        """The server's log: starts, stops and crashes, no statements."""
        return self.folder / "postgres.log"

    @property
    def socket(self) -> Path:
        """The unix socket, while the server runs."""
        return socket_folder(self.cluster) / f".s.PGSQL.{POSTGRES_PORT}"

    def owner(self) -> ServerUser:
        """Return whom the server runs as."""
        return owner_of(self.cluster)

    def running(self) -> Process | None:
        """Return the live server of this very cluster, ready or not."""
        try:
            first = (self.data / "postmaster.pid").read_text().partition("\n")[0]
            process = processes.find_process(int(first))
        except (OSError, ValueError):
            return None
        # backends are named postgres too, and so is another cluster's server
        if process is None or process.name != "postgres":
            return None
        ours = str(self.data) in process.arguments or (
            # by hand, with another spelling of the path
            "-D" in process.arguments and processes.works_in(process, self.data, self.owner())
        )
        return process if ours else None

    def ready(self) -> bool:
        """Whether the server runs, takes connections and still has its socket."""
        return self.running() is not None and self._says_ready() and self.socket.exists()

    def start(self, superuser_password: str) -> bool:
        """Start the server unless it runs, making the cluster first; return whether it was."""
        if self.ready():
            return False
        if (process := self.running()) and self._wait_ready(process):
            return False
        self.stop()  # hangs, or its socket was swept away, or its children outlived it
        user = make_cluster_folder(self.folder)
        bin_dir = programs(self.cluster, user)
        if (self.data / "PG_VERSION").exists():
            self._refuse_another_major()
        else:
            self._make_cluster(bin_dir, user, superuser_password)
        make_socket_folder(self.cluster, user)
        self._clear_leftovers()
        self._launch(bin_dir, user)
        return True

    def stop(self, *, for_good: bool = False) -> bool:
        """Stop the server: connections end, open transactions roll back. Return whether it ran.

        `for_good`: its data will be removed, so it need not write them out.
        """
        process = self.running()
        if process:
            # fast shutdown; then immediate; then by force (the WAL brings everything back)
            steps = [(signal.SIGINT, 30.0), (signal.SIGQUIT, 10.0), (signal.SIGKILL, 5.0)]
            processes.end_processes([process], steps[1:] if for_good else steps)
        self._end_orphans()
        return process is not None

    def _make_cluster(self, bin_dir: Path, user: ServerUser, superuser_password: str) -> None:
        """Run initdb beside the final place and move it there whole, so that a kill leaves none.

        Each attempt has a place of its own: an initdb whose starter was killed may still write.
        """
        for leftover in self.cluster.glob("password.new-*"):
            leftover.unlink()
        for leftover in self.cluster.glob("data.new-*"):
            shutil.rmtree(leftover, ignore_errors=True)
        attempt = secrets.token_hex(4)
        draft = self.cluster / f"data.new-{attempt}"
        password = self.cluster / f"password.new-{attempt}"
        (self.folder / BOOTSTRAPPED).unlink(missing_ok=True)
        descriptor = os.open(password, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(descriptor, "w", encoding="ascii") as file:
            file.write(superuser_password)
        user.own(password)
        command = [
            str(bin_dir / "initdb"),
            f"--pgdata={draft}",
            f"--username={SUPERUSER}",
            f"--pwfile={password}",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8",
            "--locale=C",
            "--no-instructions",
        ]
        log_path = self.folder / "initdb.log"
        log_path.unlink(missing_ok=True)
        try:
            with open_log(log_path) as log:
                done = subprocess.run(  # noqa: S603 - no shell; every argument is ours
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    cwd="/",
                    env=_environment(),
                    umask=0o077,
                    check=False,
                    **user.process_owner(),
                )
        finally:
            password.unlink(missing_ok=True)
        if done.returncode:
            raise Refused(
                f"PostgreSQL could not make its files in {self.cluster}: {last_errors(log_path)}"
            )
        draft.rename(self.data)

    def _refuse_another_major(self) -> None:
        made_by = (self.data / "PG_VERSION").read_text().strip()
        if made_by != str(MAJOR):
            raise Refused(
                f"The databases in {self.data} were made by PostgreSQL {made_by}; this "
                f"installation runs PostgreSQL {MAJOR}, which cannot read them. Copy them out with "
                f"PostgreSQL {made_by} (pg_dumpall), or start empty with "
                "`manage.py local reset`."
            )

    def _launch(self, bin_dir: Path, user: ServerUser) -> None:
        folders = '"' + str(self.socket.parent).replace('"', '""') + '"'  # a list of names
        command = [str(bin_dir / "postgres"), "-D", str(self.data)]
        for name, value in (_SETTINGS | {"unix_socket_directories": folders}).items():
            command += ["-c", f"{name}={value}"]
        with open_log(self.log) as log:
            child = subprocess.Popen(  # noqa: S603 - no shell; every argument is ours
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                env=_environment(),
                umask=0o077,
                start_new_session=True,
                **user.process_owner(),
            )
        processes.adopt(child)
        process = processes.find_process(child.pid)
        if process and self._wait_ready(process):
            return
        if (other := self.running()) and other != process and self._wait_ready(other):
            return  # started by a caller who was killed before the server wrote its pid file
        if process and processes.still_runs(process):
            self.stop()
            raise Unavailable(
                f"PostgreSQL was not ready after {_START_SECONDS} s; its log is {self.log}."
            )
        raise Unavailable(f"PostgreSQL did not start: {last_errors(self.log)} (log: {self.log})")

    def _wait_ready(self, process: Process) -> bool:
        """Wait while the server starts or recovers; False once it ended or took too long."""
        processes.wait_until(
            lambda: self._says_ready() or not processes.still_runs(process), _START_SECONDS
        )
        return self.ready()

    def _says_ready(self) -> bool:
        try:
            lines = (self.data / "postmaster.pid").read_text().splitlines()
        except OSError:
            return False
        return len(lines) > _STATUS_LINE and lines[_STATUS_LINE].strip() == "ready"

    def _end_orphans(self) -> None:
        """End what a killed server left running: its shared memory keeps the next one out."""
        if self.running() or not self.data.exists():
            return
        user = self.owner()
        orphans = [
            process
            for process in processes.all_processes()
            if process.name == "postgres" and processes.works_in(process, self.data, user)
        ]
        processes.end_processes(orphans, [(signal.SIGQUIT, 5), (signal.SIGKILL, 5)])

    def _clear_leftovers(self) -> None:
        """Remove pid and socket files of a dead server: their numbers may be in use again."""
        (self.data / "postmaster.pid").unlink(missing_ok=True)
        self.socket.unlink(missing_ok=True)
        self.socket.with_name(f"{self.socket.name}.lock").unlink(missing_ok=True)


def _environment() -> dict[str, str]:
    """Nothing of the caller's: no PG* variable, no locale that this machine may lack."""
    return {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}
