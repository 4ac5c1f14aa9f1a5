"""Lay Supabase's roles and auth schema into a PostgreSQL; safe to repeat."""

import hashlib
from contextlib import closing
from pathlib import Path

import psycopg2
from psycopg2 import errors, sql
from psycopg2.extensions import connection, encrypt_password, make_dsn, parse_dsn

from fairdb_site.errors import Refused, Unavailable
from fairdb_site.local.state import BOOTSTRAPPED, DATABASE, SUPERUSER, LocalState, write_private

_FILES = [Path(__file__).parent / "sql" / name for name in ("bootstrap.sql", "auth.sql")]
_GATEWAY_ROLES = ("authenticator", "supabase_auth_admin")
_OLDEST = 14_00_00  # SQL function bodies that are parsed when they are made; Django's own floor


def bootstrap_embedded(state: LocalState, *, again: bool = False) -> bool:
    """Lay roles and schemas into the embedded server's template1, then make database `fairdb`.

    Done once for each version of the `.sql` files unless `again`; return whether it was done now.
    """
    done, version = state.folder / BOOTSTRAPPED, _version()
    if not again and done.exists() and done.read_text() == version:
        return False
    with closing(connect(state.database_url(SUPERUSER, "template1"))) as server:
        _lay(server, state, login_roles=("postgres", *_GATEWAY_ROLES))
    with closing(connect(state.database_url(SUPERUSER, "postgres"))) as server:
        made = _make_database(server)
    if not made:  # it has what template1 was before
        with closing(connect(state.database_url(SUPERUSER))) as server:
            _lay(server, state, login_roles=())
    write_private(done, version)
    return True


def bootstrap_external(state: LocalState, database_url: str) -> None:
    """Lay roles and schemas into the database of DATABASE_URL, whose role has to be a superuser.

    The gateway's two login roles get their passwords from the state. A role `postgres` that is
    there already keeps its own.
    """
    with closing(connect(database_url)) as server:
        if server.server_version < _OLDEST:
            raise Refused(
                f"DATABASE_URL is PostgreSQL {server.server_version // 10_000}; "
                f"{_OLDEST // 10_000} or later is needed."
            )
        with server.cursor() as cursor:
            cursor.execute("select to_regrole('postgres') is not null")
            (has_postgres,) = cursor.fetchone()
        roles = _GATEWAY_ROLES if has_postgres else ("postgres", *_GATEWAY_ROLES)
        try:
            _lay(server, state, login_roles=roles)
        except errors.InsufficientPrivilege as error:
            raise Refused(
                "The role in DATABASE_URL may not make roles and schemas "
                f"({error.diag.message_primary}). Give a superuser's DATABASE_URL to "
                "`manage.py local bootstrap`."
            ) from error


def require_bootstrapped(state: LocalState, database_url: str) -> None:
    """Refuse a server of DATABASE_URL that the gateway could not work on."""
    connect(database_url).close()  # or say in one sentence why it does not answer
    try:
        psycopg2.connect(role_dsn(state, "authenticator", database_url)).close()
        with closing(
            psycopg2.connect(role_dsn(state, "supabase_auth_admin", database_url))
        ) as server:
            # the youngest of its tables: one that an older release laid lacks it
            server.cursor().execute("select from auth.mfa_factors limit 0")
    except (psycopg2.OperationalError, errors.UndefinedTable) as error:
        raise Refused(
            "The database in DATABASE_URL lacks Supabase's roles and auth schema, or has them with "
            "other passwords than ours. Run `manage.py local bootstrap` once to lay them into it."
        ) from error


def connect(url: str) -> connection:
    """Connect, or say in one sentence why not."""
    try:
        return psycopg2.connect(**({"connect_timeout": "10"} | read_dsn(url)))
    except psycopg2.OperationalError as error:
        reason = " ".join(str(error).split())
        raise Unavailable(f"PostgreSQL does not let us in: {reason}") from error


def role_dsn(state: LocalState, role: str, database_url: str | None) -> str:
    """Return how `role` connects: to the embedded server, or where DATABASE_URL says."""
    if not database_url:
        return state.database_url(role)
    own = {"user": role, "password": state.password(role)}
    return str(make_dsn(**(read_dsn(database_url) | own)))


def read_dsn(url: str) -> dict[str, str]:
    """Return the parts of a libpq URL; Django's other spellings of its scheme are known too."""
    scheme, mark, rest = url.partition("://")
    if scheme in {"psql", "pgsql"}:
        url = f"postgresql{mark}{rest}"
    try:
        return dict(parse_dsn(url))
    except psycopg2.ProgrammingError as error:
        reason = " ".join(str(error).split()).replace(url, "...")
        raise Refused(
            f"DATABASE_URL is not a URL of PostgreSQL's (postgresql://...): {reason}"
        ) from error


def _lay(server: connection, state: LocalState, *, login_roles: tuple[str, ...]) -> None:
    """Run the `.sql` files and set passwords, in one transaction: a kill leaves nothing half."""
    with server, server.cursor() as cursor:
        # two projects may share a server: its roles are common to both
        cursor.execute("select pg_advisory_xact_lock(hashtextextended('fairdb bootstrap', 0))")
        for file in _FILES:
            cursor.execute(file.read_text(encoding="utf-8"))
        for role in login_roles:
            # hashed here, so that no password is in a statement that a server may log
            hashed = encrypt_password(state.password(role), role, server, "scram-sha-256")
            cursor.execute(
                sql.SQL("alter role {} password %s").format(sql.Identifier(role)), [hashed]
            )


def _make_database(server: connection) -> bool:
    """Make the platform's database, owned by `postgres`, unless it is there."""
    server.autocommit = True  # CREATE DATABASE runs in no transaction
    with server.cursor() as cursor:
        cursor.execute("select from pg_database where datname = %s", [DATABASE])
        if cursor.fetchone() is not None:
            return False
        cursor.execute(
            sql.SQL("create database {} owner postgres").format(sql.Identifier(DATABASE))
        )
    return True


def _version() -> str:
    return hashlib.sha256(b"\0".join(file.read_bytes() for file in _FILES)).hexdigest()
