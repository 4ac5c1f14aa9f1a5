"""What the embedded default remembers between runs: its secrets, its port, where its cluster lies.

Made on first use, in the state folder (`FAIRDB_LOCAL_DIR`); starts nothing. Layout of that folder:

    state.json      secrets and the gateway's port (0600)
    cluster/        PostgreSQL's files, 0700, owned by whom the server runs as; or a symbolic
                    link, the pointer to a folder elsewhere (`cluster_folder.py` says when)
    outbox/         mails that the gateway wrote (0700)
    staged/         uploaded files while they are loaded, sealed (0700; settings may move it)
    demo.json       passwords of the demo's accounts, where it ran (0600)
    gateway.json    the gateway's configuration (0600)
    *.log, *.pid    of the two servers
"""

import base64
import contextlib
import fcntl
import json
import os
import secrets
import shlex
import socket
from collections.abc import Callable, Iterator, Sequence
from dataclasses import MISSING, asdict, dataclass, field, fields, replace
from pathlib import Path
from urllib.parse import quote

from fairdb_site.errors import Refused
from fairdb_site.local.cluster_folder import cluster_folder, make_cluster_folder, socket_folder

DATABASE = "fairdb"
SUPERUSER = "supabase_admin"  # as hosted: `postgres` is not a superuser
BOOTSTRAPPED = "bootstrapped"  # a file: which version of the .sql files the cluster has
DEMO_PASSWORDS = "demo.json"
POSTGRES_PORT = 5432  # only part of the socket's name: nothing listens on TCP


@dataclass(frozen=True)
class LocalState:
    """Secrets and addresses of one embedded stack; `repr` shows no secret."""

    folder: Path
    gateway_port: int
    superuser_password: str = field(repr=False)
    postgres_password: str = field(repr=False)
    authenticator_password: str = field(repr=False)
    auth_admin_password: str = field(repr=False)
    publishable_key: str = field(repr=False)
    secret_key: str = field(repr=False)
    signing_key_pem: str = field(repr=False)
    hs256_secret: str = field(repr=False)
    django_secret_key: str = field(repr=False)
    token_key: str = field(repr=False)  # while it is changed several, with commas between
    pseudonym_key: str = field(repr=False)
    # what signed before the last rotation, where there was one
    former_signing_key_pem: str | None = field(default=None, repr=False)

    @property
    def token_keys(self) -> Sequence[str]:
        """The keys that open what was sealed; the first one seals."""
        return self.token_key.split(",")

    @property
    def cluster_dir(self) -> Path:
        """The folder of PostgreSQL's files, the pointer followed."""
        return cluster_folder(self.folder)

    @property
    def socket_dir(self) -> Path:
        """The folder of PostgreSQL's unix socket: libpq's `host`."""
        return socket_folder(self.cluster_dir)

    @property
    def supabase_url(self) -> str:
        """Where the gateway answers."""
        return f"http://127.0.0.1:{self.gateway_port}"

    def password(self, role: str) -> str:
        """Return the password of a login role."""
        return {
            SUPERUSER: self.superuser_password,
            "postgres": self.postgres_password,
            "authenticator": self.authenticator_password,
            "supabase_auth_admin": self.auth_admin_password,
        }[role]

    def database_url(self, role: str = "postgres", database: str = DATABASE) -> str:
        """Return the libpq URL of a role, the socket's folder percent-encoded as its host."""
        host = quote(str(self.socket_dir), safe="")
        password = quote(self.password(role), safe="")
        return f"postgresql://{role}:{password}@{host}:{POSTGRES_PORT}/{database}"


def local_state(folder: Path) -> LocalState:
    """Return the state kept in `folder`; make it on first use, once however many ask at once."""
    folder = canonical(folder)
    if has_state(folder):
        return read_state(folder)
    with folder_lock(folder):
        return load_or_make(folder)


def load_or_make(folder: Path) -> LocalState:
    """Do what `local_state` does for a caller who holds the folder's lock."""
    if has_state(folder):
        return read_state(folder)
    if (cluster_folder(folder) / "data").exists():
        raise Refused(
            f"There are databases in {folder}, but state.json, which holds their passwords and "
            f"keys, is gone. Put it back from a copy, or start empty with {reset_command(folder)}."
        )
    with plain_errors(folder):
        make_cluster_folder(folder)
        state = _new_state(folder)
        _write(state)
    return state


def has_state(folder: Path) -> bool:
    """Whether an embedded default was set up in `folder`."""
    with plain_errors(folder):
        return (folder / "state.json").exists()


