"""Rows filtered and sorted, cells gone through, a card and the search, in Chromium."""

from typing import Any

import pytest
from playwright.sync_api import expect

from datasets.tests.pages.conftest import cohort
from datasets.tests.pages.tables import Loaded

__all__ = ["cohort"]

pytestmark = pytest.mark.browser


@pytest.fixture(params=[True, False], ids=["with JavaScript", "without JavaScript"])
def page(request: Any, open_page: Any, cohort: Loaded) -> Any:
    return signed_in(open_page(scripted=request.param), cohort)


def signed_in(page: Any, cohort: Loaded) -> Any:
    page.goto("/accounts/sign-in/")
    page.get_by_label("E-mail address").fill(cohort.owner.email)
    page.get_by_label("Password").fill(cohort.owner.password)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Dashboard")).to_be_visible()
    return page


def test_rows_are_filtered_sorted_and_paged(page: Any, cohort: Loaded) -> None:
    page.goto(cohort.at())
    page.locator("#conditions summary").click()
    page.locator("#column-1").press_sequentially("age", delay=40)
    if page.scripted:
        expect(page.locator("#condition-names option")).to_have_count(1)
    page.locator("#operator-1").select_option("is at least")
    page.locator("#value-1").fill("old")
    page.get_by_role("button", name="Apply").click()
    expect(page.locator("#rows [role=alert]")).to_contain_text('"age" takes a whole number')
    expect(page.locator("#value-1")).to_have_value("old")

    page.locator("#value-1").fill("60")
    page.get_by_role("button", name="Add a condition").click()
    page.locator("#column-2").fill("smoker")
    page.locator("#value-2").fill("true")
    page.get_by_role("button", name="Apply").click()
    expect(page.locator(".chip")).to_have_count(2)
    count = page.locator("#rows .pager p")
    expect(count).to_contain_text("matching rows")
    assert "where=2.ge.60&where=6.eq.true" in page.url

    page.locator("#sort-2").click()
    expect(page.locator("th[aria-sort=ascending]")).to_contain_text("age")
    page.locator("#sort-2").click()
    expect(page.locator("th[aria-sort=descending]")).to_contain_text("age")
    ages = [int(text) for text in page.locator("#rows tbody td:nth-child(3)").all_inner_texts()]
    assert ages == sorted(ages, reverse=True)
    assert min(ages) >= 60

    page.locator("#condition-2").click()
    expect(page.locator(".chip")).to_have_count(2)  # the other condition, and the order
    page.go_back()
    expect(page.locator(".chip")).to_have_count(3)
    page.get_by_role("link", name="Clear all conditions").click()
    expect(count).to_contain_text("50 of 120 rows")
    page.get_by_role("link", name="100 rows a page").click()
    expect(count).to_contain_text("100 of 120 rows")
    page.get_by_role("link", name="Last").click()
    expect(page.locator("#rows-next")).to_have_attribute("aria-disabled", "true")


def test_a_card_leads_on_and_to_the_rows_of_a_value(page: Any, cohort: Loaded) -> None:
    page.goto(cohort.at("columns/"))
    page.get_by_role("link", name="smoker").click()
    expect(page.get_by_role("heading", name="smoker")).to_be_visible()
    page.locator("a[rel=prev]").click()
    expect(page.get_by_role("heading", name="seen at")).to_be_visible()
    page.get_by_text("As a table").click()
    expect(page.get_by_role("columnheader", name="Rows")).to_be_visible()
    page.locator("a[rel=next]").click()
    page.get_by_role("link", name="true", exact=True).click()
    expect(page.locator(".chip")).to_contain_text("smoker = true")
    expect(page.locator("#rows .pager p")).to_contain_text("50 of 60 matching rows")


def test_a_sample_is_found_and_its_id_stays_out_of_the_address(page: Any, cohort: Loaded) -> None:
    page.goto("/search/")
    page.get_by_label("A sample's id").fill("P-0007")
    page.get_by_role("button", name="Find the sample").click()

    expect(page.locator("#found")).to_contain_text("The sample is in 1 dataset")
    assert "P-0007" not in page.url
    page.locator("#found h2 a").click()
    expect(page.locator("#rows .pager p")).to_contain_text("1 of 1 matching row")
    expect(page.locator("#rows tbody th[scope=row]")).to_have_text("7")


def test_arrows_go_from_cell_to_cell(open_page: Any, cohort: Loaded) -> None:
    page = signed_in(open_page(scripted=True), cohort)
    page.goto(cohort.at())
    focused = "(() => { const c = document.activeElement.closest('td, th');"
    focused += " return [c.parentElement.sectionRowIndex, c.cellIndex]; })()"
    table = page.locator("#rows table")
    expect(table).to_have_attribute("role", "grid")
    assert table.locator("tbody [tabindex='0']").count() == 1

    table.locator("tbody [tabindex='0']").focus()
    for keys, place in (
        ("ArrowDown", [1, 1]),
        ("ArrowRight", [1, 2]),
        ("End", [1, 13]),
        ("Control+End", [49, 13]),
        ("ArrowDown", [49, 13]),
        ("Home", [49, 0]),
        ("Control+Home", [0, 0]),
        ("ArrowLeft", [0, 0]),
    ):
        page.keyboard.press(keys)
        assert page.evaluate(focused) == place
    page.keyboard.press("PageDown")
    assert page.evaluate(focused)[0] > 3
    assert table.locator("tbody [tabindex='0']").count() == 1
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Tab")
    assert page.evaluate(focused)[1] == 1

    page.get_by_role("link", name="Next", exact=True).click()
    expect(page.locator("#rows tbody th").first).to_have_text("51")
    expect(page.locator("#rows table")).to_have_attribute("role", "grid")
