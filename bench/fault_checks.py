"""What must hold after each trial of `bench.faults`, whatever became of the load."""

import subprocess
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from django.conf import settings

from accounts.models import AuditAction, AuditEvent
from bench.fault_disks import superuser
from bench.fault_parties import Someone
from datasets.browse.export_file import dataset_export
from datasets.models import Dataset, StagedFile, Submission
from fairdb_site.errors import FairdbError
from fairdb_site.local.binaries import MAJOR, package_folder
from fairdb_site.local.postgres import Postgres
from fairdb_site.local.state import SUPERUSER, local_state
from fairdb_site.supabase.clients import Supabase

SENTINEL = "Sentinel-"  # raw ids begin with it, and nothing that is kept or shown holds it
_RECORDS = {"datasets", "dataset_columns", "metadata_tables"}


class Checks:
    """Looks at all there is, as its owner, as others, and as the operator."""

    def __init__(self, folder: Path, owner: Someone, other: Someone, rows: int) -> None:
        self._folder = folder
        self._owner, self._other = owner, other
        self._rows = rows
        self.digests: dict[UUID, str] = {}  # of undisturbed loads, by owner

    def seen(self, ready: Dataset | None) -> list[str]:
        """Look as the owner, as somebody else and as nobody, before anything is cleared up."""
        with superuser() as cursor:
            cursor.execute(
                f"select table_name from {_schema()}.metadata_tables where user_id = %s"
                f" union select unnest(parts) from {_schema()}.datasets where user_id = %s",
                [self._owner.user.pk] * 2,
            )
            names = [name for (name,) in cursor.fetchall()]
        problems = self.differs(ready) if ready else []
        for who, supabase in (
            ("the owner", self._owner.supabase),
            ("somebody else", self._other.supabase),
            ("nobody", Supabase()),
        ):
            own = ready if who == "the owner" else None
            if _asked(supabase, "list_datasets") != (1 if own else 0):
                problems.append(f"{who} sees a dataset in the list")
            if _asked(supabase, "get_all_tables") != (len(own.parts) if own else 0):
                problems.append(f"{who} sees a table in the list")
            for name in names if not own else ():
                if _asked(supabase, "select_from_table", p_table_name=name, p_row_limit=1):
                    problems.append(f"{who} reads rows of {name}")
        return problems

    def kept(self) -> set[str]:
        """Return all there is of data: datasets, records, tables, submissions, staged files."""
        with superuser() as cursor:
            cursor.execute(
                f"select id::text from {_schema()}.datasets"
                f" union all select table_name from {_schema()}.metadata_tables"
                " union all select 'table ' || c.relname from pg_class c"
                " where c.relnamespace = %s::regnamespace and c.relkind = 'r'",
                [settings.FAIRDB_DATA_SCHEMA],
            )
            found = {name for (name,) in cursor.fetchall()}
        found |= {f"submission {pk}" for pk in Submission.objects.values_list("pk", flat=True)}
        found |= set(StagedFile.objects.values_list("name", flat=True))
        folders = [
            settings.STORAGES["staged"]["OPTIONS"]["location"],
            self._folder / "disk-staged",
        ]
        for folder in map(Path, folders):
            with suppress(FileNotFoundError, NotADirectoryError):
                found |= {f"file {path.name}" for path in folder.rglob("*") if path.is_file()}
        return found - {f"table {name}" for name in _RECORDS}

    def left(self, before: set[str], ready: Dataset | None, sent: Submission | None) -> list[str]:
        """Compare what there is with what there was, but for the trial's own load."""
        mine = set()
        if ready:
            mine |= {str(ready.pk), *ready.parts, *(f"table {name}" for name in ready.parts)}
        if sent:
            mine |= {f"submission {sent.pk}", sent.staged, f"file {sent.staged}"}
        now = self.kept() - mine
        problems = [f"left behind: {name}" for name in sorted(now - before)]
        return problems + [f"taken away: {name}" for name in sorted(before - now)]

    def on_record(self, since: datetime, expected: Sequence[str]) -> list[str]:
        """Compare how the owner's loads ended since, as it is on record, with how they did."""
        found = AuditEvent.objects.filter(
            action=AuditAction.DATASET_LOADED, actor=self._owner.user.pk, at__gte=since
        )
        outcomes = list(found.order_by("id").values_list("outcome", flat=True))
        if outcomes == list(expected):
            return []
        told = ", ".join(outcomes) or "nothing"
        return [f"on record is {told} for {', '.join(expected)}"]

    def differs(self, dataset: Dataset) -> list[str]:
        """Compare what is stored, read as its owner, with what an undisturbed load stored."""
        if (dataset.state, dataset.row_count) != ("ready", self._rows):
            return [f"a dataset is {dataset.state} with {dataset.row_count} rows"]
        if self.exported(dataset) != self.digests.get(dataset.user_id):
            return ["a dataset differs from that of an undisturbed load"]
        return []

    def exported(self, dataset: Dataset) -> str:
        """Export a dataset as its owner; return the digest."""
        out = self._folder / "export.csv"
        exported = dataset_export(
            dataset_id=dataset.pk, reader_id=dataset.user_id, out=out, overwrite=True
        )
        if SENTINEL in out.read_text() or not exported.unchanged:
            raise AssertionError("an export holds raw ids, or is not what was loaded")
        return exported.digest

    def raw_ids(self) -> list[str]:
        """Look for raw ids in a dump of the database and in every file but the database's own."""
        program = package_folder() / f"pginstall{MAJOR}" / "bin" / "pg_dump"
        state = local_state(settings.FAIRDB_LOCAL_DIR)
        dump = self._folder / "dump.sql"
        subprocess.run([program, state.database_url(SUPERUSER), "-f", dump], check=True)
        data = Postgres(settings.FAIRDB_LOCAL_DIR).data
        files = [path for path in self._folder.rglob("*") if path.is_file()]
        return [
            f"raw ids are in {path.relative_to(self._folder)}"
            for path in files
            if data not in path.parents and SENTINEL.encode() in path.read_bytes()
        ]


def _asked(supabase: Supabase, name: str, **params: Any) -> int:
    """Return how many things a function gives; none where it refuses."""
    try:
        return len(supabase.safe_rpc_call(name, params))
    except FairdbError:
        return 0


def _schema() -> str:
    return f'"{settings.FAIRDB_DATA_SCHEMA}"'
