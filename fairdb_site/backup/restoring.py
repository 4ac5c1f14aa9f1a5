"""Restore a backup into an empty database, in one transaction; compare a database with a backup."""

import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from django.conf import settings
from django.core.files import File
from django.core.files.storage import storages
from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper
from django.db.migrations.loader import MigrationLoader
from psycopg2 import sql

from datasets.identifiers import in_data_schema
from datasets.ingest.pseudonyms import key_fingerprint
from fairdb_site.backup.contents import SQL, Progress, auth_rows, differences, read_contents
from fairdb_site.backup.making import ACCOUNTS, DATABASE, STAGED, token_key_fingerprint
from fairdb_site.backup.manifest import Manifest, read_manifest, require_whole
from fairdb_site.backup.programs import (
    Programs,
    database_dsn,
    environment,
    find_programs,
    require_fit_to_restore,
    require_own_session,
    said,
)
from fairdb_site.errors import Conflict, Refused, Unavailable

# Entries of a dump's table of contents that are the new project's own.
_ITS_OWN = re.compile(
    r"\d+; \d+ \d+ "
    r"(?:SCHEMA - public |(?:ACL|COMMENT) - SCHEMA public |DEFAULT ACL |EVENT TRIGGER )"
)


@dataclass(frozen=True)
class Restored:
    """What was restored or compared; `differences` from the backup, in words, and `notes`."""

    manifest: Manifest
    differences: Sequence[str]
    notes: Sequence[str]


def backup_restore(
    *, folder: Path, programs: Path | None, any_key: bool, progress: Progress
) -> Restored:
    """Restore into a database that holds nothing of the platform's and no account, then compare.

    All of it is there afterwards, or nothing: whatever fails or is killed before the end leaves
    the database as it was, so that the same can be run again.
    """
    require_own_session()
    manifest = read_manifest(folder)
    _require_same_platform(manifest)
    _require_key(manifest, any_key=any_key)
    tools = find_programs(programs)
    require_fit_to_restore(tools, dumped_by=manifest.dumped_by)
    with connection.cursor() as cursor:
        _require_empty(cursor)
    progress("checking", 0, 0)
    require_whole(folder, manifest)
    # first: files that no record names are reaped, records that name no file puzzle people
    _restore_staged(folder, manifest)
    progress("restoring", 0, 0)
    _restore_database(folder, tools)
    _analyze()
    return _compared(manifest, progress)


def backup_compare(*, folder: Path, progress: Progress) -> Restored:
    """Compare the files of a backup with its manifest, and the database with both."""
    manifest = read_manifest(folder)
    _require_same_platform(manifest)
    progress("checking", 0, 0)
    require_whole(folder, manifest)
    return _compared(manifest, progress)


def _compared(manifest: Manifest, progress: Progress) -> Restored:
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        cursor.execute("set transaction isolation level repeatable read, read only")
        cursor.execute("set local statement_timeout = 0")
        found = read_contents(cursor, progress)
    notes = []
    now = {token_key_fingerprint(key) for key in settings.FAIRDB_TOKEN_KEYS}
    if not now & set(manifest.token_keys):
        notes.append(
            "FAIRDB_TOKEN_KEYS has none of the keys of the time of the backup: everyone signs in "
            "again."
        )
    if not _has_key(manifest):
        notes.append(
            "FAIRDB_PSEUDONYM_KEY is not the key of the datasets: until it is, nothing can be "
            "loaded."
        )
    return Restored(manifest, differences(manifest.contents, found), notes)


def _require_same_platform(manifest: Manifest) -> None:
    if manifest.data_schema != settings.FAIRDB_DATA_SCHEMA:
        raise Refused(
            f"The backup's data schema is {manifest.data_schema}: set FAIRDB_DATA_SCHEMA to it."
        )
    known = {f"{app}.{name}" for app, name in MigrationLoader(None).disk_migrations}
    if unknown := sorted(set(manifest.migrations) - known):
        raise Refused(
            f"The backup was made by a newer version of the platform (it has {unknown[-1]}). "
            "Install that one, or a later one, and restore with it."
        )


def _has_key(manifest: Manifest) -> bool:
    ours = key_fingerprint(settings.FAIRDB_PSEUDONYM_KEY)
    return set(manifest.pseudonym_keys) <= {ours}


def _require_key(manifest: Manifest, *, any_key: bool) -> None:
    if not any_key and not _has_key(manifest):
        raise Refused(
            "FAIRDB_PSEUDONYM_KEY is not the key that the backed-up datasets were loaded with. "
            "Put the kept copy of that key back first: without it nothing can be loaded and no id "
            "linked to what is stored.",
            option="any_key",
        )


def _require_empty(cursor: CursorWrapper) -> None:
    """Refuse a database with anything that the restored would mix with."""
    cursor.execute(
        "select to_regnamespace(quote_ident(%s)) is not null, exists ("
        "   select from pg_class c where c.relnamespace = 'public'::regnamespace"
        "   and c.relkind in ('r', 'p', 'v', 'm', 'S') and not exists ("
        "     select from pg_depend e where e.objid = c.oid and e.deptype = 'e'))",
        [settings.FAIRDB_DATA_SCHEMA],
    )
    data_schema, tables = cursor.fetchone()
    accounts = [name for name, rows in auth_rows(cursor).items() if rows]
    found = [
        *([f"schema {settings.FAIRDB_DATA_SCHEMA}"] if data_schema else []),
        *(["tables in public"] if tables else []),
        *([f"rows in {', '.join(accounts)}"] if accounts else []),
    ]
    if found:
        raise Conflict(
            f"The database is not empty ({'; '.join(found)}), and was left as it is. Restore into "
            "a new Supabase project, or an embedded default that was just made (`manage.py local "
            "reset` empties one), before `manage.py migrate`."
        )


