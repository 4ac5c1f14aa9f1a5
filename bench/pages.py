"""Whole pages of rows over HTTP, as a browser asks for them, beside the bare SQL of the same rows.

A correction is the two requests that a person waits for, the cell as a form and what stores it,
beside a bare UPDATE of such a cell. Every page is asked for many times, each time with other
values: what is found warm is the table, not the answer. A large table's first sort by a column
makes an index; it is timed by itself.
"""

import http.client
import re
import statistics
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random
from urllib.parse import urlencode

from django.conf import settings
from django.db import connection
from psycopg2 import sql

from bench.browsers import Browser, Connections
from bench.result import Result, seconds
from bench.served import served
from datasets.ingest.pipeline import Receipt
from fairdb_site.database import as_user

WORKERS = 2
RUNS = 60
GOAL = 300  # ms, p95 of a whole page
CONFIG = Path(__file__).parents[1] / "docs/deploy/gunicorn.conf.py"


@dataclass(frozen=True)
class Table:
    """What is asked of a table: columns by position, values by a random number."""

    sort: int
    where: tuple[tuple[int, str, Callable[[Random], str]], ...]
    search: str


MIXED = Table(
    sort=4,
    where=(
        (2, "gt", lambda random: str(random.randrange(20_000, 80_000))),
        (5, "lt", lambda random: f"{random.gauss(50, 5):.3f}"),
        (14, "eq", lambda random: f"category {random.randrange(40)}"),
    ),
    search="float",
)
COUNTS = Table(
    sort=5_000,
    where=(
        (2, "gt", lambda random: str(random.randrange(0, 100))),
        (3_000, "lt", lambda random: str(random.randrange(50, 200))),
        (8_000, "gt", lambda random: str(random.randrange(0, 20))),
    ),
    search="taxon 87",
)
EDITED = 2  # a column of whole numbers
_SEEN = re.compile(r'name="(seen\d+)"\s+value="([^"]*)"')
_SIGNS = {"gt": ">", "lt": "<", "eq": "="}


def run(person: tuple[str, str], receipt: Receipt, what: str, table: Table) -> Iterator[Result]:
    """Ask for each kind of page, and for the same rows in SQL."""
    random = Random(7)  # no secret
    place = f"/datasets/{receipt.dataset}/"
    addresses: dict[str, Callable[[], str]] = {
        "first page": lambda: place,
        "page in the middle": lambda: f"{place}?after={random.randrange(receipt.rows)}",
        "last page": lambda: f"{place}?end=1",
        "sorted": lambda: f"{place}?sort={table.sort}",
        "sorted, in the middle": lambda: (
            f"{place}?sort=-{table.sort}&after={1 + random.randrange(receipt.rows)}"
        ),
        "3-column filter": lambda: f"{place}?{_where(table, random)}",
        "3-column filter, sorted": lambda: f"{place}?{_where(table, random)}&sort={table.sort + 1}",
        "column search": lambda: f"{place}columns/?q={table.search}".replace(" ", "+"),
    }
    with served("gunicorn", WORKERS, f"--config={CONFIG}") as port:
        browser = Browser(Connections(port))
        browser.sign_in(*person)
        if receipt.rows >= 100_000:
            first = seconds(lambda: _look(browser, addresses["sorted"]()))
            yield Result(f"first sort by a column of {what}, with its index", first, None, 4)
        for name, address in addresses.items():
            for _ in range(4):  # each worker, and the tables
                _look(browser, address())
            taken = [seconds(lambda a=address: _look(browser, a())) * 1e3 for _ in range(RUNS)]
            bare = _bare(receipt, name, table, random)
            beside = statistics.median(bare) if bare else None
            yield from _results(f"{name} of {what}, whole page", taken, beside)
        rows = [1 + random.randrange(receipt.rows) for _ in range(RUNS + 4)]
        taken = [seconds(lambda r=row: _correct(browser, place, r, random)) * 1e3 for row in rows]
        bare = _bare_updates(receipt, random)
        yield from _results(f"one cell of {what} corrected", taken[4:], statistics.median(bare))


def _results(title: str, taken: list[float], beside: float | None) -> Iterator[Result]:
    yield Result(f"{title}, p50", statistics.median(taken), beside, unit="ms")
    yield Result(f"{title}, p95", _p95(taken), None, GOAL, unit="ms")


def _where(table: Table, random: Random) -> str:
    return "&".join(f"where={p}.{op}.{value(random)}" for p, op, value in table.where).replace(
        " ", "+"
    )


def _look(browser: Browser, address: str) -> None:
    status, _ = browser.ask("GET", address)
    if status != http.client.OK:
        raise RuntimeError(f"{address} was answered {status}.")


