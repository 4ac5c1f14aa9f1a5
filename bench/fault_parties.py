"""People, sites and forms on their way: who takes part in the trials of `bench.faults`."""

import http.client
import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from secrets import token_urlsafe
from typing import Any
from uuid import UUID, uuid4

from django.test import Client

from accounts.models import User
from accounts.services import account_create
from fairdb_site.supabase import auth
from fairdb_site.supabase.clients import Supabase

NEW = "/datasets/new/"
LONG = 90.0  # seconds after which a trial is given up


@dataclass(frozen=True)
class Someone:
    """A person with an account and a browser."""

    user: User
    email: str
    password: str
    browser: Client
    supabase: Supabase

    def sign_in(self) -> None:
        """Sign in by the page."""
        answer = self.browser.post(
            "/accounts/sign-in/", {"email": self.email, "password": self.password}
        )
        if answer.status_code != 302:
            raise RuntimeError("signing in failed")
        self.browser.get(NEW)


@dataclass(frozen=True)
class Site:
    """A process that serves the application."""

    pid: int
    port: int
    name: str

    def go_on(self) -> None:
        """Let the load that is held go on."""
        os.kill(self.pid, signal.SIGUSR1)

    def kill(self) -> None:
        """Kill it and wait until it is gone."""
        try:
            handle = os.pidfd_open(self.pid)
        except ProcessLookupError:
            return
        os.kill(self.pid, signal.SIGKILL)
        select.select([handle], [], [], LONG)
        os.close(handle)


class Sites:
    """Makes the processes, and hears what they have to say."""

    def __init__(self, log: Path) -> None:
        self._maker = subprocess.Popen(
            [sys.executable, "-m", "bench.fault_site"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log.open("ab"),
            bufsize=0,
        )
        self._said: list[dict[str, Any]] = []
        self._count = 0
        self._alive: list[Site] = []

    def start(self, *, size: int = 0, **order: Any) -> Site:
        """Start a site; `hold` is where its load holds still, `staging` where its files lie."""
        assert self._maker.stdin
        self._count += 1
        name = f"fault-{self._count}"
        order = {"hold": None, "supabase": None, "staging": None, "patience": 0} | order
        self._maker.stdin.write(json.dumps(order | {"name": name, "bytes": size}).encode() + b"\n")
        said = self._wait(lambda said: said.get("name") == name)
        site = Site(said["pid"], said["port"], name)
        self._alive.append(site)
        return site

    def wait_until_held(self, site: Site) -> None:
        """Wait until the site's load is where it holds still."""
        self._wait(lambda said: said["pid"] == site.pid and "held" in said)

    def close(self) -> None:
        """End all of them."""
        for site in self._alive:
            site.kill()
        self._maker.kill()
        self._maker.communicate()

    def _wait(self, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        assert self._maker.stdout
        until = time.monotonic() + LONG
        while True:
            for said in self._said:
                if wanted(said):
                    return said
            if not select.select([self._maker.stdout], [], [], until - time.monotonic())[0]:
                raise TimeoutError("a site does not say anything")
            self._said.append(json.loads(self._maker.stdout.readline()))


class Upload:
    """A form on its way to a site, as a browser sends it."""

    def __init__(
        self,
        site: Site,
        person: Someone,
        content: bytes,
        submission: UUID,
        *,
        patience: float = LONG,
    ) -> None:
        mark = uuid4().hex
        head = "--{}\r\nContent-Disposition: form-data; name={}\r\n\r\n{}\r\n"
        fields = {"title": "A cohort", "submission": submission}
        self._body = (
            f'--{mark}\r\nContent-Disposition: form-data; name="file"; filename="t.csv"\r\n'
            "Content-Type: text/csv\r\n\r\n".encode()
            + content
            + b"\r\n"
            + "".join(head.format(mark, *field) for field in fields.items()).encode()
            + f"--{mark}--\r\n".encode()
        )
        self._sent = 0
        self._coming: Future[tuple[int, str, str]] | None = None
        self._connection = http.client.HTTPConnection("127.0.0.1", site.port, timeout=patience)
        self._connection.putrequest("POST", NEW)
        cookies = person.browser.cookies
        self._connection.putheader(
            "Cookie", "; ".join(f"{name}={morsel.value}" for name, morsel in cookies.items())
        )
        self._connection.putheader("X-CSRFToken", cookies["csrftoken"].value)
        self._connection.putheader("Referer", f"http://127.0.0.1:{site.port}{NEW}")
        self._connection.putheader("Content-Type", f"multipart/form-data; boundary={mark}")
        self._connection.putheader("Content-Length", str(len(self._body)))
        self._connection.endheaders()

    def send(self, share: float) -> None:
        """Send up to this share of the form."""
        end = int(len(self._body) * share)
        self._connection.send(self._body[self._sent : end])
        self._sent = end

    def send_all(self, pool: ThreadPoolExecutor) -> None:
        """Send the rest in a thread, as the load may hold still before it is answered."""
        self._coming = pool.submit(self._rest)

    def answer(self) -> tuple[int, str, str]:
        """Return status, address and page, or 0 where no answer came; what is left is sent."""
        return self._coming.result() if self._coming else self._rest()

    def close(self) -> None:
        """Break off, as a browser that is closed."""
        if self._connection.sock:  # while another thread waits for the answer
            with suppress(OSError):
                self._connection.sock.shutdown(socket.SHUT_RDWR)
        self._connection.close()

    def _rest(self) -> tuple[int, str, str]:
        try:
            self.send(1)
            answer = self._connection.getresponse()
            page = answer.read().decode()
        except (OSError, http.client.HTTPException):
            return 0, "", ""
        finally:
            self._connection.close()
        return answer.status, answer.getheader("Location") or "", page


def someone() -> Someone:
    """Make an account and sign it in."""
    email, password = f"fault-{uuid4().hex}@example.org", token_urlsafe()
    account_create(email=email, password=password)
    supabase = Supabase(auth.sign_in(email, password).access_token)
    person = Someone(User.objects.get(email=email), email, password, Client(), supabase)
    person.sign_in()
    return person


def wait_until(condition: Callable[[], bool]) -> bool:
    """Look until it holds; return whether it did."""
    until = time.monotonic() + LONG
    while not condition():
        if time.monotonic() > until:
            return False
        time.sleep(0.02)
    return True
