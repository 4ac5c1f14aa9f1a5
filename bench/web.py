"""Fifty people at once at two workers: pages a second, p95, and nothing of anybody else's.

Everybody looks at pages of their own, one after the other without a pause. Whatever is answered is
searched for what is another's: the mark that stands in all their cells, titles and addresses, and
their datasets' ids. `/healthz`, which passes the same server and asks nobody, is the yardstick of
the machine. In every round all sessions' access tokens are about to run out, so that they are
refreshed under way. The dashboard is asked for also over connections that a proxy keeps.
"""

import http.client
import statistics
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from math import ceil
from pathlib import Path
from secrets import token_hex, token_urlsafe

from bench.browsers import Browser, Connections
from bench.result import Result
from bench.served import served
from bench.stack import settle

PEOPLE, WORKERS = 50, 2
ROUNDS = 20
KEPT = 16  # connections, where a proxy keeps any
PROBES = 3_000  # of /healthz, a round
ALONE = 10  # pages of one person alone, a round
SIZES = ((12, 60), (3, 20))  # columns and rows of everybody's datasets: a screenful, a few
CONFIG = Path(__file__).parents[1] / "docs/deploy/gunicorn.conf.py"

Look = Callable[[Browser, int], tuple[float, list[str]]]


@dataclass
class Seen:
    """What came of one kind of page."""

    seconds: list[float] = field(default_factory=list)
    alone: list[float] = field(default_factory=list)
    rates: list[float] = field(default_factory=list)  # pages a second, a round
    wrong: Counter[str] = field(default_factory=Counter)

    @property
    def responses(self) -> int:
        """How many answers were searched."""
        return len(self.seconds) + len(self.alone)


def run(folder: Path, responses: int) -> Iterator[Result]:
    """Measure until so many responses were searched."""
    people = [_somebody(folder) for _ in range(PEOPLE)]
    settle()
    with served("gunicorn", WORKERS, f"--config={CONFIG}") as port:
        browsers, connections, kept = [], Connections(port), Connections(port, KEPT)
        for email, password, mark, datasets in people:
            browser = Browser(connections, mark, datasets)
            browser.sign_in(email, password)
            browsers.append(browser)
        _require_that_strangers_are_seen(browsers)
        behind = [replace(browser, connections=kept) for browser in browsers]
        seen = {name: Seen() for name in KINDS}
        probes = _rounds(browsers, behind, seen, responses)
    yield from _results(seen, probes)


def _rounds(
    browsers: list[Browser], behind: list[Browser], seen: dict[str, Seen], responses: int
) -> list[float]:
    """Let everybody look at every kind of page in turns; return the probes a second."""
    share = responses / (ROUNDS * PEOPLE * sum(SHARES.values()))  # of a person and round
    probes, began = [], time.monotonic()
    with ThreadPoolExecutor(PEOPLE) as pool:
        for number in range(1, ROUNDS + 1):
            probes.append(_probe(pool, browsers[0].connections))
            _let_tokens_nearly_expire()
            for name, look in KINDS.items():
                who = behind if name == OVER_KEPT else browsers
                _look(pool, who, look, ceil(share * SHARES[name]), seen[name])
            done = sum(kind.responses for kind in seen.values())
            wrong = sum(kind.wrong.total() for kind in seen.values())
            print(
                f"round {number} of {ROUNDS}: {done:,} responses, {wrong} wrong,"
                f" {time.monotonic() - began:,.0f} s",
                file=sys.stderr,
                flush=True,
            )
    return probes


def _look(
    pool: ThreadPoolExecutor, browsers: list[Browser], look: Look, each: int, seen: Seen
) -> None:
    """Let everybody look at so many pages of a kind, then one person alone."""

    def session(browser: Browser) -> list[tuple[float, list[str]]]:
        return [look(browser, turn) for turn in range(each)]

    began = time.perf_counter()
    found = [one for pages in pool.map(session, browsers) for one in pages]
    seen.rates.append(len(found) / (time.perf_counter() - began))
    for seconds, wrong in found:
        seen.seconds.append(seconds)
        seen.wrong.update(wrong)
    for turn in range(ALONE):
        seconds, wrong = look(browsers[turn], turn)
        seen.alone.append(seconds)
        seen.wrong.update(wrong)


def _dashboard(browser: Browser, turn: int) -> tuple[float, list[str]]:
    return browser.look_at("/dashboard/")


def _dataset(browser: Browser, turn: int) -> tuple[float, list[str]]:
    return browser.look_at(f"/datasets/{browser.datasets[0]}/")


