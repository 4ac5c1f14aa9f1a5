"""People, processes and forms on their way: who takes part in the trials of `bench.faults`."""

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
SOON = 15.0  # seconds in which a worker that waits for the database has tried again


@dataclass(frozen=True)
class Process:
    """A web server of the application, or a worker (without a port)."""

    pid: int
    port: int
    name: str

    def go_on(self) -> None:
        """Let what is held still go on."""
        self.send(signal.SIGUSR1)

    def send(self, number: signal.Signals) -> None:
        """Send it a signal."""
        os.kill(self.pid, number)

    def end(self) -> None:
        """Have it end once it has done what it is at, and wait until it is gone."""
        self.send(signal.SIGTERM)
        self.wait()

    def kill(self) -> None:
        """Kill it and wait until it is gone."""
        if self._is_there():
            self.send(signal.SIGKILL)
        self.wait()

    def wait(self) -> None:
        """Wait until it is gone."""
        try:
            handle = os.pidfd_open(self.pid)
        except ProcessLookupError:
            return
        gone, _, _ = select.select([handle], [], [], LONG)
        os.close(handle)
        if not gone:
            raise TimeoutError("a process does not end")

    def _is_there(self) -> bool:
        return Path(f"/proc/{self.pid}").exists()


@dataclass
class Someone:
    """A person with an account and a browser."""

    user: User
    email: str
    password: str
    browser: Client
    supabase: Supabase

    def sign_in(self) -> None:
        """Sign in by the page, and beside it."""
        self.supabase = Supabase(auth.sign_in(self.email, self.password).access_token)
        answer = self.browser.post(
            "/accounts/sign-in/", {"email": self.email, "password": self.password}
        )
        if answer.status_code != 302:
            raise RuntimeError("signing in failed")
        self.browser.get(NEW)

    def headers(self, web: Process) -> dict[str, str]:
        """Return what their browser sends with each request to a server."""
        cookies = self.browser.cookies
        return {
            "Cookie": "; ".join(f"{name}={morsel.value}" for name, morsel in cookies.items()),
            "X-CSRFToken": cookies["csrftoken"].value,
            "Referer": f"http://127.0.0.1:{web.port}{NEW}",
        }


class Processes:
    """Makes them, and hears what they have to say."""

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
        self._alive: list[Process] = []

    def web(self, **order: Any) -> Process:
        """Start a web server; see `worker`."""
        return self._start(order | {"is_worker": False})

    def worker(self, **order: Any) -> Process:
        """Start a worker.

        `hold` is the step and share where a load of `size` bytes holds still, `staging` where
        files lie, `supabase` its address and `patience` how long it is waited for (seconds), as is
        the `lease`, unless it is the usual one.
        """
        return self._start(order | {"is_worker": True})

    def wait_until_held(self, process: Process) -> None:
        """Wait until it is where it holds still."""
        self._wait(lambda said: said["pid"] == process.pid and "held" in said)

    def wait_until_done(self, worker: Process) -> None:
        """Wait until a worker has done with the first task it took."""
        self._wait(lambda said: said["pid"] == worker.pid and "done" in said)

    def wait_if_busy(self, worker: Process) -> None:
        """Wait until a worker has done with what it took, unless it took nothing within seconds."""
        try:
            self._wait(lambda said: said["pid"] == worker.pid and "begun" in said, SOON)
        except TimeoutError:
            return
        self.wait_until_done(worker)

    def close(self) -> None:
        """End all of them."""
        for process in self._alive:
            process.kill()
        self._maker.kill()
        self._maker.communicate()

    def _start(self, order: dict[str, Any]) -> Process:
        assert self._maker.stdin
        self._count += 1
        name = f"fault-{self._count}"
        usual = {
            "hold": None,
            "bytes": 0,
            "supabase": None,
            "staging": None,
            "patience": 0,
            "lease": 0,
        }
        line = json.dumps(usual | order | {"name": name}).encode()
        self._maker.stdin.write(line + b"\n")
        said = self._wait(lambda said: said.get("name") == name)
        process = Process(said["pid"], said["port"], name)
        self._alive.append(process)
        return process

    def _wait(
        self, wanted: Callable[[dict[str, Any]], bool], patience: float = LONG
    ) -> dict[str, Any]:
        assert self._maker.stdout
        until = time.monotonic() + patience
        while True:
            for said in self._said:
                if wanted(said):
                    return said
            left = max(0.0, until - time.monotonic())
            if not select.select([self._maker.stdout], [], [], left)[0]:
                raise TimeoutError("a process does not say anything")
            self._said.append(json.loads(self._maker.stdout.readline()))