def read_state(folder: Path) -> LocalState:
    """Read the state kept in `folder`, which has to be there."""
    with plain_errors(folder):
        text = (folder / "state.json").read_text(encoding="utf-8")
    try:
        kept = json.loads(text)
        return LocalState(
            folder=folder,
            **{
                entry.name: kept[entry.name]
                for entry in fields(LocalState)
                if entry.name != "folder" and (entry.default is MISSING or entry.name in kept)
            },
        )
    except (ValueError, KeyError, TypeError) as error:
        raise Refused(
            f"{folder / 'state.json'} is not what the embedded default wrote. Put it back from a "
            f"copy, or start empty with {reset_command(folder)}."
        ) from error


def move_port(state: LocalState) -> LocalState:
    """Give the gateway another free port, because somebody else took the one it had."""
    state = replace(state, gateway_port=free_port())
    with plain_errors(state.folder):
        _write(state)
    return state


def rotate_signing_key(state: LocalState) -> LocalState:
    """Sign with a new key from now on; the one so far is kept beside it until the next rotation."""
    state = replace(
        state,
        signing_key_pem=_new_signing_key(),
        former_signing_key_pem=state.signing_key_pem,
    )
    with plain_errors(state.folder):
        _write(state)
    return state


def change_token_keys(folder: Path, change: Callable[[Sequence[str]], Sequence[str]]) -> None:
    """Keep other token keys than now, the sealing one first; nothing else of the state changes."""
    folder = canonical(folder)
    with folder_lock(folder), plain_errors(folder):
        state = read_state(folder)
        _write(replace(state, token_key=",".join(change(state.token_keys))))


def canonical(folder: Path) -> Path:
    """Return a folder's one true path: servers are told apart by it."""
    return Path(os.path.realpath(folder))


def reset_command(folder: Path) -> str:
    """Return the command that starts empty; it needs no settings, which need this state."""
    return f"`python -m fairdb_site.local reset --folder {shlex.quote(str(folder))}`"


def free_port() -> int:
    """Return a TCP port of the loopback that nobody listens on now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@contextlib.contextmanager
def folder_lock(folder: Path) -> Iterator[None]:
    """Let one thread of one process at a time change what is in the state folder, or run there."""
    with plain_errors(folder):
        # as root the server runs as somebody else, who has to be able to pass through
        folder.mkdir(parents=True, exist_ok=True, mode=0o711 if os.geteuid() == 0 else 0o700)
        descriptor = _locked_file(folder / "lock")
    try:
        yield
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def plain_errors(folder: Path) -> Iterator[None]:
    """Say in one sentence why the state folder cannot be used."""
    try:
        yield
    except OSError as error:
        raise Refused(
            f"The state folder {folder} cannot be used: {error.strerror or error}"
            f"{f' ({error.filename})' if error.filename else ''}. Free or mend it, or set "
            "FAIRDB_LOCAL_DIR to a folder of your own."
        ) from error


def write_private(path: Path, text: str) -> None:
    """Write a file of mode 0600 so that a reader meets the old text or the new, never a half."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with open(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(descriptor)
        draft.replace(path)
    except OSError:
        draft.unlink(missing_ok=True)
        raise


def _locked_file(path: Path) -> int:
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        try:  # a reset removes the file: a lock on what is gone keeps nobody out
            if os.fstat(descriptor).st_ino == path.stat().st_ino:
                return descriptor
        except FileNotFoundError:
            pass
        os.close(descriptor)


def _new_state(folder: Path) -> LocalState:
    return LocalState(
        folder=folder,
        gateway_port=free_port(),
        superuser_password=secrets.token_urlsafe(24),
        postgres_password=secrets.token_urlsafe(24),
        authenticator_password=secrets.token_urlsafe(24),
        auth_admin_password=secrets.token_urlsafe(24),
        publishable_key=f"sb_publishable_{secrets.token_urlsafe(24)}",
        secret_key=f"sb_secret_{secrets.token_urlsafe(24)}",
        signing_key_pem=_new_signing_key(),
        hs256_secret=secrets.token_urlsafe(48),
        django_secret_key=secrets.token_urlsafe(48),
        token_key=new_token_key(),
        pseudonym_key=secrets.token_urlsafe(32),
    )


def new_token_key() -> str:
    """Return a new Fernet key: 32 bytes in URL-safe base64."""
    return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()


def _new_signing_key() -> str:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())  # ES256, Supabase's default
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()


def _write(state: LocalState) -> None:
    values = asdict(state).items()
    kept = {name: value for name, value in values if name != "folder" and value is not None}
    write_private(state.folder / "state.json", json.dumps(kept, indent=2) + "\n")
