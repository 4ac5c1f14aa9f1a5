"""Checks of the database itself: roles, pooler, clock, migrations, Django's own tables.

Each takes a cursor of Django's own connection and reads PostgreSQL's catalogue; none changes
anything.
"""

import time
from collections.abc import Callable, Iterator

from django.core.checks import ERROR
from django.db import DatabaseError, connection, transaction
from django.db.backends.utils import CursorWrapper
from django.db.migrations.executor import MigrationExecutor

from datasets.checks import check_data_schema
from datasets.privileges import django_tables
from fairdb_site.doctor.finding import Finding, names

DatabaseCheck = Callable[[CursorWrapper], Iterator[Finding]]

# PostgREST and our own check of tokens let clocks differ by 30 s; half of it is a warning in time.
CLOCK_TOLERANCE = 15.0
TRANSACTION_POOLER_PORT = 6543  # Supavisor's; 5432 is its session mode
MIGRATE = "Run `manage.py migrate`."


def examine_roles(cursor: CursorWrapper) -> Iterator[Finding]:
    """The roles exist, and none can do more than it is meant to."""
    cursor.execute(
        "select rolname, rolsuper, rolbypassrls, rolcreaterole, rolcreatedb from pg_roles"
        " where rolname in ('anon', 'authenticated', 'service_role', 'authenticator', current_user)"
    )
    attributes = {row[0]: row[1:] for row in cursor.fetchall()}
    cursor.execute("select current_user")
    (ours,) = cursor.fetchone()
    for role in ("anon", "authenticated", "service_role", "authenticator"):
        if role not in attributes:
            yield Finding(
                "roles",
                f"Role {role} does not exist.",
                "Use a Supabase database, or run `manage.py local bootstrap` on your own.",
            )
    for role, (superuser, bypass, create_role, create_db) in attributes.items():
        if superuser:
            yield Finding(
                "roles",
                f"{role} is a superuser: row level security and grants do not bind it.",
                "Put a role that is none into DATABASE_URL."
                if role == ours
                else f"alter role {role} nosuperuser",
            )
        if bypass and role in {"anon", "authenticated", "authenticator"}:
            yield Finding(
                "roles",
                f"{role} passes row level security.",
                f"alter role {role} nobypassrls",
            )
        if (create_role or create_db) and role in {"anon", "authenticated", "authenticator"}:
            yield Finding(
                "roles",
                f"{role} may make roles or databases.",
                f"alter role {role} nocreaterole nocreatedb",
            )


def examine_memberships(cursor: CursorWrapper) -> Iterator[Finding]:
    """`anon` and `authenticated` are members of nothing; Django's role can become a user."""
    cursor.execute(
        "select member::regrole::text, roleid::regrole::text from pg_auth_members"
        " where member in (select oid from pg_roles where rolname in ('anon', 'authenticated'))"
    )
    for member, role in cursor.fetchall():
        yield Finding(
            "roles", f"{member} has the rights of {role}.", f"revoke {role} from {member}"
        )
    try:
        with transaction.atomic():
            cursor.execute("set local role authenticated")
            transaction.set_rollback(True)
    except DatabaseError:
        yield Finding(
            "roles",
            "Django's database role cannot act as a user, which exports and workers need.",
            "grant authenticated to the role of DATABASE_URL",
        )


def examine_pooler(cursor: CursorWrapper) -> Iterator[Finding]:
    """Behind a pooler in transaction mode nothing outlives a transaction."""
    ours = connection.settings_dict
    if str(ours.get("PORT")) != str(TRANSACTION_POOLER_PORT):
        return
    if ours.get("CONN_MAX_AGE") != 0 or not ours.get("DISABLE_SERVER_SIDE_CURSORS"):
        yield Finding(
            "pooler",
            f"DATABASE_URL is a pooler in transaction mode (port {TRANSACTION_POOLER_PORT}), but "
            "connections or server-side cursors are kept over transactions.",
            "Use the pooler's session mode (port 5432), or set CONN_MAX_AGE=0 and "
            "DISABLE_SERVER_SIDE_CURSORS.",
        )


def examine_clock(
    cursor: CursorWrapper, *, now: Callable[[], float] = time.time
) -> Iterator[Finding]:
    """This machine and the database agree on what time it is."""
    before = now()
    cursor.execute("select extract(epoch from clock_timestamp())::float8")
    (theirs,) = cursor.fetchone()
    skew = theirs - (before + now()) / 2
    if abs(skew) > CLOCK_TOLERANCE:
        yield Finding(
            "clock",
            f"The database's clock is {skew:+.0f} s off this machine's.",
            "Keep both by NTP: tokens are refused as expired, or taken too long.",
        )


def examine_migrations(cursor: CursorWrapper) -> Iterator[Finding]:
    """Every migration has run."""
    executor = MigrationExecutor(connection)
    missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if missing:
        yield Finding("migrations", f"{len(missing)} migrations have not run.", MIGRATE)


def examine_data_schema(cursor: CursorWrapper) -> Iterator[Finding]:
    """FAIRDB_DATA_SCHEMA is the schema that holds the data."""
    for message in check_data_schema(None, databases=[connection.alias]):
        if message.level >= ERROR:
            yield Finding("data schema", str(message.msg), str(message.hint))


def examine_django_tables(cursor: CursorWrapper) -> Iterator[Finding]:
    """Django's tables, in the schema that REST serves, are closed to everyone who comes there."""
    cursor.execute(
        "select c.relname, c.relrowsecurity, exists ("
        "   select from aclexplode(c.relacl) a"
        "   where a.grantee = 0 or a.grantee in (select oid from pg_roles where rolname in"
        "     ('anon', 'authenticated', 'service_role')))"
        " from pg_class c where c.relnamespace = 'public'::regnamespace"
        " and c.relkind in ('r', 'p') and c.relname = any (%s)",
        [[*django_tables(connection), "fairdb_installation"]],
    )
    rows = cursor.fetchall()
    if opened := [name for name, _, granted in rows if granted]:
        yield Finding("grants", f"Over REST, outsiders may use {names(opened)}.", MIGRATE)
    if unprotected := [name for name, protected, _ in rows if not protected]:
        yield Finding(
            "row level security", f"It is off on {names(unprotected)} in public.", MIGRATE
        )


DATABASE_CHECKS: tuple[DatabaseCheck, ...] = (
    examine_roles,
    examine_memberships,
    examine_pooler,
    examine_clock,
    examine_migrations,
    examine_data_schema,
    examine_django_tables,
)