@dataclass(frozen=True)
class Answer:
    """What a web server answered; status 0 where it did not."""

    status: int = 0
    location: str = ""
    page: str = ""


class Upload:
    """A form on its way to a site, as a browser sends it."""

    def __init__(self, web: Process, person: Someone, content: bytes, key: UUID) -> None:
        mark = uuid4().hex
        head = "--{}\r\nContent-Disposition: form-data; name={}\r\n\r\n{}\r\n"
        fields = {"title": "A cohort", "submission": key, "at_once": "on"}
        self._body = (
            f'--{mark}\r\nContent-Disposition: form-data; name="file"; filename="t.csv"\r\n'
            "Content-Type: text/csv\r\n\r\n".encode()
            + content
            + b"\r\n"
            + "".join(head.format(mark, *field) for field in fields.items()).encode()
            + f"--{mark}--\r\n".encode()
        )
        self._sent = 0
        self._coming: Future[Answer] | None = None
        self._answered: Answer | None = None
        self._connection = http.client.HTTPConnection("127.0.0.1", web.port, timeout=LONG)
        self._connection.putrequest("POST", NEW)
        headers = person.headers(web) | {
            "Content-Type": f"multipart/form-data; boundary={mark}",
            "Content-Length": str(len(self._body)),
        }
        for name, value in headers.items():
            self._connection.putheader(name, value)
        self._connection.endheaders()

    def send(self, share: float) -> None:
        """Send up to this share of the form."""
        end = int(len(self._body) * share)
        self._connection.send(self._body[self._sent : end])
        self._sent = end

    def send_all(self, pool: ThreadPoolExecutor) -> None:
        """Send the rest in a thread, as the server may hold still before it answers."""
        self._coming = pool.submit(self._rest)

    def answer(self) -> Answer:
        """Return what is answered; what is left is sent before."""
        if self._answered is None:
            self._answered = self._coming.result() if self._coming else self._rest()
        return self._answered

    def close(self) -> None:
        """Break off, as a browser that is closed."""
        if self._connection.sock:  # while another thread waits for the answer
            with suppress(OSError):
                self._connection.sock.shutdown(socket.SHUT_RDWR)
        self._connection.close()

    def _rest(self) -> Answer:
        try:
            self.send(1)
            return _answer(self._connection)
        except (OSError, http.client.HTTPException):
            return Answer()
        finally:
            self._connection.close()


def ask(web: Process, person: Someone, path: str, method: str = "GET") -> Answer:
    """Ask a web server for a page as this person, or press a button of it (POST)."""
    connection = http.client.HTTPConnection("127.0.0.1", web.port, timeout=LONG)
    try:
        connection.request(method, path, headers=person.headers(web))
        return _answer(connection)
    except (OSError, http.client.HTTPException):
        return Answer()
    finally:
        connection.close()


def _answer(connection: http.client.HTTPConnection) -> Answer:
    answer = connection.getresponse()
    page = answer.read().decode()
    return Answer(answer.status, answer.getheader("Location") or "", page)


def someone() -> Someone:
    """Make an account and sign it in."""
    email, password = f"fault-{uuid4().hex}@example.org", token_urlsafe()
    account_create(email=email, password=password)
    person = Someone(User.objects.get(email=email), email, password, Client(), Supabase())
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
