"""System checks of the data schema; each names its mend."""

import re
from collections.abc import Sequence

from django.apps import AppConfig
from django.conf import settings
from django.core import checks
from django.core.management import CommandError
from django.db import DEFAULT_DB_ALIAS, Error, connections

# Lower case, so that it reads the same quoted and bare in an operator's own SQL.
_SCHEMA_NAME = re.compile(r"[a-z_][a-z0-9_]{0,62}")
_TAKEN = {"public", "auth", "extensions", "information_schema", "storage", "graphql_public"}


@checks.register(checks.Tags.database)
def check_data_schema(
    app_configs: Sequence[AppConfig] | None,
    databases: Sequence[str] | None = None,
    **kwargs: object,
) -> list[checks.CheckMessage]:
    """Compare FAIRDB_DATA_SCHEMA with its rules and with the schema that holds the data.

    The database is asked only where it was named (`check --database default`), as by Django's own
    checks: else every command would open a connection, and wait where none can be had.
    """
    name: str = settings.FAIRDB_DATA_SCHEMA
    if not _SCHEMA_NAME.fullmatch(name) or name in _TAKEN or name.startswith("pg_"):
        return [
            checks.Error(
                f"FAIRDB_DATA_SCHEMA is {name!r}, which cannot hold the data.",
                hint="Take a name of lower case letters, digits and _ that nothing else uses.",
                id="datasets.E001",
            )
        ]
    messages: list[checks.CheckMessage] = []
    if name == "_realtime":
        messages.append(
            checks.Warning(
                "FAIRDB_DATA_SCHEMA is _realtime, a name Supabase uses itself.",
                hint="Supabase's dump tool skips it, so its backups hold no data. Take another.",
                id="datasets.W001",
            )
        )
    for recorded in filter(None, map(recorded_schema, databases or ())):
        if recorded == name:
            continue
        messages.append(
            checks.Error(
                f"FAIRDB_DATA_SCHEMA is {name}, but this database keeps its data in {recorded}.",
                hint=f"Set FAIRDB_DATA_SCHEMA={recorded}. The schema is chosen before migrating.",
                id="datasets.E002",
            )
        )
    return messages


def refuse_another_schema(*, using: str, **kwargs: object) -> None:
    """Stop a migrate that would build half of the contract in another schema (`pre_migrate`)."""
    recorded = recorded_schema(using)
    if recorded is not None and recorded != settings.FAIRDB_DATA_SCHEMA:
        raise CommandError(
            f"This database keeps its data in {recorded}: set FAIRDB_DATA_SCHEMA={recorded}."
        )


def recorded_schema(using: str = DEFAULT_DB_ALIAS) -> str | None:
    """Return the schema the migrations ran with; None before them or while nothing answers."""
    try:
        with connections[using].cursor() as cursor:
            cursor.execute("select to_regclass('public.fairdb_installation')")
            if cursor.fetchone() == (None,):
                return None
            cursor.execute("select data_schema from public.fairdb_installation")
            row = cursor.fetchone()
    except Error:
        return None
    return row[0] if row else None
