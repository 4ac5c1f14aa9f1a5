"""Make a backup: two dumps and the record of one snapshot, staged files, the manifest at the end.

Accounts and our own tables are two dumps because they are restored differently: schema `auth` is
the Supabase project's, whose new one brings its tables; only their rows are ours to keep.
"""

import hmac
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from django.conf import settings
from django.core.files.storage import storages
from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper
from django.db.migrations.recorder import MigrationRecorder

from datasets.models import Dataset, StagedFile
from fairdb_site.backup.contents import AUTH_VERSIONS, Progress, read_contents, unfinished_parts
from fairdb_site.backup.manifest import (
    BackupFile,
    Manifest,
    describe_file,
    sync_folder,
    write_manifest,
)
from fairdb_site.backup.programs import (
    Programs,
    database_dsn,
    excluding,
    find_programs,
    quoted_pattern,
    require_fit_to_dump,
    require_own_session,
)
from fairdb_site.errors import Conflict, Refused, Unavailable

ACCOUNTS = "accounts.dump"
DATABASE = "database.dump"
STAGED = "staged"
_KEY_CONTEXT = b"fairdatabase token key fingerprint v1\x00"
# pg_dump waits so long for a table that somebody is changing, then gives up
_LOCK_WAIT = "--lock-wait-timeout=60s"


def backup_make(*, folder: Path, programs: Path | None, progress: Progress) -> Manifest:
    """Write a backup into a new folder, which only this account may read; return what it holds.

    The folder must not exist, or be empty. What fails leaves nothing; what is killed leaves a
    folder without a manifest, which no restore takes.
    """
    require_own_session()
    tools = find_programs(programs)
    require_fit_to_dump(tools)
    made = _make_folder(folder)
    try:
        manifest = _make(folder, tools, progress)
        write_manifest(folder, manifest)
    except BaseException as error:
        _clear(folder, remove=made)
        if isinstance(error, OSError):
            raise Unavailable(
                f"The backup cannot be written to {folder}: {error.strerror}."
            ) from None
        raise
    return manifest


def token_key_fingerprint(key: str) -> str:
    """Return 16 hex digits that tell one token key from another and say nothing else of it."""
    return hmac.digest(key.encode(), _KEY_CONTEXT, "sha256").hex()[:16]


def _make(folder: Path, tools: Programs, progress: Progress) -> Manifest:
    schema = settings.FAIRDB_DATA_SCHEMA
    with _snapshot() as (cursor, snapshot):
        _require_all_rows(cursor)
        common = (
            "--format=custom",
            "--compress=1",  # gzip's quickest: the default takes three times as long
            f"--snapshot={snapshot}",
            _LOCK_WAIT,
            f"--dbname={database_dsn()}",
        )
        progress("accounts", 0, 0)
        tools.run(
            "pg_dump",
            *common,
            "--data-only",  # then rows come in the order that foreign keys want
            f"--schema={quoted_pattern('auth')}",
            *excluding("auth", [AUTH_VERSIONS]),
            f"--file={folder / ACCOUNTS}",
        )
        progress("tables", 0, 0)
        tools.run(
            "pg_dump",
            *common,
            f"--schema={quoted_pattern(schema)}",
            f"--schema={quoted_pattern('public')}",
            *excluding(schema, unfinished_parts(cursor)),
            f"--file={folder / DATABASE}",
        )
        ready = Dataset.objects.filter(state=Dataset.State.READY, key_fingerprint__isnull=False)
        keys = {key for key in ready.values_list("key_fingerprint", flat=True) if key}
        migrations = sorted(
            f"{app}.{name}" for app, name in MigrationRecorder(connection).applied_migrations()
        )
        staged = list(StagedFile.objects.values_list("name", flat=True))
        contents = read_contents(cursor, progress)
        cursor.execute("show server_version")
        (server_version,) = cursor.fetchone()
    files = [describe_file(folder, name, sync=True) for name in (ACCOUNTS, DATABASE)]
    return Manifest(
        made_at=datetime.now(UTC).isoformat(timespec="seconds"),
        server_version=server_version,
        dumped_by=tools.major,
        data_schema=schema,
        migrations=migrations,
        pseudonym_keys=sorted(keys),
        token_keys=[token_key_fingerprint(key) for key in settings.FAIRDB_TOKEN_KEYS],
        files=[*files, *_copy_staged(folder, staged, progress)],
        contents=contents,
    )


@contextmanager
def _snapshot() -> Iterator[tuple[CursorWrapper, str]]:
    """Give a cursor in a read-only transaction, and the name by which pg_dump sees the same."""
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        cursor.execute("set transaction isolation level repeatable read, read only")
        cursor.execute("set local statement_timeout = 0")
        cursor.execute("set local idle_in_transaction_session_timeout = 0")
        cursor.execute("select pg_export_snapshot()")
        yield cursor, cursor.fetchone()[0]


def _require_all_rows(cursor: CursorWrapper) -> None:
    """Refuse a role from which row level security keeps rows: pg_dump would only stop later."""
    cursor.execute(
        "select rolsuper or rolbypassrls, rolname from pg_roles where rolname = current_user"
    )
    sees_all, role = cursor.fetchone()
    if not sees_all:
        raise Refused(
            f"Role {role} of DATABASE_URL does not see all rows (it lacks BYPASSRLS). Use "
            "`postgres`, as Supabase gives it."
        )


def _copy_staged(folder: Path, names: list[str], progress: Progress) -> Iterator[BackupFile]:
    """Copy the staged files of the snapshot, sealed as they are; those gone since are over."""
    storage, copied = storages["staged"], 0
    for number, name in enumerate(names):
        progress("files", number, len(names))
        try:
            source = storage.open(name, "rb")
        except FileNotFoundError:
            continue
        if not copied:
            (folder / STAGED).mkdir(mode=0o700)
        copied += 1
        descriptor = os.open(folder / STAGED / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with source, open(descriptor, "wb") as target:
            shutil.copyfileobj(source, target, 1 << 20)
        yield describe_file(folder, f"{STAGED}/{name}", sync=True)
    if copied:
        sync_folder(folder / STAGED)


def _make_folder(folder: Path) -> bool:
    """Make the folder, or take an empty one; return whether it was made."""
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:
        if not folder.is_dir() or any(folder.iterdir()):
            raise Conflict(
                f"{folder} exists already, and was left as it is. Give the name of a new folder."
            ) from None
        folder.chmod(0o700)
        return False
    except OSError as error:
        raise Refused(f"{folder} cannot be made: {error.strerror}.") from None
    return True


def _clear(folder: Path, *, remove: bool) -> None:
    for entry in folder.iterdir():
        if entry.is_dir():
            shutil.rmtree(entry, ignore_errors=True)
        else:
            entry.unlink(missing_ok=True)
    if remove:
        folder.rmdir()
