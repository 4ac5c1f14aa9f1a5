"""Where PostgreSQL's files and its socket lie: in the state folder, or elsewhere if they must.

Two things send the cluster elsewhere, to a folder of mode 0700 that a symbolic link in the state
folder points to: the server's user cannot reach the state folder (root's home, say), or its path
holds a character that `initdb` would hand to a shell. A socket whose path would be longer than the
kernel allows lies in a short folder of its own.
"""

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
_UNSAFE_IN_INITDB = frozenset('"$`\\\n\r')


def cluster_link(folder: Path) -> Path:
    """Return the cluster's place in the state folder: a folder, or a pointer to one."""
    return folder / "cluster"


def make_cluster_folder(folder: Path) -> Path:
    """Make the cluster's folder, owned by the server's user, and return where it lies."""
    user = server_user()
    link = cluster_link(folder)
    if link.is_symlink() or link.exists():
        cluster = link.resolve()
        if cluster.exists():
            if not any(cluster.iterdir()):
                user.own(cluster)  # killed between making it and handing it over
            return cluster
        link.unlink()  # a pointer to a folder that is gone
    if user.can_enter(folder) and not _UNSAFE_IN_INITDB & set(str(folder)):
        _make_private(link, user)
        return link
    cluster = _home_elsewhere(user) / secrets.token_hex(6)
    _make_private(cluster, user)
    link.symlink_to(cluster, target_is_directory=True)
    return cluster


def remove_cluster_folder(folder: Path) -> None:
    """Remove the cluster and, where it lies elsewhere, the pointer to it."""
    link = cluster_link(folder)
    if link.is_symlink():
        cluster = link.readlink()
        shutil.rmtree(socket_folder(cluster), ignore_errors=True)
        if cluster.exists():
            shutil.rmtree(cluster)
        link.unlink()
    elif link.exists():
        shutil.rmtree(socket_folder(link), ignore_errors=True)
        shutil.rmtree(link)


def socket_folder(cluster: Path) -> Path:
    """Return the folder of the cluster's socket; the same one each time, for one cluster."""
    inside = cluster / "run"
    if len(os.fsencode(f"{inside}{_SOCKET_NAME}")) <= _LONGEST_SOCKET_PATH:
        return inside
    digest = hashlib.sha256(os.fsencode(cluster)).hexdigest()
    return Path(f"/tmp/fairdb-{digest[:16]}")  # noqa: S108 - checked by make_socket_folder


def make_socket_folder(cluster: Path, user: ServerUser) -> Path:
    """Make the socket's folder of mode 0700; refuse one that somebody else put there."""
    place = socket_folder(cluster)
    try:
        _make_private(place, user)
    except FileExistsError:
        status = place.lstat()
        if not place.is_dir() or place.is_symlink() or status.st_uid != user.uid:
            raise Refused(
                f"{place} belongs to somebody else, but PostgreSQL's socket should lie there. "
                "Remove it, or set FAIRDB_LOCAL_DIR to a shorter path."
            ) from None
        place.chmod(0o700)
    return place


def cluster_owner(cluster: Path) -> ServerUser:
    """Return the account that the cluster's server runs as."""
    return owner_of(cluster)


def _make_private(folder: Path, user: ServerUser) -> None:
    folder.mkdir(mode=0o700)
    user.own(folder)


def _home_elsewhere(user: ServerUser) -> Path:
    """Return a folder that lasts over reboots and lets the server's user pass."""
    if os.geteuid() == 0:
        candidates = [Path("/var/lib/fairdatabase"), Path("/var/tmp/fairdatabase")]  # noqa: S108
    else:
        data_home = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
        candidates = [
            Path(data_home) / "fairdatabase",
            Path(f"/var/tmp/fairdatabase-{user.uid}"),  # noqa: S108
        ]
    for candidate in candidates:
        if _UNSAFE_IN_INITDB & set(str(candidate)):
            continue
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
