"""An export beside `psql \\copy (select ...) to` of the same columns; the memory of every form.

The largest is also taken out by the page, over HTTP, as a browser on a slow line would.
"""

import http.client
import time
from collections.abc import Iterator
from functools import partial
from io import StringIO
from pathlib import Path
from urllib.parse import urlencode

from django.conf import settings
from django.core.management import call_command
from django.db import connection

from accounts.models import User
from bench import tables
from bench.browsers import Browser, Connections
from bench.pages import CONFIG
from bench.people import new_person
from bench.psql import psql
from bench.result import Result, medians, peak_memory, peak_of, seconds
from bench.served import served
from bench.stack import settle
from datasets.browse.export_file import dataset_export
from datasets.ingest.pipeline import Receipt, dataset_import

SLOW = 8_000_000  # bytes a second: a gigabyte takes two minutes
FORMS = ("csv", "tsv", "parquet", "zip")


def run(folder: Path, rows: int) -> Iterator[Result]:
    """Measure a narrow dataset, one of 1,500 columns in two parts, and a wide one."""
    for what, path, target in (
        (f"{rows:,} x 20", tables.mixed(folder / "table.csv", rows), 1.4),
        ("2,000 x 1,500", tables.floats(folder / "wide.csv", 2_000, 1_500), 1.4),
        ("1,000 x 9,000", tables.floats(folder / "widest.csv", 1_000, 9_000), None),
        ("100,000 x 3, of which 1,000 rows of 1 MB", _heavy(folder / "heavy.csv"), None),
    ):
        owner, person = new_person()
        receipt = dataset_import(owner=owner, source=path, file_name="t", title="table")
        path.unlink()
        settle()
        out = folder / "out.csv"

        def exported(receipt: Receipt = receipt, owner: User = owner, out: Path = out) -> float:
            out.unlink(missing_ok=True)
            return seconds(
                lambda: dataset_export(dataset_id=receipt.dataset, reader_id=owner.pk, out=out)
            )

        ours, copied = medians(exported, partial(_copied, folder, receipt))
        out.unlink()
        yield Result(f"export {what}, beside \\copy to", ours, copied, target)
        yield from _forms(what, receipt, out)
        if "1 MB" in what:
            yield from _by_page(person, what, receipt)


def _by_page(person: tuple[str, str], what: str, receipt: Receipt) -> Iterator[Result]:
    """Take all of it out by the page, read slowly, from one worker process."""
    wanted = urlencode({"format": "csv", "of_columns": "all", "of_rows": "all"})
    with served("gunicorn", 1, f"--config={CONFIG}") as port:
        browser = Browser(Connections(port))
        browser.sign_in(*person)
        began = time.perf_counter()
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        connection.request(
            "POST", f"/datasets/{receipt.dataset}/export/", wanted, browser.form_headers()
        )
        answer, size = connection.getresponse(), 0
        while piece := answer.read(1 << 18):
            size += len(piece)
            time.sleep(max(0.0, began + size / SLOW - time.perf_counter()))
        taken, peak = time.perf_counter() - began, peak_of("fairdb_site.wsgi", port)
    if answer.status != http.client.OK or size < 1_000_000_000:
        raise RuntimeError(f"The page answered {answer.status} with {size:,} bytes.")
    title = f"{what} taken out by the page at {SLOW / 1e6:.0f} MB a second: {size / 1e6:,.0f} MB"
    yield Result(title, taken)
    yield Result("peak memory of the process that sent it", peak, None, 0.5, unit="GB")


def _forms(what: str, receipt: Receipt, out: Path) -> Iterator[Result]:
    """Measure the memory of every form, and the time of those that are not the canonical one."""
    for form in FORMS:
        flags = ("--format", form, *(["--with-parquet"] if form == "zip" else []))
        if form != "csv":
            taken = seconds(partial(_command, receipt, out, *flags))
            yield Result(f"export {what} as {form}: {out.stat().st_size / 1e6:,.0f} MB", taken)
            out.unlink()
        peak = peak_memory("export_dataset", str(receipt.dataset), str(out), *flags)
        out.unlink()
        yield Result(f"peak memory of exporting {what} as {form}", peak, None, 0.5, unit="GB")


def _heavy(path: Path) -> Path:
    """Write a table of short texts, in whose middle a thousand rows have a long one each: 1 GB."""
    with path.open("w") as file:
        file.write("id,note,n\n")
        for row in range(100_000):
            text = f"{row:09} " * 100_000 if 50_000 <= row < 51_000 else f"note {row}"
            file.write(f"P{row},{text},{row}\n")
    return path


def _command(receipt: Receipt, out: Path, *flags: str) -> None:
    call_command("export_dataset", str(receipt.dataset), str(out), *flags, stdout=StringIO())


def _copied(folder: Path, receipt: Receipt) -> float:
    """Return the seconds psql takes: one statement where a select list has room, else a part each.

    The statements read what an export reads; the pieces of a wide one are not even put together.
    """
    schema = settings.FAIRDB_DATA_SCHEMA
    with connection.cursor() as cursor:
        cursor.execute(
            f'select d.parts[c.part], c.name from "{schema}".dataset_columns c'
            f' join "{schema}".datasets d on d.id = c.dataset_id'
            " where d.id = %s and c.part is not null order by c.position",
            [str(receipt.dataset)],
        )
        columns = cursor.fetchall()
    parts = list(dict.fromkeys(part for part, _ in columns))
    groups = [parts] if len(columns) <= 1_600 else [[part] for part in parts]
    taken = 0.0
    for group in groups:
        tables_ = [f'"{schema}"."{part}"' for part in group]
        joins = "".join(f" join {table} using (rowid)" for table in tables_[1:])
        names = ", ".join(f'"{part}"."{name}"' for part, name in columns if part in group)
        select = f"select {names} from {tables_[0]}{joins} order by rowid"
        out = folder / "copied.csv"
        taken += seconds(lambda select=select, out=out: psql(f"\\copy ({select}) to '{out}' csv"))
    return taken