def _correct(browser: Browser, place: str, row: int, random: Random) -> None:
    """Ask for a cell as a form, type another number, and store it."""
    address = f"{place}rows/{row}/{EDITED}/"
    asked = browser.form_headers() | {"HX-Request": "true"}
    status, form = browser.ask("GET", address, headers=asked)
    seen = _SEEN.search(form.decode())
    if status != http.client.OK or seen is None:
        raise RuntimeError(f"{address} was answered {status}.")
    typed = {f"c{EDITED}": random.randrange(100_000, 200_000), seen[1]: seen[2]}
    status, _ = browser.ask("POST", address, urlencode(typed), asked)
    if status != http.client.OK:
        raise RuntimeError(f"{address} was answered {status} when a cell was stored.")


def _bare_updates(receipt: Receipt, random: Random) -> list[float]:
    """Return the milliseconds that an UPDATE of one cell takes, which the trigger keeps too."""
    part, name = _places(receipt, [EDITED])[EDITED]
    table = sql.Identifier(settings.FAIRDB_DATA_SCHEMA, part)
    statement = sql.SQL("update {} set {} = %s where rowid = %s").format(
        table, sql.Identifier(name)
    )

    def update() -> None:
        with connection.cursor() as cursor:
            cursor.execute(statement, [random.randrange(100_000), random.randrange(receipt.rows)])

    update()
    return [seconds(update) * 1e3 for _ in range(RUNS // 4)]


def _p95(taken: list[float]) -> float:
    return statistics.quantiles(taken, n=20)[-1]


def _bare(receipt: Receipt, name: str, table: Table, random: Random) -> list[float]:
    """Return the milliseconds that a select by hand takes for the same rows."""
    with connection.cursor() as cursor:
        cursor.execute("select user_id from _fd.datasets where id = %s", [str(receipt.dataset)])
        (owner,) = cursor.fetchone()
    shown = list(range(2, 14))
    used = [table.sort, table.sort + 1, *(position for position, *_ in table.where)]
    place = _places(receipt, [*shown, *used])
    parts = [place[p][0] for p in shown]
    values: list[Callable[[Random], str]] = []
    wheres: list[sql.Composable] = [sql.SQL("true")]
    order = sql.Identifier(parts[0], "rowid")
    way = sql.SQL("desc" if "last" in name or ("sorted" in name and "middle" in name) else "asc")
    if name == "column search":
        wheres.append(sql.SQL("label ilike {}").format(sql.Literal(f"%{table.search}%")))
    if "filter" in name:
        for position, operator, value in table.where:
            parts.append(place[position][0])
            cell = sql.Identifier(*place[position])
            wheres.append(sql.SQL("{} " + _SIGNS[operator] + " %s").format(cell))
            values.append(value)
    elif name == "page in the middle":
        wheres.append(sql.SQL("{} > %s").format(order))
        values.append(lambda random: str(random.randrange(receipt.rows)))
    if "sorted" in name:
        by = place[table.sort + 1 if "filter" in name else table.sort]
        parts.append(by[0])
        order = sql.SQL(f" {way.string}, ").join(
            [sql.Identifier(*by), sql.Identifier(by[0], "rowid")]
        )
    base, *others = (sql.Identifier(part) for part in dict.fromkeys(parts))
    schema = sql.Identifier(settings.FAIRDB_DATA_SCHEMA)
    joins = [
        sql.SQL(" join {s}.{p} on {p}.rowid = {b}.rowid").format(s=schema, p=part, b=base)
        for part in others
    ]
    statement = sql.SQL(
        "select {b}.rowid, {c} from {s}.{b}{j} where {w} order by {o} {way} limit 50"
    ).format(
        s=schema,
        b=base,
        c=sql.SQL(", ").join(sql.Identifier(*place[p]) for p in shown),
        j=sql.Composed(joins),
        w=sql.SQL(" and ").join(wheres),
        o=order,
        way=way,
    )
    if name == "column search":
        statement = sql.SQL(
            "select * from {}.dataset_columns where dataset_id = {} and {} limit 200"
        ).format(schema, sql.Literal(str(receipt.dataset)), sql.SQL(" and ").join(wheres))
    with as_user(owner), connection.cursor() as cursor:

        def read() -> None:
            cursor.execute(statement, [value(random) for value in values] or None)
            cursor.fetchall()

        read()
        return [seconds(read) * 1e3 for _ in range(RUNS // 4)]


def _places(receipt: Receipt, positions: list[int]) -> dict[int, tuple[str, str]]:
    """Return in which part, and by which name, columns are stored."""
    schema = settings.FAIRDB_DATA_SCHEMA
    with connection.cursor() as cursor:
        cursor.execute(
            sql.SQL(
                "select c.position, d.parts[c.part], c.name from {} c"
                " join {} d on d.id = c.dataset_id where d.id = %s and c.position = any(%s)"
            ).format(sql.Identifier(schema, "dataset_columns"), sql.Identifier(schema, "datasets")),
            [str(receipt.dataset), positions],
        )
        return {position: (part, name) for position, part, name in cursor.fetchall()}
