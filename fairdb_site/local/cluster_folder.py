"""Where PostgreSQL's files and its socket lie: in the state folder, or elsewhere if they must.

Two things send the cluster elsewhere, to a folder of mode 0700 that a symbolic link in the state
folder points to: the server's user cannot reach the state folder (root's home, say), or its path
holds a character that `initdb` would hand to a shell. A socket whose path would be longer than the
kernel allows, or holds a comma, lies in a short folder of its own.
"""

import contextlib
import hashlib
import os
import secrets
import shutil
from pathlib import Path

from fairdb_site.errors import Refused
from fairdb_site.local.server_user import ServerUser, owner_of, server_user

# sockaddr_un holds 108 bytes with the closing zero (unix(7)); PostgreSQL adds this name
_LONGEST_SOCKET_PATH = 107
_SOCKET_NAME = "/.s.PGSQL.5432"
_UNSAFE_IN_A_SHELL = frozenset('"$`\\\n\r')  # between double quotes, where initdb puts paths


def cluster_folder(folder: Path) -> Path:
    """Return where the cluster of a state folder lies, the pointer followed."""
    link = folder / "cluster"
    return link.readlink() if link.is_symlink() else link


def make_cluster_folder(folder: Path) -> ServerUser:
    """Make the cluster's folder unless it is there; return whom its server runs as."""
    link, cluster = folder / "cluster", cluster_folder(folder)
    if cluster.exists():
        return _check_cluster_folder(folder, cluster)
    if link.is_symlink():
        raise Refused(
            f"The databases of {folder} lay in {cluster}, which is gone. Put that folder back from "
            "a copy, or start empty with `manage.py local reset`."
        )
    user = server_user()
    if user.can_enter(folder) and safe_in_a_shell(folder):
        _make_private(link, user)
        return user
    cluster = _home_elsewhere(user) / secrets.token_hex(6)
    _make_private(cluster, user)
    _note(cluster).write_text(str(folder))
    link.symlink_to(cluster, target_is_directory=True)
    return user


def remove_cluster_folder(folder: Path) -> None:
    """Remove the cluster and, where it lies elsewhere, the pointer to it."""
    link, cluster = folder / "cluster", cluster_folder(folder)
    if cluster.exists():
        user = owner_of(cluster)
        sockets = socket_folder(cluster)
        if _is_private(sockets, user):
            shutil.rmtree(sockets)
        if not link.is_symlink() or _noted(cluster) in {None, folder}:
            shutil.rmtree(cluster)
    if link.is_symlink():
        if not cluster.exists():
            _note(cluster).unlink(missing_ok=True)
        link.unlink()
        with contextlib.suppress(OSError):  # other state folders may have theirs in it
            cluster.parent.rmdir()


def socket_folder(cluster: Path) -> Path:
    """Return the folder of a cluster's socket; for one cluster the same one each time."""
    inside = cluster / "run"
    fits = len(os.fsencode(f"{inside}{_SOCKET_NAME}")) <= _LONGEST_SOCKET_PATH
    if fits and "," not in str(inside):  # libpq splits its host into several at a comma
        return inside
    digest = hashlib.sha256(os.fsencode(cluster)).hexdigest()
    return Path(f"/tmp/fairdb-{digest[:16]}")  # noqa: S108 - see make_socket_folder


def make_socket_folder(cluster: Path, user: ServerUser) -> None:
    """Make the socket's folder of mode 0700; refuse one that somebody else put there."""
    place = socket_folder(cluster)
    try:
        _make_private(place, user)
    except FileExistsError:
        if place.is_dir() and not place.is_symlink() and not any(place.iterdir()):
            with contextlib.suppress(PermissionError):
                user.own(place)  # killed between making it and handing it over
        if not _is_private(place, user):
            raise Refused(
                f"{place}, where PostgreSQL's socket should lie, belongs to somebody else. "
                "Remove it, or set FAIRDB_LOCAL_DIR to a shorter path."
            ) from None


def safe_in_a_shell(path: Path) -> bool:
    """Whether `initdb`, which runs programs through a shell, copes with a path."""
    return not _UNSAFE_IN_A_SHELL & set(str(path))


def _check_cluster_folder(folder: Path, cluster: Path) -> ServerUser:
    """Return whom an existing cluster belongs to; refuse one that cannot be run from here."""
    if (folder / "cluster").is_symlink() and (other := _noted(cluster)) != folder:
        if other and cluster_folder(other) == cluster:
            raise Refused(
                f"{folder} is a copy of {other}, and both point to the databases in {cluster}. "
                f"Remove {folder / 'cluster'} and {folder / 'state.json'} to start empty here."
            )
        _note(cluster).write_text(str(folder))  # the state folder was moved
    user = owner_of(cluster)
    if not any(cluster.iterdir()):
        user.own(cluster)  # killed between making it and handing it over
    if not user.can_enter(cluster):
        raise Refused(
            f"The account that PostgreSQL runs as can no longer reach {cluster}. Let every account "
            "pass through the folders above it (chmod a+x), or move the state folder back."
        )
    return user


def _note(cluster: Path) -> Path:
    """Return the file beside a cluster elsewhere that names the state folder it is for."""
    return cluster.with_name(f"{cluster.name}.state-folder")


def _noted(cluster: Path) -> Path | None:
    try:
        return Path(_note(cluster).read_text())
    except FileNotFoundError:
        return None


def _make_private(folder: Path, user: ServerUser) -> None:
    folder.mkdir(mode=0o700)
    user.own(folder)


def _is_private(folder: Path, user: ServerUser) -> bool:
    try:
        status = folder.lstat()
    except FileNotFoundError:
        return False
    private = folder.is_dir() and not folder.is_symlink() and status.st_uid == user.uid
    return private and status.st_mode & 0o077 == 0


def _home_elsewhere(user: ServerUser) -> Path:
    """Return a folder that lasts over reboots and lets the server's user pass."""
    if os.geteuid() == 0:
        candidates = [Path("/var/lib/fairdatabase"), Path("/var/tmp/fairdatabase")]  # noqa: S108
    else:
        data_home = os.environ.get("XDG_DATA_HOME") or os.path.expanduser("~/.local/share")
        candidates = [
            Path(data_home, "fairdatabase").absolute(),
            Path(f"/var/tmp/fairdatabase-{user.uid}"),  # noqa: S108
        ]
    for candidate in filter(safe_in_a_shell, candidates):
        try:
            candidate.mkdir(parents=True, exist_ok=True, mode=0o711)
        except OSError:
            continue
        mine = candidate.lstat().st_uid == os.geteuid() and not candidate.is_symlink()
        if mine and os.access(candidate, os.W_OK | os.X_OK) and user.can_enter(candidate):
            return candidate
    raise Refused(
        "The account that PostgreSQL runs as can reach neither the state folder nor "
        f"{' nor '.join(map(str, candidates))}. Set FAIRDB_LOCAL_DIR to a folder that every "
        "account may pass through, /srv/fairdatabase for example."
    )
