"""A served site and a Chromium for the tests of pages, in whichever app they are."""

import os
import shutil
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.servers.basehttp import ThreadedWSGIServer, WSGIRequestHandler
from django.core.wsgi import get_wsgi_application


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


@pytest.fixture(scope="module")
def chromium(site: str) -> Iterator[Any]:
    """Give a running Chromium; without one the test is skipped, or fails where it is required.

    It ends with its module: Playwright keeps an event loop running, in which no other test could
    run one of its own.
    """
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
def open_page(chromium: Any, site: str) -> Iterator[Any]:
    """Return a function that opens a page in a fresh browser profile, signed in where it is told.

    The test fails on any error in the consoles of its pages.
    """
    contexts: list[Any] = []
    complaints: list[str] = []

    def opened(person: Any = None, *, scripted: bool = True, width: int = 1280) -> Any:
        context = chromium.new_context(
            base_url=site,
            java_script_enabled=scripted,
            viewport={"width": width, "height": 900},
            reduced_motion="reduce",
        )
        contexts.append(context)
        context.set_default_timeout(20_000)
        if person is not None:
            from accounts.tests.doors import sign_in

            for name, morsel in sign_in(person).cookies.items():
                context.add_cookies([{"name": name, "value": morsel.value, "url": site}])
        page = context.new_page()
        page.scripted = scripted
        page.on("console", lambda m: complaints.append(m.text) if m.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        return page

    yield opened
    for context in contexts:
        context.close()
    # a refused form is no fault of the page; a blocked style or script is
    refused = "Failed to load resource: the server responded with a status of 4"
    assert [text for text in complaints if not text.startswith(refused)] == []
