"""A whole import beside `psql \\copy` of the same rows, already prepared, into identical tables."""

import csv
import os
import resource
import subprocess
import sys
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
from bench.result import Result, seconds
from datasets.ingest.pipeline import Receipt, dataset_import

BATCH = 1_000  # rows of one insert, as the earlier system sent them


def run(folder: Path, rows: int) -> Iterator[Result]:
    """Measure a narrow mixed table, a wide one of floats, and the widest."""
    owner = new_owner()
    _load(owner, tables.mixed(folder / "warm.csv", 10))  # imports what is imported lazily
    path = tables.mixed(folder / "mixed.csv", rows)
    receipt, whole = _load(owner, path)
    copied = _copied_again(folder, receipt)
    yield Result(f"import {rows:,} x 20 mixed, beside \\copy", whole, copied, 1.6)
    inserted = _inserted_again(folder, receipt)
    what = f"batched inserts of {rows:,} x 20, beside import"
    yield Result(what, inserted, whole, 4, at_least=True)
    path.unlink()

    path = tables.floats(folder / "floats.csv", 1_000, 3_000)
    receipt, whole = _load(owner, path)
    copied = _copied_again(folder, receipt)
    yield Result("import 1,000 x 3,000 floats, beside \\copy", whole, copied, 2)
    path.unlink()

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
    command = [sys.executable, "manage.py", "import_dataset", str(path), "--owner", owner.email]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=os.environ)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**20
    path.unlink()
    what = f"peak memory of importing a file of {gigabytes} GB"
    yield Result(what, peak, None, 1, unit="GB")


def _load(owner: User, path: Path) -> tuple[Receipt, float]:
    receipts = []
    taken = seconds(
        lambda: receipts.append(
            dataset_import(owner=owner, path=path, file_name=path.name, title=path.stem)
        )
    )
    return receipts[0], taken


def _copied_again(folder: Path, receipt: Receipt) -> float:
    """Return the seconds psql takes to copy the stored rows into tables of the same shape."""
    taken = 0.0
    again = f"{settings.FAIRDB_DATA_SCHEMA}.again"
    for name in receipt.tables:
        rows = _rows_of(folder, name)
        taken += seconds(lambda rows=rows: psql(f"\\copy {again} from '{rows}' (format csv)"))
        keys = f"alter table {again} add primary key (rowid); create index on {again} (user_id)"
        taken += seconds(lambda keys=keys: psql(keys))
        rows.unlink()
    return taken


def _inserted_again(folder: Path, receipt: Receipt) -> float:
    """Return the seconds that inserting the stored rows by `execute_values` takes."""
    taken = 0.0
    for name in receipt.tables:
        path = _rows_of(folder, name)

        def insert(path: Path = path) -> None:
            statement = sql.SQL("insert into {} values %s").format(_again())
            with path.open(newline="") as file, connection.cursor() as cursor:
                rows = ([cell or None for cell in row] for row in csv.reader(file))
                execute_values(cursor.cursor, statement, rows, page_size=BATCH)
                cursor.execute(sql.SQL("alter table {} add primary key (rowid)").format(_again()))
                cursor.execute(sql.SQL("create index on {} (user_id)").format(_again()))

        taken += seconds(insert)
        path.unlink()
    return taken


def _rows_of(folder: Path, name: str) -> Path:
    """Write a part's rows to a file, and make an empty table of the same shape to copy them to."""
    path = folder / "rows.csv"
    table = sql.Identifier(settings.FAIRDB_DATA_SCHEMA, name)
    with connection.cursor() as cursor, path.open("wb") as file:
        cursor.execute("set statement_timeout = 0")
        select = sql.SQL("copy (select * from {} order by rowid) to stdout (format csv)")
        cursor.copy_expert(select.format(table), file)
        cursor.execute(sql.SQL("drop table if exists {}").format(_again()))
        make = sql.SQL("create table {} (like {} including constraints)")
        cursor.execute(make.format(_again(), table))
    return path


def _again() -> sql.Identifier:
    return sql.Identifier(settings.FAIRDB_DATA_SCHEMA, "again")
