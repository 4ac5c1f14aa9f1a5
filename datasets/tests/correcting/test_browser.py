"""A cell, a row and their history in Chromium."""

import re
from typing import Any

import pytest
from playwright.sync_api import expect

from datasets.tests.stored import Columns, Stored, run, store_dataset

pytestmark = pytest.mark.browser


@pytest.fixture
def stored(alice: Any) -> Stored:
    columns: Columns = {"age": ("integer", [31, 47]), "note": ("text", ["first", "second"])}
    return store_dataset(alice.user.id, columns, rows=2, columns_a_part=2)


def expect_field_focused(page: Any) -> None:
    """Wait for a field that has the focus and has settled: before, its keys come to nothing."""
    field = page.locator(".editing:not(.htmx-settling) input[type=text]")
    expect(field).to_be_focused()


def test_a_cell_is_corrected_in_its_place_and_undone(
    open_page: Any, alice: Any, stored: Stored
) -> None:
    page = open_page(alice)
    page.goto(f"/datasets/{stored.id}/")
    cell = page.locator("#rows tbody tr:first-child td").nth(1)

    cell.dblclick()
    expect_field_focused(page)
    page.keyboard.type("many")
    page.keyboard.press("Enter")
    expect(page.locator(".editing .field-error")).to_contain_text("takes a whole number")
    expect_field_focused(page)
    page.keyboard.press("Escape")
    expect(cell).to_have_text("31")
    expect(cell).to_be_focused()
    page.keyboard.press("Enter")
    expect_field_focused(page)
    page.keyboard.type("32")
    page.keyboard.press("Enter")
    expect(cell).to_have_text("32")
    expect(page.locator("#corrected")).to_contain_text("Row 1, age: stored.")
    assert run(f"select c2 from {stored.qualified} order by rowid") == [(32,), (47,)]

    page.locator("#corrected").get_by_role("button", name="Undo").click()
    expect(page.get_by_text("Undone: 1 row is as before.")).to_be_visible()
    assert run(f"select c2 from {stored.qualified} order by rowid") == [(31,), (47,)]


@pytest.mark.parametrize("scripted", [True, False], ids=["with JavaScript", "without JavaScript"])
def test_a_row_is_corrected_deleted_and_brought_back(
    open_page: Any, alice: Any, stored: Stored, scripted: bool
) -> None:
    page = open_page(alice, scripted=scripted)
    page.goto(f"/datasets/{stored.id}/")
    page.locator("#rows tbody .rowhead a").first.click()
    page.get_by_label(re.compile("note")).fill("corrected")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Row 1 is stored")).to_be_visible()
    expect(page.locator(".changes del")).to_have_text("first")

    page.get_by_role("button", name="Delete this row").click()
    expect(page.get_by_text("1 row is deleted")).to_be_visible()
    page.get_by_role("button", name=re.compile("Undo: 1 row deleted")).click()
    expect(page.get_by_text("Undone: 1 row is as before.")).to_be_visible()
    page.get_by_role("button", name=re.compile("Undo: 1 cell corrected")).click()

    expect(page.get_by_text("undone since")).to_have_count(2)
    assert run(f"select c3 from {stored.qualified} where rowid = 1") == [("first",)]
