"""Signing in, a second factor, a reset and the administration, gone through in Chromium."""

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from conftest import Person
from fairdb_site.tests.supabase_servers import another_gateway

pytestmark = [
    pytest.mark.browser,
    pytest.mark.parametrize("scripted", [True, False], ids=["script", "no script"]),
]
NEW = "an owl in the attic"


@pytest.fixture
def outbox(settings: Any, tmp_path: Path) -> Iterator[Path]:
    with another_gateway(settings, tmp_path):
        yield tmp_path


def sign_in(page: Any, email: str, password: str) -> None:
    page.goto("/accounts/sign-in/")
    page.get_by_label("E-mail address").fill(email)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()


def mailed_link(outbox: Path) -> str:
    """Return the link of the one mail, which is sent besides the answer and may come after it."""
    until = time.monotonic() + 20
    while not (mails := list(outbox.glob("*.json"))) and time.monotonic() < until:
        time.sleep(0.05)
    link: str = json.loads(mails[0].read_text())["link"]
    return link


def test_second_factor_is_set_up_asked_for_and_removed(
    alice: Any, open_page: Any, scripted: bool
) -> None:
    page = open_page(alice, scripted=scripted)
    page.goto("/accounts/")
    page.get_by_role("link", name="Set one up").click()
    page.get_by_label("Your password").fill(alice.password)
    page.get_by_role("button", name="Begin").click()
    expect(page.get_by_role("img", name=re.compile("QR code"))).to_be_visible()
    secret = page.locator("code").inner_text().replace(" ", "")
    owner = Person(alice.user, alice.email, alice.password, secret)
    page.get_by_label("Code of your").fill(owner.code())
    page.get_by_role("button", name="Confirm").click()
    expect(page.locator(".messages")).to_contain_text("second factor is set up")

    again = open_page(scripted=scripted)
    sign_in(again, alice.email, alice.password)
    expect(again.get_by_role("heading", name="One more step")).to_be_visible()
    again.keyboard.type("000000")  # the field has the focus
    again.keyboard.press("Enter")
    expect(again.locator("main .notice.bad")).to_contain_text("does not fit")
    again.get_by_label("Code of your").fill(owner.code())
    again.get_by_role("button", name="Go on").click()
    expect(again.get_by_role("heading", name="Dashboard")).to_be_visible()

    again.goto("/accounts/")
    again.get_by_role("link", name="Remove it").click()
    again.get_by_label("Code of your").fill(owner.code())
    again.get_by_role("button", name="Remove it").click()
    expect(again.locator(".messages")).to_contain_text("is removed")


def test_forgotten_password_is_set_by_a_mailed_link(
    alice: Any, open_page: Any, outbox: Path, scripted: bool
) -> None:
    page = open_page(scripted=scripted)
    page.goto("/accounts/sign-in/")
    page.get_by_role("link", name="Forgot your password?").click()
    page.get_by_label("E-mail address").fill(alice.email)
    page.get_by_role("button", name="Send the link").click()
    expect(page.get_by_role("heading", name="Check your mail")).to_be_visible()

    page.goto(mailed_link(outbox))
    page.get_by_role("button", name="Go on").click()
    page.get_by_label("New password", exact=True).fill(NEW)
    page.get_by_label("The new password again").fill(NEW)
    page.get_by_role("button", name="Set the password").click()
    expect(page.locator(".messages")).to_contain_text("password is set")

    again = open_page(scripted=scripted)
    sign_in(again, alice.email, NEW)
    expect(again.get_by_role("heading", name="Dashboard")).to_be_visible()


def test_download_leaves_neither_a_stale_error_nor_the_password_on_its_page(
    alice: Any, open_page: Any, scripted: bool
) -> None:
    page = open_page(alice, scripted=scripted)
    page.goto("/accounts/download/")
    page.get_by_label("Your password").fill("not hers")
    page.get_by_role("button", name="Download").click()
    expect(page.get_by_role("alert")).to_contain_text("not your password")

    page.get_by_label("Your password").fill(alice.password)
    with page.expect_download() as archive:
        page.get_by_role("button", name="Download").click()

    assert archive.value.suggested_filename.endswith(".zip")
    if scripted:  # without, the page stays as it is
        expect(page.get_by_role("alert")).to_have_count(0)
        expect(page.get_by_label("Your password")).to_have_value("")


def test_staff_ban_and_look_through_the_administration(
    people: Any, open_page: Any, scripted: bool
) -> None:
    page = open_page(people.carol, scripted=scripted)
    page.goto("/admin/")
    page.get_by_role("link", name="People").click()
    page.get_by_role("searchbox").fill(people.alice.email)
    page.get_by_role("button", name="Search").click()
    page.get_by_role("checkbox", name=people.alice.email).check()
    page.get_by_role("button", name="Ban…").click()
    expect(page.get_by_role("heading", name=people.alice.email)).to_be_visible()
    page.get_by_label("Hours").fill("2")
    page.get_by_role("button", name="Ban").click()
    expect(page.locator(".messages")).to_contain_text("banned for 2 hours")
    expect(page.get_by_role("link", name="Let in again…")).to_be_visible()

    pages = page.get_by_role("navigation", name="Pages of the administration")
    for name in ("Sessions", "Datasets", "Loads", "Events"):
        pages.get_by_role("link", name=name, exact=True).click()
        expect(page.get_by_role("heading", name=name, level=1)).to_be_visible()
    page.get_by_text("Outcome: all").click()
    page.get_by_role("link", name="Refused").click()
    expect(page.get_by_text("Outcome: refused")).to_be_visible()
    # the frame is the project's own, and nothing of Django's is loaded
    assert page.locator("link[href*='admin/'], script[src*='admin/']").count() == 0
    answer = page.request.get("/admin/accounts/user/")
    assert "default-src 'self'" in answer.headers["content-security-policy"]
    assert "unsafe" not in answer.headers["content-security-policy"]
