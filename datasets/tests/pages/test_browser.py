"""The whole way through the pages in Chromium, with JavaScript and without it."""

import re
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from datasets.tests.pages.tables import LONG, WIDTH, cohort_csv

pytestmark = pytest.mark.browser


@pytest.fixture(params=[True, False], ids=["with JavaScript", "without JavaScript"])
def page(request: Any, chromium: Any, site: str) -> Any:
    """A page in a fresh browser profile that fails the test on any error in its console."""
    context = chromium.new_context(
        base_url=site,
        java_script_enabled=request.param,
        viewport={"width": 1280, "height": 900},
        reduced_motion="reduce",
    )
    context.set_default_timeout(20_000)
    page = context.new_page()
    page.scripted = request.param
    complaints: list[str] = []
    page.on("console", lambda m: complaints.append(m.text) if m.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    refused = "Failed to load resource: the server responded with a status of 4"
    yield page
    context.close()
    # a refused form is no fault of the page; a blocked style or script is
    assert [text for text in complaints if not text.startswith(refused)] == []


def first_row(page: Any) -> str:
    return str(page.locator("#rows tbody th[scope=row]").first.inner_text())


def test_person_registers_uploads_browses_chooses_searches_and_signs_out(
    page: Any, tmp_path: Path
) -> None:
    from playwright.sync_api import expect

    email, password = f"browser-{uuid4().hex[:12]}@example.org", f"pass {uuid4().hex}"
    table = tmp_path / "cohort_north.csv"
    table.write_bytes(cohort_csv())

    # register; the dashboard is empty and says what to do
    page.goto("/")
    page.get_by_role("link", name="Create an account").first.click()
    page.get_by_label("E-mail address").fill(email)
    page.get_by_label("Password", exact=True).fill(password)
    page.get_by_label("The same password again").fill(password)
    page.get_by_role("button", name="Create the account").click()
    expect(page.get_by_role("heading", name="Upload your first table")).to_be_visible()

    # sign out and in again
    sign_out(page)
    expect(page.get_by_role("link", name="Sign in").first).to_be_visible()
    page.get_by_role("link", name="Sign in").first.click()
    page.get_by_label("E-mail address").fill(email)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()

    # an id column that is not there is refused; what was typed is kept
    page.get_by_role("link", name="Upload a table").first.click()
    page.locator("input[type=file]").set_input_files(table)
    page.get_by_label("Id column").fill("patient")
    page.get_by_label("Origin").fill("Registry of the north")
    page.get_by_role("button", name="Upload and store").click()
    expect(page.get_by_role("alert")).to_contain_text("patient")
    expect(page.get_by_label("Origin")).to_have_value("Registry of the north")

    # upload, and read the receipt
    page.get_by_label("Id column").fill("person")
    if not page.scripted:  # a browser cannot be given back a file without a script
        page.locator("input[type=file]").set_input_files(table)
    page.get_by_role("button", name="Upload and store").click()
    expect(page.get_by_role("heading", name="All 120 rows stored")).to_be_visible()
    expect(page.get_by_role("heading", name="cohort north", level=1)).to_be_visible()

    # rows, forward and back
    page.get_by_role("link", name="Browse the rows").click()
    expect(page.locator("#rows .tag")).to_have_text(f"12 of {WIDTH - 1} columns")
    assert first_row(page) == "1"
    page.get_by_role("link", name="Next", exact=True).click()
    expect(page.locator("#rows .pager p")).to_have_text("Rows 51 to 100 of 120")
    assert "after=50" in page.url
    page.get_by_role("link", name="Next", exact=True).click()
    expect(page.locator("#rows .pager p")).to_have_text("Rows 101 to 120 of 120")
    expect(page.locator("#rows-next")).to_have_attribute("aria-disabled", "true")
    page.get_by_role("link", name="Previous", exact=True).click()
    expect(page.locator("#rows .pager p")).to_have_text("Rows 51 to 100 of 120")
    page.reload()
    expect(page.locator("#rows .pager p")).to_have_text("Rows 51 to 100 of 120")

    # jump to a column by its name, keeping the place among the rows
    page.get_by_label("Jump to a column").fill("taxon 20")
    page.get_by_role("button", name="Go").click()
    expect(page.locator("#rows thead th").nth(2)).to_contain_text("taxon 20")
    assert first_row(page) == "51"

    # choose columns: one found by a search beside those on show
    page.get_by_role("link", name="Choose columns").click()
    page.locator("#chooser-q").fill("K-12")
    if not page.scripted:
        page.get_by_role("button", name="Search").click()
    expect(page.locator("#chooser input[name=tick]")).to_have_count(1)
    page.locator("#chooser input[name=tick]").check()
    page.get_by_role("button", name="Show these columns").click()
    expect(page.locator("#rows thead")).to_contain_text(LONG[:20])
    expect(page.locator("#rows thead")).to_contain_text("taxon 20")
    assert re.search(r"columns=29-\d+,8", page.url)
    assert first_row(page) == "51"

    # search over all tables, from the menu
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Search").click()
    page.locator("#q").fill("smok")
    if not page.scripted:
        page.locator("main").get_by_role("button", name="Search").click()
    expect(page.locator("#found")).to_contain_text("1 column with “smok” in the name")
    page.locator("#found").get_by_role("link", name="smoker").click()
    expect(page.locator("#rows thead th").nth(2)).to_contain_text("smoker")

    # delete it, and leave
    page.get_by_role("link", name="Delete").click()
    page.get_by_role("button", name="Delete for good").click()
    expect(page.get_by_role("status")).to_contain_text("is deleted: 120 rows")
    sign_out(page)
    page.goto("/dashboard/")
    assert "/accounts/sign-in/" in page.url


def sign_out(page: Any) -> None:
    page.locator("details.menu > summary").click()
    page.get_by_role("button", name="Sign out").click()


def test_no_page_is_wider_than_a_phone(chromium: Any, site: str, cohort: Any) -> None:
    context = chromium.new_context(
        base_url=site, viewport={"width": 360, "height": 740}, reduced_motion="reduce"
    )
    page = context.new_page()
    page.goto("/accounts/sign-in/")
    page.get_by_label("E-mail address").fill(cohort.owner.email)
    page.get_by_label("Password").fill(cohort.owner.password)
    page.get_by_role("button", name="Sign in").click()
    addresses = ["/", "/dashboard/", "/datasets/", "/datasets/new/", "/search/?q=taxon"]
    addresses += [cohort.at(rest) for rest in ("", "columns/", "receipt/", "choose/", "delete/")]
    too_wide = []
    for address in addresses:
        page.goto(address)
        if page.evaluate("document.documentElement.scrollWidth > window.innerWidth"):
            too_wide.append(address)
    context.close()
    assert not too_wide
