"""Lay Supabase's roles and auth schema into a PostgreSQL; safe to repeat."""

import hashlib
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg2
from psycopg2 import sql
from psycopg2.extensions import encrypt_password

from fairdb_site.errors import Refused, Unavailable
from fairdb_site.local.state import DATABASE, SUPERUSER, LocalState, write_private

_FILES = [Path(__file__).parent / "sql" / name for name in ("bootstrap.sql", "auth.sql")]
_LOGIN_ROLES = ("postgres", "authenticator", "supabase_auth_admin")


def bootstrap_embedded(state: LocalState) -> bool:
    """Lay roles and schemas into the embedded server's template1, then make database `fairdb`.

    Return whether there was anything to do: it is done once for each version of the `.sql` files.
    """
    done = state.folder / "bootstrapped"
    wanted = _digest()
    if done.exists() and done.read_text() == wanted:
        return False
    with _connect(state.database_url(SUPERUSER, "template1")) as connection:
        _lay(connection, state, login_roles=_LOGIN_ROLES)
    with _connect(state.database_url(SUPERUSER, "postgres")) as connection:
        existed = _make_database(connection)
    if existed:  # made from an earlier template1
        with _connect(state.database_url(SUPERUSER, DATABASE)) as connection:
            _lay(connection, state, login_roles=())
    write_private(done, wanted)
    return True


def _lay(connection: Any, state: LocalState, *, login_roles: tuple[str, ...]) -> None:
    with connection, connection.cursor() as cursor:
        for file in _FILES:
            cursor.execute(file.read_text(encoding="utf-8"))
        for role in login_roles:
            # hashed here, so that no password is in a statement that a server may log
            hashed = encrypt_password(state.password(role), role, connection, "scram-sha-256")
            cursor.execute(
                sql.SQL("alter role {} password %s").format(sql.Identifier(role)), [hashed]
            )


def _make_database(connection: Any) -> bool:
    """Make the platform's database, owned by `postgres`; return whether it was there already."""
    connection.autocommit = True  # CREATE DATABASE runs in no transaction
    with connection.cursor() as cursor:
        cursor.execute("select from pg_database where datname = %s", [DATABASE])
        if cursor.fetchone() is not None:
            return True
        cursor.execute(
            sql.SQL("create database {} owner postgres").format(sql.Identifier(DATABASE))
        )
    return False


def _connect(url: str) -> Any:
    try:
        return closing(psycopg2.connect(url, connect_timeout=10))
    except psycopg2.OperationalError as error:
        raise Unavailable(f"PostgreSQL does not answer: {str(error).strip()}") from error


def _digest() -> str:
    return hashlib.sha256(b"\0".join(file.read_bytes() for file in _FILES)).hexdigest()