def _others(browser: Browser, turn: int) -> tuple[float, list[str]]:
    """Walk through the other pages: rows that HTMX asks for, lists, the search, receipts."""
    dataset = browser.datasets[turn // 6 % len(SIZES)]
    return [
        partial(browser.look_at, f"/datasets/{dataset}/?columns=2-4&after=10", fragment=True),
        partial(browser.look_at, "/datasets/"),
        partial(browser.look_at, f"/search/?q={browser.mark}"),
        partial(browser.look_at, f"/datasets/{dataset}/columns/"),
        partial(browser.look_at, f"/datasets/{dataset}/receipt/"),
        partial(browser.look_at, f"/datasets/{dataset}/activity/"),
    ][turn % 6]()


OVER_KEPT = "dashboard over kept connections"
KINDS: dict[str, Look] = {
    "dashboard": _dashboard,
    OVER_KEPT: _dashboard,
    "dataset": _dataset,
    "other pages": _others,
}
SHARES = {"dashboard": 1, OVER_KEPT: 1, "dataset": 1, "other pages": 3}  # of the responses


def _probe(pool: ThreadPoolExecutor, connections: Connections) -> float:
    """Return how many times a second the server says that it lives, to as many clients."""

    def ask(browser: Browser) -> None:
        for _ in range(PROBES // PEOPLE):
            if browser.ask("GET", "/healthz")[0] != http.client.OK:
                raise RuntimeError("The site is not healthy.")

    began = time.perf_counter()
    list(pool.map(ask, [Browser(connections)] * PEOPLE))
    return PROBES / (time.perf_counter() - began)


def _somebody(folder: Path) -> tuple[str, str, str, tuple[str, ...]]:
    """Make an account with datasets; return its address, password, mark and the datasets' ids."""
    from accounts import audit
    from accounts.models import AuditAction
    from accounts.services import account_create
    from datasets.ingest.pipeline import dataset_import

    mark = f"mark{token_hex(12)}"
    email, password = f"{mark}@example.org", token_urlsafe()
    owner = account_create(email=email, password=password)
    datasets = []
    for columns, rows in SIZES:
        path = folder / f"{mark}.csv"
        header = ",".join(["id", *(f"value {n} of {mark}" for n in range(columns))])
        line = ",".join([f"{mark} {n}" for n in range(columns)])
        path.write_text("\n".join([header, *(f"P{row},{line}" for row in range(rows)), ""]))
        with audit.trail(AuditAction.DATASET_LOADED, actor=owner.pk) as event:
            stored = dataset_import(
                owner=owner, source=path, file_name=path.name, title=f"{columns} of {mark}"
            )
            event.dataset = stored.dataset
        path.unlink()
        datasets.append(str(stored.dataset))
    return email, password, mark, tuple(datasets)


def _require_that_strangers_are_seen(browsers: list[Browser]) -> None:
    """Look at the first person's pages as if they were the second's: it has to show."""
    first, second = browsers[:2]
    for path in ("/dashboard/", f"/datasets/{first.datasets[0]}/"):
        wrong = second.wrong_with(*first.ask("GET", path))
        if not any(first.mark in found for found in wrong):
            raise RuntimeError("What is another's would not be noticed.")


def _let_tokens_nearly_expire() -> None:
    from django.utils import timezone

    from accounts.models import SupabaseSession

    now = timezone.now()
    SupabaseSession.objects.update(
        refreshed_at=now - timedelta(minutes=56), expires_at=now + timedelta(minutes=4)
    )


def _refreshes() -> int:
    """Count the refreshes at Supabase: a refresh token each, after the first of a session."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(
            "select count(*) - count(distinct session_id) from auth.refresh_tokens"
            " where session_id in (select supabase_id from accounts_supabasesession)"
        )
        return int(cursor.fetchone()[0])


def _results(seen: dict[str, Seen], probes: list[float]) -> Iterator[Result]:
    probe = statistics.median(probes)
    rates = {name: statistics.median(kind.rates) for name, kind in seen.items()}
    many = f"{PEOPLE} people at {WORKERS} workers"
    for name, rate in rates.items():
        if name != OVER_KEPT:
            yield Result(f"{name}, {many}, beside /healthz", rate, probe, unit="a second")
    what = f"dashboard over {KEPT} kept connections, beside new ones"
    yield Result(what, rates[OVER_KEPT], rates["dashboard"], unit="a second")
    for name, kind in seen.items():
        ours, alone = _p95(kind.seconds) * 1e3, _p95(kind.alone) * 1e3
        yield Result(f"{name}, p95 of {many}, beside one person's", ours, alone, unit="ms")
    responses = sum(kind.responses for kind in seen.values())
    wrong = sum((kind.wrong for kind in seen.values()), Counter[str]())
    others = sum(count for what, count in wrong.items() if what.startswith("other"))
    for what, count in wrong.most_common(10):
        print(f"wrong: {what} ({count:,})", file=sys.stderr)
    yield Result(f"anything of another person's in {responses:,} responses", others, None, 0, "")
    yield Result("responses without one's own, or refused", wrong.total() - others, None, 0, "")
    refreshes, due = _refreshes(), ROUNDS * PEOPLE
    yield Result("refreshes, beside one a session and round", refreshes, due, 1, "")


def _p95(seconds: list[float]) -> float:
    return statistics.quantiles(seconds, n=20)[-1]
