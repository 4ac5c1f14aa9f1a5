"""What the tests of the embedded default share: cheap clusters, queries, an ordinary user."""

import os
import pwd
import shutil
import subprocess
import sys
import sysconfig
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg2

from fairdb_site.local.bootstrap import bootstrap_embedded
from fairdb_site.local.postgres import Postgres
from fairdb_site.local.state import LocalState, folder_lock, load_or_make

PROJECT = Path(__file__).resolve().parents[3]
NOBODY = pwd.getpwnam("nobody")
IS_ROOT = os.geteuid() == 0


def start_postgres(folder: Path) -> LocalState:
    """Start the PostgreSQL of a state folder, without a gateway."""
    with folder_lock(folder):
        state = load_or_make(folder)
        Postgres(folder).start(state.superuser_password)
        bootstrap_embedded(state)
    return state


def stop_postgres(folder: Path) -> None:
    with folder_lock(folder):
        Postgres(folder).stop()


def query(url: str, statement: str, *values: Any) -> list[tuple[Any, ...]]:
    """Run one statement in a transaction of its own."""
    with closing(psycopg2.connect(url)) as server, server, server.cursor() as cursor:
        cursor.execute(statement, values)
        return cursor.fetchall() if cursor.description else []


def run_local(
    *arguments: str, folder: Path, environment: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run `python -m fairdb_site.local` on a state folder."""
    return subprocess.run(
        [sys.executable, "-m", "fairdb_site.local", *arguments, "--folder", str(folder)],
        capture_output=True,
        text=True,
        cwd=PROJECT,
        env=os.environ | (environment or {}),
        timeout=120,
        check=False,
    )


def lend_python(folder: Path) -> tuple[str, dict[str, str]] | None:
    """Return a Python, and its environment, that `nobody` can run with the project's packages.

    An interpreter in root's home is copied (its standard library linked). None where the project
    or its packages themselves are out of that account's reach.
    """
    packages = sysconfig.get_path("purelib")
    if not all(_nobody_succeeds("test", "-r", str(path)) for path in (PROJECT, packages)):
        return None
    environment = {"PYTHONPATH": f"{PROJECT}:{packages}", "PYTHONDONTWRITEBYTECODE": "1"}
    if _nobody_succeeds(sys.executable, "-c", "import ssl"):
        return sys.executable, environment
    library = Path("lib") / f"python{sys.version_info.major}.{sys.version_info.minor}"
    base = Path(sys.base_prefix)
    shutil.copytree(
        base / library,
        folder / library,
        copy_function=_link,
        symlinks=True,
        ignore=shutil.ignore_patterns("site-packages", "test", "config-*", "idlelib"),
    )
    for shared in (base / "lib").glob("libpython*"):
        _link(str(shared), str(folder / "lib" / shared.name))
    (folder / "bin").mkdir()
    _link(os.path.realpath(sys.executable), str(folder / "bin" / "python3"))
    for place, _, _ in os.walk(folder):
        os.chmod(place, 0o755)
    environment |= {"PYTHONHOME": str(folder), "LD_LIBRARY_PATH": str(folder / "lib")}
    return str(folder / "bin" / "python3"), environment


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def _nobody_succeeds(*command: str) -> bool:
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            cwd="/",
            check=False,
            user=NOBODY.pw_uid,
            group=NOBODY.pw_gid,
            extra_groups=[],
        )
    except OSError:
        return False
    return done.returncode == 0
