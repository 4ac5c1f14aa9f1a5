"""PostgreSQL's own pg_dump, pg_restore and psql, run on the database that Django connects to.

Passwords go by the environment, never as arguments, which every account of the machine can read.
What the programs say of an error is passed on only where it cannot quote a row.
"""

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from django.conf import settings
from django.db import connection
from psycopg2.extensions import make_dsn

from fairdb_site.errors import Refused, Unavailable

TRANSACTION_POOLER_PORT = "6543"  # Supavisor's; its session mode is 5432
# From 17 on, pg_restore sets transaction_timeout, which an older server refuses.
_SETS_TRANSACTION_TIMEOUT = 17
# Django's own, which libpq does not know; the password goes by the environment
_NOT_LIBPQ = {"cursor_factory", "context", "prepare_threshold", "client_encoding", "password"}
# psql with VERBOSITY=verbose: "psql:<stdin>:12: ERROR:  42501: permission denied for ..."
_ERROR = re.compile(r"(?:ERROR|FATAL):\s+([0-9A-Z]{5}): (.*)")
# Classes of SQLSTATE whose messages name objects, rights and settings, never values.
_NAMES_ONLY = ("0A", "28", "3D", "3F", "42", "53", "54", "55", "57")


@dataclass(frozen=True)
class Programs:
    """The folder of PostgreSQL's client programs, and their major version."""

    folder: Path
    major: int

    def run(self, name: str, *arguments: str) -> str:
        """Run a program that connects to the database or reads an archive; return its output."""
        with tempfile.TemporaryFile() as errors:
            done = subprocess.run(  # noqa: S603 - no shell; every argument is ours
                self.command(name, *arguments),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                env=environment(),
                umask=0o077,
                check=False,
            )
            if done.returncode:
                raise Unavailable(f"{name} failed: {said(errors)}")
        return done.stdout.decode()

    def command(self, name: str, *arguments: str) -> list[str]:
        """Return the command line of a program."""
        return [str(self.folder / name), *arguments]


def find_programs(folder: Path | None) -> Programs:
    """Return the programs of a folder, by default the embedded server's own, or those on PATH.

    The wheel's are not used for a Supabase project: they are built without TLS.
    """
    if folder is None and settings.FAIRDB_EMBEDDED:
        from fairdb_site.local.binaries import MAJOR, package_folder

        folder = package_folder() / f"pginstall{MAJOR}" / "bin"
    elif folder is None:
        found = shutil.which("pg_dump")
        if found is None:
            raise Refused(
                "There is no pg_dump on PATH. Install PostgreSQL's client programs of the server's "
                "version (Debian: postgresql-client), or name their folder.",
                option="programs",
            )
        folder = Path(found).parent
    return Programs(folder, _major(folder))


def require_fit_to_dump(programs: Programs) -> None:
    """Refuse a pg_dump older than its server: it may not know what there is to dump."""
    server = server_major()
    if programs.major < server:
        raise Refused(
            f"pg_dump in {programs.folder} is version {programs.major}, the server "
            f"{server}. Give programs of version {server} or later.",
            option="programs",
        )


def require_fit_to_restore(programs: Programs, *, dumped_by: int) -> None:
    """Refuse a pg_restore that cannot read the dump, or that the server would not understand."""
    server = server_major()
    if programs.major < dumped_by:
        raise Refused(
            f"The backup was made by pg_dump {dumped_by}, and pg_restore in {programs.folder} is "
            f"version {programs.major}. Give programs of version {dumped_by} or later.",
            option="programs",
        )
    if server < _SETS_TRANSACTION_TIMEOUT <= programs.major:
        raise Refused(
            f"The server is version {server}, which does not understand pg_restore "
            f"{programs.major}. Back up and restore with programs of version {server}.",
            option="programs",
        )


def require_own_session() -> None:
    """Refuse a pooler in transaction mode: a snapshot cannot be shared through it."""
    if str(connection.settings_dict.get("PORT")) == TRANSACTION_POOLER_PORT:
        raise Refused(
            "DATABASE_URL is a pooler in transaction mode (port 6543). Run this with that of the "
            "session mode (port 5432), or of the direct connection."
        )


def server_major() -> int:
    """Return the server's major version."""
    connection.ensure_connection()
    return int(connection.connection.server_version) // 10_000


def database_dsn() -> str:
    """Return where Django connects, as libpq reads it, without the password."""
    parameters = connection.get_connection_params()
    return str(
        make_dsn(**{key: value for key, value in parameters.items() if key not in _NOT_LIBPQ})
    )


def environment() -> Mapping[str, str]:
    """Return the programs' environment: the password, and none of the platform's own secrets.

    libpq looks for certificates and a password file in HOME, or where its own variables say.
    """
    kept = {
        name: value
        for name, value in os.environ.items()
        if name in {"PATH", "HOME", "LD_LIBRARY_PATH", "PGPASSFILE", "PGSSLROOTCERT", "PGSSLMODE"}
    }
    password = connection.settings_dict.get("PASSWORD")
    return (
        kept
        | {"LC_ALL": "C", "TZ": "UTC", "PGAPPNAME": "fairdb backup"}
        | ({"PGPASSWORD": str(password)} if password else {})
    )


def said(errors: IO[bytes]) -> str:
    """Return the last error in what a program wrote, without what may be a value."""
    errors.seek(0)
    return plain_error(errors.read().decode(errors="replace").splitlines())


def plain_error(lines: Sequence[str]) -> str:
    """Return the first of psql's errors, or a program's own, without what may be a value."""
    for line in lines:
        if found := _ERROR.search(line):
            code, message = found.groups()
            return f"{message} ({code})" if code.startswith(_NAMES_ONLY) else f"SQLSTATE {code}"
    for line in lines:
        # pg_dump and pg_restore name tables and files; rows they read, they do not print
        if ": error: " in line:
            return line.partition(": error: ")[2][:300]
    return "it did not say why"


def quoted_pattern(*names: str) -> str:
    """Return a name of pg_dump's that matches exactly: quoted, as names hold `_` and capitals."""
    return ".".join('"' + name.replace('"', '""') + '"' for name in names)


def excluding(schema: str, tables: Iterable[str]) -> list[str]:
    """Return pg_dump's arguments that leave tables out."""
    return [f"--exclude-table={quoted_pattern(schema, table)}" for table in tables]


def _major(folder: Path) -> int:
    try:
        done = subprocess.run(  # noqa: S603 - no shell
            [str(folder / "pg_dump"), "--version"], capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        raise Refused(f"There is no pg_dump that runs in {folder}.", option="programs") from None
    found = re.search(r"(\d+)[.\w]*\s*(?:\(|$)", done.stdout.strip())
    return int(found[1]) if found else 0
