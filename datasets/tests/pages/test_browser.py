"""The whole way through the pages in Chromium, with JavaScript and without it."""

import re
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from playwright.sync_api import expect

from datasets.tests.pages.tables import LONG, WIDTH, cohort_csv

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("worker")]


@pytest.fixture(params=[True, False], ids=["with JavaScript", "without JavaScript"])
def page(request: Any, open_page: Any) -> Any:
    """A page of somebody who is not signed in."""
    return open_page(scripted=request.param)


def test_person_registers_uploads_browses_chooses_searches_and_signs_out(
    page: Any, tmp_path: Path
) -> None:
    email, password = f"browser-{uuid4().hex[:12]}@example.org", f"pass {uuid4().hex}"
    table = tmp_path / "cohort_north.csv"
    table.write_bytes(cohort_csv())

    register(page, email, password)
    sign_out(page)
    page.get_by_role("link", name="Sign in").first.click()
    sign_in(page, email, password)
    see_what_was_typed_kept_when_refused(page, table)
    upload(page, table)
    go_through_rows_forward_and_back(page)
    jump_to_a_column(page)
    choose_a_column_found_by_search(page)
    search_all_tables(page)
    delete(page)
    sign_out(page)

    page.goto("/dashboard/")
    assert "/accounts/sign-in/" in page.url


def register(page: Any, email: str, password: str) -> None:
    page.goto("/")
    page.get_by_role("link", name="Create an account").first.click()
    page.get_by_label("E-mail address").fill(email)
    page.get_by_label("Password", exact=True).fill(password)
    page.get_by_label("The same password again").fill(password)
    page.get_by_role("button", name="Create the account").click()
    expect(page.get_by_role("heading", name="Upload your first table")).to_be_visible()


def sign_in(page: Any, email: str, password: str) -> None:
    page.get_by_label("E-mail address").fill(email)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Dashboard")).to_be_visible()


def sign_out(page: Any) -> None:
    page.locator("details.menu > summary").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("link", name="Sign in").first).to_be_visible()


def see_what_was_typed_kept_when_refused(page: Any, table: Path) -> None:
    page.get_by_role("link", name="Upload a table").first.click()
    page.locator("input[type=file]").set_input_files(table)
    page.get_by_text("Load it without a look").click()
    name_id_column(page, "note")
    page.get_by_label("Origin").fill("Registry of the north")
    page.get_by_label("Column types").fill("age=number")
    if page.scripted:  # as made larger by its corner, which the policy lets no page repeat
        page.evaluate("document.getElementById('id_description').style.height = '9rem'")
    page.get_by_role("button", name="Upload", exact=True).click()
    expect(page.locator("#upload [role=alert]")).to_contain_text("write column=type")
    expect(page.get_by_label("Origin")).to_have_value("Registry of the north")
    if page.scripted:
        expect(page.locator("select#id_id_column")).to_be_visible()
    expect(page.get_by_label("Id column")).to_have_value("note")


def name_id_column(page: Any, name: str) -> None:
    if page.scripted:
        page.locator("select#id_id_column").select_option(name)
    else:
        page.get_by_label("Id column").fill(name)


def upload(page: Any, table: Path) -> None:
    name_id_column(page, "person")
    page.get_by_label("Column types").fill("")
    if not page.scripted:  # a browser cannot be given back a file without a script
        page.locator("input[type=file]").set_input_files(table)
    page.get_by_role("button", name="Upload", exact=True).click()
    look_at_the_file(page)
    page.get_by_role("button", name="Load it").click()
    stored = page.get_by_role("heading", name="All 120 rows stored")
    expect(stored).to_be_visible(timeout=20_000)  # a worker's doing
    expect(page.get_by_role("heading", name="cohort north", level=1)).to_be_visible()
    expect(page.locator("main")).to_contain_text("Registry of the north")


def look_at_the_file(page: Any) -> None:
    expect(page.get_by_text("Look before it is loaded")).to_be_visible()
    expect(page.get_by_text("35 columns, judged by all 120 rows")).to_be_visible()
    expect(page.get_by_label("Id column", exact=True)).to_have_value("person")
    expect(page.locator("#preview-rows tbody tr")).to_have_count(20)


def first_row(page: Any) -> str:
    return str(page.locator("#rows tbody th[scope=row]").first.inner_text())


