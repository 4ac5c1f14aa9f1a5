"""A whole import beside `psql \\copy` of the same rows, already prepared, into identical tables."""

import os
import subprocess
import time
from pathlib import Path
from secrets import token_urlsafe
from uuid import uuid4

import numpy as np
import polars as pl
from django.conf import settings
from django.db import connection
from psycopg2 import sql

from accounts.models import User
from accounts.services import account_create
from datasets.ingest.pipeline import Receipt, dataset_import
from fairdb_site.local.binaries import MAJOR, package_folder


def run(folder: Path, rows: int) -> None:
    """Measure a narrow mixed table and a wide one of floats."""
    owner = account_create(email=f"bench-{uuid4().hex}@example.org", password=token_urlsafe())
    dataset_import(  # what is imported lazily is imported now
        owner=owner, path=_written(folder / "warm.csv", _mixed(10)), file_name="w", title="warm"
    )
    for title, frame in (
        (f"{rows:,} x 20 mixed", _mixed(rows)),
        ("1,000 x 3,000 floats", _floats(1_000, 3_000)),
    ):
        _compare(folder, owner, title, _written(folder / "table.csv", frame))


def _compare(folder: Path, owner: User, title: str, path: Path) -> None:
    started = time.perf_counter()
    receipt = dataset_import(owner=owner, path=path, file_name=path.name, title=title)
    whole = time.perf_counter() - started
    copied = _copied_again(folder, receipt)
    print(f"{title}: import {whole:.2f} s, \\copy {copied:.2f} s, ratio {whole / copied:.2f}")


def _copied_again(folder: Path, receipt: Receipt) -> float:
    """Return the seconds psql takes to copy the stored rows into tables of the same shape."""
    seconds = 0.0
    for name in receipt.tables:
        rows = folder / f"{name}.csv"
        table = sql.Identifier(settings.FAIRDB_DATA_SCHEMA, name)
        again = sql.Identifier(settings.FAIRDB_DATA_SCHEMA, "again")
        with connection.cursor() as cursor, rows.open("wb") as file:
            cursor.copy_expert(
                sql.SQL("copy (select * from {}) to stdout (format csv)").format(table), file
            )
            make = sql.SQL("create table {} (like {} including constraints)")
            cursor.execute(make.format(again, table))
        started = time.perf_counter()
        _psql(f"\\copy {settings.FAIRDB_DATA_SCHEMA}.again from '{rows}' (format csv)")
        _psql(
            f"alter table {settings.FAIRDB_DATA_SCHEMA}.again add primary key (rowid);"
            f"create index on {settings.FAIRDB_DATA_SCHEMA}.again (user_id)"
        )
        seconds += time.perf_counter() - started
        with connection.cursor() as cursor:
            cursor.execute(sql.SQL("drop table {}").format(again))
        rows.unlink()
    return seconds


def _psql(command: str) -> None:
    psql = package_folder() / f"pginstall{MAJOR}" / "bin" / "psql"
    database = settings.DATABASES["default"]
    subprocess.run(
        [
            psql,
            "-qX",
            "-v",
            "ON_ERROR_STOP=1",
            "-c",
            command,
        ],
        env=os.environ
        | {
            "PGHOST": database["HOST"],
            "PGUSER": database["USER"],
            "PGPASSWORD": database["PASSWORD"],
            "PGDATABASE": database["NAME"],
        },
        check=True,
    )


def _written(path: Path, frame: pl.DataFrame) -> Path:
    frame.write_csv(path)
    return path


def _mixed(rows: int) -> pl.DataFrame:
    random = np.random.default_rng(1)
    columns: dict[str, object] = {"id": [f"P{n:08d}" for n in range(rows)]}
    for n in range(6):
        columns[f"integer {n}"] = random.integers(0, 100_000, rows)
        columns[f"float {n}"] = random.normal(50, 9, rows).round(3)
    for n in range(5):
        words = np.array([f"category {c}" for c in range(40)])
        columns[f"text {n}"] = words[random.integers(0, 40, rows)]
    days = np.datetime64("2000-01-01") + random.integers(0, 9_000, rows)
    columns |= {"day": days, "yes": random.random(rows) < 0.5}
    return pl.DataFrame(columns)


def _floats(rows: int, count: int) -> pl.DataFrame:
    random = np.random.default_rng(2)
    cells = random.random((rows, count)).round(6)
    frame = pl.DataFrame(cells, schema=[f"taxon {n}" for n in range(count)])
    return frame.insert_column(0, pl.Series("id", [f"P{n}" for n in range(rows)]))
