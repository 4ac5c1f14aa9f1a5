"""A browser without a screen, as it comes through a proxy; it knows what its pages may hold."""

import http.client
import re
import time
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from queue import Empty, Full, LifoQueue
from urllib.parse import urlencode

MARK = re.compile(rb"mark[0-9a-f]{24}")
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
_DATASET = re.compile(rb"/datasets/([0-9a-f]{8}-[0-9a-f-]{27})/")
_CSRF = re.compile(r'name="csrfmiddlewaretoken" value="(\w+)"')


class Connections:
    """Connections to a server that all browsers share, as those behind a proxy do.

    So many are kept open; the next request, whoever's it is, goes over the one that was free last.
    """

    def __init__(self, port: int, kept: int = 0) -> None:
        self._port = port
        self._kept = kept
        self._free: LifoQueue[http.client.HTTPConnection] = LifoQueue(kept)

    def ask(
        self, method: str, path: str, body: str | None, headers: dict[str, str]
    ) -> tuple[http.client.HTTPResponse, bytes]:
        """Send a request; return the answer and its content."""
        while True:
            connection, is_new = self._take()
            try:
                connection.request(method, path, body, headers)
                answer = connection.getresponse()
                content = answer.read()
            except ConnectionError:
                # a worker that has answered its share closes what is kept, and another begins
                connection.close()
                if is_new or method != "GET":
                    raise
            else:
                self._give_back(connection, answer)
                return answer, content

    def _take(self) -> tuple[http.client.HTTPConnection, bool]:
        try:
            return self._free.get_nowait(), False
        except Empty:
            return http.client.HTTPConnection("127.0.0.1", self._port, timeout=120), True

    def _give_back(
        self, connection: http.client.HTTPConnection, answer: http.client.HTTPResponse
    ) -> None:
        try:
            if self._kept and not answer.will_close:
                self._free.put_nowait(connection)
                return
        except Full:
            pass
        connection.close()


@dataclass
class Browser:
    """One person's: `mark` stands in all that is theirs, `datasets` are theirs."""

    connections: Connections
    mark: str = ""
    datasets: tuple[str, ...] = ()
    cookies: SimpleCookie = field(default_factory=SimpleCookie)

    def sign_in(self, email: str, password: str) -> None:
        """Sign in by the page, as a person does."""
        page = self.ask("GET", "/accounts/sign-in/")[1].decode()
        token = _CSRF.search(page)
        assert token is not None
        fields = {"csrfmiddlewaretoken": token[1], "email": email, "password": password}
        status, _ = self.ask("POST", "/accounts/sign-in/", urlencode(fields))
        if status != http.client.FOUND:
            raise RuntimeError(f"The sign-in was answered {status}.")

    def look_at(self, path: str, *, fragment: bool = False) -> tuple[float, list[str]]:
        """Ask for a page, or its fragment; return the seconds it took and what is wrong with it."""
        headers = {"HX-Request": "true"} if fragment else {}
        began = time.perf_counter()
        status, content = self.ask("GET", path, headers=headers)
        return time.perf_counter() - began, self.wrong_with(status, content)

    def wrong_with(self, status: int, content: bytes) -> list[str]:
        """Say what is not as it must be: the status, something of another's, nothing of one's own.

        What is another's begins with "other".
        """
        if status != http.client.OK:
            return [f"status {status}"]
        marks = {found.decode() for found in MARK.findall(content)}
        datasets = {found.decode() for found in _DATASET.findall(content)}
        others = sorted((marks - {self.mark}) | (datasets - set(self.datasets)))
        wrong = [f"other: {found}" for found in others]
        return wrong if self.mark in marks else [*wrong, "nothing of one's own"]

    def headers(self) -> dict[str, str]:
        """Return what every request of this person bears."""
        cookies = "; ".join(f"{name}={morsel.value}" for name, morsel in self.cookies.items())
        return {"Cookie": cookies, "User-Agent": "bench"}

    def form_headers(self) -> dict[str, str]:
        """Return what a form that a script sends bears."""
        return self.headers() | FORM | {"X-CSRFToken": self.cookies["csrftoken"].value}

    def ask(
        self, method: str, path: str, body: str = "", headers: dict[str, str] | None = None
    ) -> tuple[int, bytes]:
        """Send a request with the cookies and keep those of the answer; return status and body."""
        headers = self.headers() | (FORM if body else {}) | (headers or {})
        answer, content = self.connections.ask(method, path, body or None, headers)
        for value in answer.headers.get_all("Set-Cookie", []):
            self.cookies.load(value)
        return answer.status, content