def go_through_rows_forward_and_back(page: Any) -> None:
    where = page.locator("#rows .pager p")
    page.get_by_role("link", name="Browse the rows").click()
    expect(page.locator("#rows .tag")).to_have_text(f"12 of {WIDTH - 1} columns")
    assert first_row(page) == "1"
    page.get_by_role("link", name="Next", exact=True).click()
    expect(where).to_have_text("Rows 51 to 100 of 120")
    assert "after=50" in page.url
    page.get_by_role("link", name="Next", exact=True).click()
    expect(where).to_have_text("Rows 101 to 120 of 120")
    expect(page.locator("#rows-next")).to_have_attribute("aria-disabled", "true")
    page.get_by_role("link", name="Previous", exact=True).click()
    expect(where).to_have_text("Rows 51 to 100 of 120")
    page.reload()
    expect(where).to_have_text("Rows 51 to 100 of 120")
    page.go_back()
    expect(where).to_have_text("Rows 101 to 120 of 120")
    page.go_forward()
    expect(where).to_have_text("Rows 51 to 100 of 120")


def jump_to_a_column(page: Any) -> None:
    page.get_by_label("Jump to a column").fill("taxon 20")
    page.get_by_role("button", name="Go").click()
    expect(page.locator("#rows thead th").nth(2)).to_contain_text("taxon 20")
    assert first_row(page) == "51"
    page.get_by_label("Jump to a column").fill("nothing like it")
    page.get_by_role("button", name="Go").click()
    expect(page.locator("#jump-error")).to_have_text("No column has this in its name.")
    expect(page.get_by_label("Jump to a column")).to_have_value("nothing like it")
    expect(page.locator("#rows thead th").nth(2)).to_contain_text("taxon 20")
    assert first_row(page) == "51"


def choose_a_column_found_by_search(page: Any) -> None:
    page.get_by_role("link", name="Choose columns").click()
    if page.scripted:
        expect(page.locator("#chooser-q")).to_be_focused()
        page.keyboard.press("Escape")
        expect(page.locator("#chooser-q")).to_have_count(0)
        expect(page.get_by_role("link", name="Choose columns")).to_be_focused()
        page.keyboard.press("Enter")
    page.get_by_role("button", name="Tick none at all").click()
    expect(page.locator("#chooser-count")).to_have_text("0 of at most 200")
    page.get_by_role("button", name="Show these columns").click()
    expect(page.locator("#chooser [role=alert]")).to_contain_text("No column is ticked.")
    page.get_by_label(re.compile("taxon 20")).check()
    page.locator("#chooser-q").press_sequentially("K-12", delay=60)
    if not page.scripted:
        page.get_by_role("button", name="Search").click()
    expect(page.locator("#chooser input[name=tick]")).to_have_count(1)
    expect(page.locator("#chooser-q")).to_have_value("K-12")
    page.locator("#chooser input[name=tick]").check()
    page.get_by_role("button", name="Show these columns").click()
    expect(page.locator("#rows thead")).to_contain_text(LONG[:20])
    expect(page.locator("#rows thead")).to_contain_text("taxon 20")
    assert "columns=29,8" in page.url
    assert first_row(page) == "51"


def search_all_tables(page: Any) -> None:
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Search").click()
    page.locator("#q").fill("smok")
    if not page.scripted:
        page.locator("main").get_by_role("button", name="Search").click()
    expect(page.locator("#found")).to_contain_text("1 column with “smok” in the name")
    page.locator("#found").get_by_role("link", name="smoker").click()
    expect(page.locator("#rows thead th").nth(2)).to_contain_text("smoker")


def delete(page: Any) -> None:
    page.get_by_role("link", name="Delete", exact=True).click()
    page.get_by_label("Its title, to be sure").fill(page.locator("h1 bdi").inner_text().strip("“”"))
    page.get_by_role("button", name="Delete for good").click()
    expect(page.locator(".messages")).to_contain_text("is deleted: 120 rows")


def test_no_page_is_wider_than_a_phone(chromium: Any, site: str, cohort: Any) -> None:
    context = chromium.new_context(
        base_url=site, viewport={"width": 360, "height": 740}, reduced_motion="reduce"
    )
    page = context.new_page()
    page.goto("/accounts/sign-in/")
    sign_in(page, cohort.owner.email, cohort.owner.password)
    addresses = ["/", "/dashboard/", "/datasets/", "/datasets/new/", "/search/?q=taxon"]
    addresses += [cohort.at(rest) for rest in ("", "columns/", "receipt/", "choose/", "delete/")]
    too_wide = []
    for address in addresses:
        page.goto(address)
        if page.evaluate("document.documentElement.scrollWidth > window.innerWidth"):
            too_wide.append(address)
    context.close()
    assert not too_wide
