"""Databases beside the run's own, for which Django is pointed elsewhere: other settings, other age.

`permissive` lays the default privileges of an old Supabase project first, under which every new
table, sequence, function and schema is open to `anon` and `authenticated`.
"""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import psycopg2
from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.test import override_settings

ROOT = Path(__file__).resolve().parents[2]

Params = Sequence[Any] | Mapping[str, Any] | None

PERMISSIVE = """
alter default privileges in schema public grant all on tables to anon, authenticated, service_role;
alter default privileges in schema public
  grant all on functions to anon, authenticated, service_role;
alter default privileges in schema public
  grant all on sequences to anon, authenticated, service_role;
alter default privileges grant all on tables to public, anon, authenticated, service_role;
alter default privileges grant all on functions to public, anon, authenticated, service_role;
alter default privileges grant all on sequences to public, anon, authenticated, service_role;
alter default privileges grant all on schemas to public, anon, authenticated, service_role;
"""


@dataclass(frozen=True)
class SecondDatabase:
    """A database of the cluster, its data schema, and Django's commands run against it."""

    url: str
    schema: str

    def django(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a Django command on this database, without starting the stack."""
        return subprocess.run(
            [sys.executable, "-m", "django", *arguments],
            cwd=ROOT,
            env=os.environ
            | {"DATABASE_URL": self.url, "FAIRDB_DATA_SCHEMA": self.schema, "PYTHONPATH": str(ROOT)}
            | environment,
            capture_output=True,
            text=True,
            check=False,
        )

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """Let this process use this database and its data schema instead of its own."""
        own = connection.settings_dict["NAME"]
        connection.close()
        connection.settings_dict["NAME"] = urlsplit(self.url).path.removeprefix("/")
        try:
            with override_settings(FAIRDB_DATA_SCHEMA=self.schema):
                yield
        finally:
            connection.close()
            connection.settings_dict["NAME"] = own

    def migrate(self, *arguments: str) -> None:
        """Migrate within this process."""
        with self.in_use():
            call_command("migrate", *arguments, skip_checks=True, verbosity=0)

    def run(self, sql: str, params: Params = None) -> list[tuple[Any, ...]]:
        """Run SQL as `postgres`, committed at once, `%%schema%%` standing for the data schema."""
        second = psycopg2.connect(self.url)
        try:
            second.autocommit = True
            with second.cursor() as cursor:
                cursor.execute(sql.replace("%%schema%%", f'"{self.schema}"'), params)
                return list(cursor.fetchall()) if cursor.description else []
        finally:
            second.close()

    def store_part(self, table: str, *, ready: bool) -> UUID:
        """Make a dataset of one part with one column `a`, of an owner of its own; sealed or not."""
        owner, dataset = uuid4(), uuid4()
        self.run("insert into auth.users (id) values (%s)", [str(owner)])
        self.run(
            "insert into %%schema%%.datasets (id, user_id, title, parts) values (%s, %s, 't', %s)",
            [str(dataset), str(owner), [table]],
        )
        self.run(
            "select public.create_data_table(%s, %s, array['a'], 'pid', %s)",
            [self.schema, table, str(owner)],
        )
        if ready:
            self.run("select %%schema%%.seal_part(%s)", [table])
            self.run(
                "update %%schema%%.datasets set state = 'ready', ready_at = now() where id = %s",
                [str(dataset)],
            )
        return owner


@contextmanager
def second_database(*, schema: str = "_fd", permissive: bool = False) -> Iterator[SecondDatabase]:
    """Make an empty database with roles and schema `auth`; drop it afterwards."""
    from fairdb_site.local.state import local_state

    name = f"second_{uuid4().hex[:12]}"
    with connection.cursor() as cursor:
        cursor.execute(f"create database {name}")
    database = SecondDatabase(
        local_state(settings.FAIRDB_LOCAL_DIR).database_url(database=name), schema
    )
    try:
        if permissive:
            database.run(PERMISSIVE)
        yield database
    finally:
        with connection.cursor() as cursor:
            cursor.execute(f"drop database {name} with (force)")
