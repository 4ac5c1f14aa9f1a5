"""The dashboard, its calls at once (as the platform has it) beside one after the other.

Served by gunicorn and by uvicorn, to one client and to many, with Supabase on this machine and with
a network before it. Both ways show the same data and take turns, round by round.
"""

import http.client
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path
from secrets import token_urlsafe
from urllib.parse import urlsplit
from uuid import uuid4

from bench.result import Result, medians, seconds
from bench.served import served

WORKERS = 4
MANY = 20  # clients
NETWORK = 20  # milliseconds of a round trip
AT_ONCE, IN_TURN, OWN = "/dashboard/", "/bench/in-turn/", "/bench/own-connections/"
SERVERS: dict[str, list[str]] = {
    "gunicorn": ["--log-level=error"],
    "uvicorn": ["--log-level=error", "--no-access-log"],
}
# what lies between the site and Supabase: a network before its REST, before its PostgreSQL?
DISTANCES = {
    "no network": (False, False),
    f"{NETWORK} ms to REST": (True, False),
    f"{NETWORK} ms to REST and PostgreSQL": (True, True),
}


def run(folder: Path) -> Iterator[Result]:
    """Measure every server at every distance."""
    cookie, call = _somebody(folder)
    once = medians(partial(seconds, call), runs=31)[0]
    yield Result("one RPC of the dashboard, on this machine", once * 1e3, unit="ms")
    for distance, ways in DISTANCES.items():
        for server in SERVERS:
            with _network(*ways) as environment, _site(server, environment) as port:
                for result in _compared(port, cookie):
                    yield _named(result, f"{server}, {distance}")


def _site(server: str, environment: dict[str, str]) -> AbstractContextManager[int]:
    """Serve the site with the pages that are compared; give its port."""
    environment = environment | {"BENCH_URLCONF": "bench.dashboard_site"}
    if server == "uvicorn":  # as Django says: every request has a thread, and so a connection
        environment["CONN_MAX_AGE"] = "0"
    return served(server, WORKERS, *SERVERS[server], **environment)


def _named(result: Result, where: str) -> Result:
    return Result(f"{where}: {result.what}", result.ours, result.beside, unit=result.unit)


def _compared(port: int, cookie: str) -> Iterator[Result]:
    with ThreadPoolExecutor(MANY) as pool:
        sessions = [_Client(port, cookie) for _ in range(MANY)]

        def one(path: str) -> float:
            return seconds(lambda: sessions[0].get(path))

        def many(path: str) -> float:
            """Return the seconds a page when all clients ask for two."""
            taken = seconds(lambda: list(pool.map(lambda c: [c.get(path) for _ in "12"], sessions)))
            return taken / (2 * MANY)

        for path in (AT_ONCE, IN_TURN, OWN):
            many(path)  # every worker imports what it needs
        for clients, work, runs in (("1 client", one, 25), (f"{MANY} clients", many, 9)):
            ours, in_turn, own = medians(
                *(partial(work, path) for path in (AT_ONCE, IN_TURN, OWN)), runs=runs
            )
            what = f"{clients}, at once beside in turn"
            yield Result(what, ours * 1e3, in_turn * 1e3, unit="ms a page")
            what = f"{clients}, shared connections beside a page's own"
            yield Result(what, ours * 1e3, own * 1e3, unit="ms a page")


class _Client:
    """A browser that is signed in, on a new connection for each page.

    gunicorn's workers close it anyway; kept by uvicorn's, answers would wait for the kernel to
    acknowledge their first packet (Nagle's algorithm, 40 ms).
    """

    def __init__(self, port: int, cookie: str) -> None:
        self._port = port
        self._headers = {"Cookie": cookie, "Connection": "close"}

    def get(self, path: str) -> None:
        """Ask for a page; it has to be the dashboard."""
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)
        connection.request("GET", path, headers=self._headers)
        answer = connection.getresponse()
        if answer.status != 200 or b"Newest datasets" not in answer.read():
            raise RuntimeError(f"{path} answered {answer.status}")
        connection.close()


def _somebody(folder: Path) -> tuple[str, Callable[[], object]]:
    """Return the cookie of a person with some datasets, and a call of an RPC as that person."""
    from django.test import Client
    from django.urls import reverse

    from accounts import audit
    from accounts.models import AuditAction
    from accounts.services import account_create
    from datasets import rpc
    from datasets.ingest.pipeline import dataset_import
    from fairdb_site.supabase import auth
    from fairdb_site.supabase.clients import Supabase

    email, password = f"bench-{uuid4().hex}@example.org", token_urlsafe()
    owner = account_create(email=email, password=password)
    path = folder / "small.csv"
    path.write_text("id,age,weight\n" + "".join(f"P{n},{n},{n / 7}\n" for n in range(200)))
    for number in range(8):
        with audit.trail(AuditAction.DATASET_LOADED, actor=owner.pk) as event:
            receipt = dataset_import(
                owner=owner, source=path, file_name="small.csv", title=f"Table {number}"
            )
            event.dataset = receipt.dataset
    browser = Client()
    browser.post(reverse("accounts:sign-in"), {"email": email, "password": password})
    cookie = "; ".join(f"{name}={morsel.value}" for name, morsel in browser.cookies.items())
    supabase = Supabase(auth.sign_in(email, password).access_token)
    return cookie, partial(rpc.get_overview, supabase)


@contextmanager
def _network(rest: bool, database: bool) -> Iterator[dict[str, str]]:
    """Give the environment in which a site finds Supabase behind a network."""
    from django.conf import settings

    place = settings.DATABASES["default"]
    ways = {}
    if rest:
        ways["BENCH_SUPABASE_URL"] = str(urlsplit(settings.SUPABASE_URL).port)
    if database:
        ways["BENCH_DATABASE_PORT"] = f"{place['HOST']}/.s.PGSQL.{place['PORT'] or 5432}"
    if not ways:
        yield {}
        return
    command = [sys.executable, "-m", "bench.distance", str(NETWORK), *ways.values()]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        try:
            assert process.stdout is not None
            found = dict(zip(ways, process.stdout.readline().split(), strict=True))
            if rest:
                found["BENCH_SUPABASE_URL"] = f"http://127.0.0.1:{found['BENCH_SUPABASE_URL']}"
            yield found
        finally:
            process.terminate()
