"""Disks of a few megabytes that run full, for `bench.faults`; mounted, which takes root."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg2
from django.conf import settings

from fairdb_site.local.postgres import Postgres
from fairdb_site.local.state import SUPERUSER, local_state

_FIRST = 1 << 20  # bytes for the files that make a tablespace of a folder


class SmallDisks:
    """File systems in memory (tmpfs) in folders of ours, each with a limit of its own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._mounted: list[Path] = []

    def disk(self, name: str, size: int) -> Path:
        """Return the folder of a disk that has so many bytes left."""
        disk = self._folder / f"disk-{name}"
        if disk not in self._mounted:
            disk.mkdir()
            _run("mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(disk))
            self._mounted.append(disk)
        _run("mount", "-o", f"remount,size={size + _used(disk)}", str(disk))
        return disk

    @contextmanager
    def tablespace(self, size: int) -> Iterator[None]:
        """Have tables made where only so many bytes are left."""
        name = settings.DATABASES["default"]["NAME"]
        first = self._folder / "disk-tables" not in self._mounted
        disk = self.disk("tables", size + _FIRST * first)
        with superuser() as cursor:
            if first:
                Postgres(settings.FAIRDB_LOCAL_DIR).owner().own(disk)
                cursor.execute("create tablespace small location %s", [str(disk)])
                cursor.execute("grant create on tablespace small to public")
                self.disk("tables", size)
            cursor.execute(f"alter database {name} set default_tablespace = 'small'")
            _renew_gateway(cursor)
        try:
            yield
        finally:
            with superuser() as cursor:
                cursor.execute(f"alter database {name} reset default_tablespace")
                _renew_gateway(cursor)

    def close(self) -> None:
        """Unmount them."""
        for disk in self._mounted:
            _run("umount", "--lazy", str(disk))


@contextmanager
def superuser() -> Iterator[Any]:
    """Give a cursor of the throwaway database's superuser; each statement commits."""
    server = psycopg2.connect(local_state(settings.FAIRDB_LOCAL_DIR).database_url(SUPERUSER))
    server.autocommit = True
    try:
        with server.cursor() as cursor:
            yield cursor
    finally:
        server.close()


def _renew_gateway(cursor: Any) -> None:
    """Let the gateway connect anew, as only new connections know of a database's setting."""
    cursor.execute(
        "select pg_terminate_backend(pid, 10000) from pg_stat_activity"
        " where usename = 'authenticator'"
    )


def _used(disk: Path) -> int:
    return sum(path.stat().st_blocks * 512 for path in disk.rglob("*") if path.is_file())


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)
