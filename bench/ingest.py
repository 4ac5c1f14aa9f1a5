"""A whole import beside `psql \\copy` of the same rows, already prepared, into identical tables."""

import csv
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings
from django.db import connection
from psycopg2 import sql
from psycopg2.extras import execute_values

from accounts.models import User
from bench import tables
from bench.people import new_owner
from bench.psql import psql
from bench.result import Result, medians, peak_memory, seconds
from datasets.ingest.pipeline import Receipt, dataset_import

BATCH = 1_000  # rows of one insert, as the earlier system sent them


def run(folder: Path, rows: int) -> Iterator[Result]:
    """Measure a narrow mixed table, a wide one of floats, and the widest."""
    owner = new_owner()
    _load(owner, tables.mixed(folder / "warm.csv", 10))  # imports what is imported lazily
    path = tables.mixed(folder / "mixed.csv", rows)
    again = _Again(folder, _load(owner, path)[0])
    whole, copied = medians(lambda: _load(owner, path)[1], again.copied)
    yield Result(f"import {rows:,} x 20 mixed, beside \\copy", whole, copied, 1.6)
    what = f"batched inserts of {rows:,} x 20, beside import"
    yield Result(what, again.inserted(), whole, 4, at_least=True)
    path.unlink()

    wide = tables.floats(folder / "floats.csv", 1_000, 3_000)
    again = _Again(folder, _load(owner, wide)[0])
    whole, copied = medians(lambda: _load(owner, wide)[1], again.copied, runs=9)
    yield Result("import 1,000 x 3,000 floats, beside \\copy", whole, copied, 2)
    wide.unlink()

    path = tables.floats(folder / "widest.csv", 240, 41_723)
    yield Result("import 240 x 41,723 floats", _load(owner, path)[1], None, 60)
    path.unlink()


def counts(folder: Path, rows: int = 6_000, columns: int = 9_000) -> Iterator[Result]:
    """Measure a large table of counts."""
    path = tables.counts(folder / "counts.csv", rows, columns)
    _, whole = _load(new_owner(), path)
    yield Result(f"import {rows:,} x {columns:,} counts", whole, None, 300)
    path.unlink()


def memory(folder: Path, gigabytes: int) -> Iterator[Result]:
    """Measure the peak memory of a process that loads a large file."""
    owner = new_owner()
    path = tables.repeated(folder / "large.csv", gigabytes << 30)
    peak = peak_memory("import_dataset", str(path), "--owner", owner.email)
    path.unlink()
    what = f"peak memory of importing a file of {gigabytes} GB"
    yield Result(what, peak, None, 1, unit="GB")


def _load(owner: User, path: Path) -> tuple[Receipt, float]:
    receipts = []
    taken = seconds(
        lambda: receipts.append(
            dataset_import(owner=owner, source=path, file_name=path.name, title=path.stem)
        )
    )
    return receipts[0], taken


class _Again:
    """The stored rows of a dataset, prepared as files, put into tables of the same shape."""

    def __init__(self, folder: Path, receipt: Receipt) -> None:
        self._rows = {name: folder / f"{name}.csv" for name in receipt.tables}
        for name, path in self._rows.items():
            select = sql.SQL("copy (select * from {} order by rowid) to stdout (format csv)")
            with connection.cursor() as cursor, path.open("wb") as file:
                cursor.execute("set statement_timeout = 0")
                cursor.copy_expert(select.format(_table(name)), file)

    def copied(self) -> float:
        """Return the seconds psql takes to copy the rows and to make their keys."""
        taken = 0.0
        again = f"{settings.FAIRDB_DATA_SCHEMA}.again"
        keys = f"alter table {again} add primary key (rowid); create index on {again} (user_id)"
        for name, path in self._rows.items():
            _make_empty(name)
            copy = f"\\copy {again} from '{path}' (format csv)"
            taken += seconds(lambda copy=copy: psql(copy)) + seconds(lambda: psql(keys))
        return taken

    def inserted(self) -> float:
        """Return the seconds that inserting the rows by `execute_values` takes."""
        taken = 0.0
        statement = sql.SQL("insert into {} values %s").format(_table("again"))

        def insert(path: Path) -> None:
            with path.open(newline="") as file, connection.cursor() as cursor:
                rows = ([cell or None for cell in row] for row in csv.reader(file))
                execute_values(cursor.cursor, statement, rows, page_size=BATCH)
                for keys in (
                    "alter table {} add primary key (rowid)",
                    "create index on {} (user_id)",
                ):
                    cursor.execute(sql.SQL(keys).format(_table("again")))

        for name, path in self._rows.items():
            _make_empty(name)
            taken += seconds(lambda path=path: insert(path))
        return taken


def _make_empty(name: str) -> None:
    """Make an empty table of the same shape as a part, without its keys."""
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL("drop table if exists {}").format(_table("again")))
        make = sql.SQL("create table {} (like {} including constraints)")
        cursor.execute(make.format(_table("again"), _table(name)))


def _table(name: str) -> sql.Identifier:
    return sql.Identifier(settings.FAIRDB_DATA_SCHEMA, name)
