"""What the tests of the embedded default share: cheap clusters, queries, an ordinary user."""

import http.client
import json
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
ORDINARY = pwd.getpwnam("daemon")  # not the account that root lends the server
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


def sign_up(state: LocalState, email: str) -> int:
    """Make an account through the gateway; return the HTTP status."""
    return post(
        state, "/auth/v1/signup", {"email": email, "password": "correct horse battery staple"}
    )


def post(state: LocalState, path: str, body: dict[str, str]) -> int:
    """Send JSON to the gateway as an anonymous visitor; return the HTTP status."""
    connection = http.client.HTTPConnection("127.0.0.1", state.gateway_port, timeout=30)
    headers = {"apikey": state.publishable_key, "Content-Type": "application/json"}
    try:
        connection.request("POST", path, json.dumps(body), headers)
        return connection.getresponse().status
    finally:
        connection.close()


def lend_python(folder: Path) -> tuple[str, dict[str, str]] | None:
    """Return a Python, and its environment, that the ordinary user can run the project with.

    An interpreter in root's home is copied (its standard library linked). None where the project
    or its packages themselves are out of that user's reach.
    """
    packages = sysconfig.get_path("purelib")
    if not all(_ordinary_succeeds("test", "-r", str(path)) for path in (PROJECT, packages)):
        return None
    environment = {"PYTHONPATH": f"{PROJECT}:{packages}", "PYTHONDONTWRITEBYTECODE": "1"}
    if _ordinary_succeeds(sys.executable, "-c", "import ssl"):
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


def _ordinary_succeeds(*command: str) -> bool:
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            cwd="/",
            check=False,
            user=ORDINARY.pw_uid,
            group=ORDINARY.pw_gid,
            extra_groups=[],
        )
    except OSError:
        return False
    return done.returncode == 0