def _restore_staged(folder: Path, manifest: Manifest) -> None:
    storage = storages["staged"]
    for file in manifest.files:
        place, _, name = file.name.partition("/")
        if place != STAGED:
            continue
        try:
            if storage.exists(name):  # of a restore that failed later
                storage.delete(name)
            with (folder / file.name).open("rb") as source:
                saved = storage.save(name, File(source))
        except Exception as error:  # every storage has errors of its own
            raise Unavailable(
                f"The storage of staged files does not take them ({type(error).__name__}). "
                "`manage.py doctor` may say why, once the database is restored."
            ) from None
        if saved != name:
            storage.delete(saved)
            raise Unavailable("The storage of staged files gives files other names than asked.")


def _restore_database(folder: Path, tools: Programs) -> None:
    """Give one session of psql everything, and `commit` only when all of it was there.

    A script, not `pg_restore --dbname`: both dumps, and what has to be done before and after, are
    one transaction. psql stops at the first error; where it meets the end of its input without
    `commit` (pg_restore failed, or this process was killed), the server rolls back.
    """
    connection.close()  # it may hold a look at what is about to be made
    arguments = ["-X", "-q", "-v", "ON_ERROR_STOP=1", "-v", "VERBOSITY=verbose", "-o", "/dev/null"]
    with tempfile.TemporaryFile() as errors, tempfile.TemporaryDirectory() as scratch:
        psql = subprocess.Popen(  # noqa: S603 - no shell; every argument is ours
            tools.command("psql", *arguments, "-d", database_dsn(), "-f", "-"),
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=errors,
            env=environment(),
        )
        script = psql.stdin
        if script is None:
            raise RuntimeError("psql was given no input.")
        failure: Exception | None = None
        try:
            script.write(b"begin;\n" + (SQL / "before.sql").read_bytes())
            _unpack(tools, script, folder / ACCOUNTS)
            wanted = Path(scratch) / "list"
            wanted.write_text(_wanted(tools, folder / DATABASE), encoding="utf-8")
            _unpack(tools, script, folder / DATABASE, f"--use-list={wanted}")
            script.write((SQL / "after.sql").read_bytes() + b"\ncommit;\n")
        except Exception as error:
            failure = error
        with suppress(BrokenPipeError):
            script.close()
        if psql.wait():
            raise Unavailable(f"Nothing was restored: {said(errors)}") from None
        if failure:
            raise failure


def _unpack(tools: Programs, script: IO[bytes], archive: Path, *arguments: str) -> None:
    """Write an archive as SQL."""
    with tempfile.TemporaryFile() as errors:
        unpacking = subprocess.Popen(  # noqa: S603 - no shell; every argument is ours
            tools.command("pg_restore", *arguments, "-f", "-", str(archive)),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            env=environment(),
        )
        if unpacking.stdout is None:
            raise RuntimeError("pg_restore was given no output.")
        with unpacking.stdout:
            shutil.copyfileobj(unpacking.stdout, script, 1 << 20)
        if unpacking.wait():
            raise Unavailable(f"Nothing was restored: {said(errors)}")


def _wanted(tools: Programs, archive: Path) -> str:
    """Return the dump's table of contents without what is the new project's own."""
    with connection.cursor() as cursor:
        cursor.execute(
            "select proname from pg_proc where pronamespace = 'public'::regnamespace"
            " and prorettype = 'event_trigger'::regtype"
        )
        functions = {row[0] for row in cursor.fetchall()}
    own = [f" public {name}()" for name in functions] + [
        f" public FUNCTION {name}()" for name in functions
    ]
    return "".join(
        f"{line}\n"
        for line in tools.run("pg_restore", "--list", str(archive)).splitlines()
        if not _ITS_OWN.match(line) and not any(name in line for name in own)
    )


def _analyze() -> None:
    """Tell the planner of the restored tables what it knew of them: a load does the same."""
    schema = settings.FAIRDB_DATA_SCHEMA
    with connection.cursor() as cursor:
        cursor.execute("set statement_timeout = 0")
        cursor.execute(
            sql.SQL("select part from {}, unnest(parts) part where state = 'ready'").format(
                in_data_schema("datasets")
            )
        )
        parts = [row[0] for row in cursor.fetchall()]
        cursor.execute("set default_statistics_target = 1")
        for part in parts:
            cursor.execute(
                sql.SQL("analyze {} (rowid, user_id)").format(sql.Identifier(schema, part))
            )
        cursor.execute("reset default_statistics_target")
        for table in ("datasets", "dataset_columns", "metadata_tables"):
            cursor.execute(sql.SQL("analyze {}").format(in_data_schema(table)))
        cursor.execute("reset statement_timeout")
