"""A served site and a Chromium for the tests of pages; a signed-in client for those without one."""

import os
import shutil
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.servers.basehttp import ThreadedWSGIServer, WSGIRequestHandler
from django.core.wsgi import get_wsgi_application
from django.test import Client

from conftest import make_person
from datasets.tests.pages.tables import Loaded, load_table


class QuietHandler(WSGIRequestHandler):
    """Serve without a line a request."""

    def log_message(self, format: str, *args: Any) -> None:
        return


@pytest.fixture(scope="session")
def site(db_ready: None) -> Iterator[str]:
    """Serve the real application on a free port; give its address."""
    server = ThreadedWSGIServer(("127.0.0.1", 0), QuietHandler)
    server.set_app(get_wsgi_application())
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(scope="session")
def chromium(site: str) -> Iterator[Any]:
    """Give a running Chromium; without one the test is skipped, or fails where it is required."""
    path = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    if not path:
        if os.environ.get("FAIRDB_REQUIRE_BROWSER") == "1":
            pytest.fail("FAIRDB_REQUIRE_BROWSER=1, but there is no Chromium on this machine.")
        pytest.skip("no Chromium on this machine")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        # Chromium's sandbox does not start for root
        flags = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = playwright.chromium.launch(executable_path=path, args=flags)
        yield browser
        browser.close()


@pytest.fixture
def client_of() -> Any:
    """Return a function that signs a person in and gives their client."""

    def signed_in(person: Any) -> Client:
        client = Client()
        answer = client.post(
            "/accounts/sign-in/", {"email": person.email, "password": person.password}
        )
        assert answer.status_code == 302
        return client

    return signed_in


@pytest.fixture(scope="session")
def cohort(db_ready: None) -> Loaded:
    """A table of someone's for tests that only read it: 120 rows, an id, 34 more columns."""
    return load_table(make_person("reader"))


@pytest.fixture
def own_cohort(alice: Any) -> Loaded:
    """The same table, Alice's only one, for tests that count or change what she has."""
    return load_table(alice)
