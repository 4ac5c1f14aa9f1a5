"""Pages of rows: through the RPC beside bare SQL, and as whole pages over HTTP."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from uuid import UUID

from django.conf import settings
from django.db import connection
from psycopg2 import sql

from accounts.models import User
from bench import pages, tables
from bench.people import new_person
from bench.result import Result, medians, seconds
from bench.stack import settle
from datasets.ingest.pipeline import Receipt, dataset_import
from fairdb_site.database import as_user

PAGE = 50
RUNS = 31


def run(folder: Path, rows: int, counts_rows: int = 6_000) -> Iterator[Result]:
    """Measure a narrow dataset of many rows, and ten columns out of thousands."""
    owner, person = new_person()
    path = tables.mixed(folder / "mixed.csv", rows)
    receipt = dataset_import(owner=owner, source=path, file_name="m", title="mixed")
    path.unlink()
    yield from _pages(owner, receipt, f"{rows:,} x 20", list(range(2, 21)))
    yield from pages.run(person, receipt, f"{rows:,} x 20", pages.MIXED)

    path = tables.counts(folder / "counts.csv", counts_rows, 9_000)
    receipt = dataset_import(owner=owner, source=path, file_name="c", title="counts")
    path.unlink()
    chosen = [2 + 900 * n for n in range(10)]
    yield from _pages(owner, receipt, f"10 of 9,000 columns, {counts_rows:,} rows", chosen)
    yield from pages.run(person, receipt, f"{counts_rows:,} x 9,000", pages.COUNTS)


def _pages(owner: User, receipt: Receipt, what: str, positions: list[int]) -> Iterator[Result]:
    settle()
    bare = _bare_select(receipt.dataset, positions)
    starts = {"first": 0, "middle": receipt.rows // 2, "last": receipt.rows - PAGE}
    rpc = "select public.select_dataset_rows(%s::uuid, %s, %s, null, %s)"
    with as_user(owner.pk), connection.cursor() as cursor:

        def timed(statement: str | sql.Composed, values: list[object]) -> float:
            def read() -> None:
                cursor.execute(statement, values)
                cursor.fetchall()

            return seconds(read)

        works = []
        for after in starts.values():
            works += [
                partial(timed, rpc, [str(receipt.dataset), positions, after, PAGE]),
                partial(timed, bare, [after, PAGE + 1]),
            ]
        for work in works:  # the first to read a page of a table writes to it
            work()
        taken = medians(*works, runs=RUNS)
    for name, ours, beside in zip(starts, taken[::2], taken[1::2], strict=True):
        title = f"{name} page of {what}: RPC beside bare SQL"
        yield Result(title, ours * 1e3, beside * 1e3, 3, unit="ms")
        if name != "first":
            title = f"{name} page of {what}, beside the first"
            yield Result(title, ours * 1e3, taken[0] * 1e3, 1.5, unit="ms")


def _bare_select(dataset_id: UUID, positions: list[int]) -> sql.Composed:
    """Return the select of these columns that a person would write by hand."""
    schema = settings.FAIRDB_DATA_SCHEMA
    with connection.cursor() as cursor:
        cursor.execute(
            sql.SQL(
                "select d.parts[c.part], c.name from {} c join {} d on d.id = c.dataset_id"
                " where d.id = %s and c.position = any(%s) order by c.position"
            ).format(sql.Identifier(schema, "dataset_columns"), sql.Identifier(schema, "datasets")),
            [str(dataset_id), positions],
        )
        found = cursor.fetchall()
    used = list(dict.fromkeys(part for part, _ in found))
    first = sql.Identifier(schema, used[0])
    joins = [
        sql.SQL(" join {t} on {t}.rowid = {first}.rowid").format(
            t=sql.Identifier(schema, part), first=first
        )
        for part in used[1:]
    ]
    columns = [sql.Identifier(schema, part, name) for part, name in found]
    return sql.SQL(
        "select {first}.rowid, {columns} from {first}{joins}"
        " where {first}.rowid > %s order by {first}.rowid limit %s"
    ).format(first=first, columns=sql.SQL(", ").join(columns), joins=sql.Composed(joins))
