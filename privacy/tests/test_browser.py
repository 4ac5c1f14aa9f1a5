"""Roles, a changed threshold and the report taken out, in Chromium."""

import json
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from datasets.tests.loading.tables import load_csv
from privacy.tests.test_pages import VISITS

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("scripted", [True, False], ids=["with JavaScript", "without JavaScript"])
def test_roles_thresholds_and_a_kept_report(
    open_page: Any, alice: Any, tmp_path: Path, scripted: bool
) -> None:
    dataset = load_csv(alice, tmp_path, VISITS).dataset
    page = open_page(alice, scripted=scripted)
    page.goto(f"/datasets/{dataset}/privacy/")
    verdict = page.locator("#verdict-title")

    page.get_by_role("button", name="Take these roles").click()
    expect(verdict).to_have_text("2 of 4 thresholds are missed.")

    page.get_by_label("Rows of a group, at least").fill("4")
    page.get_by_label("Chance to be found, at most").fill("0.25")
    page.get_by_role("button", name="Measure by these").click()
    expect(verdict).to_have_text("All 4 thresholds are held.")

    page.get_by_role("link", name="Try all combinations").click()
    expect(page.get_by_text("Worst combinations")).to_be_visible()

    page.goto(f"/datasets/{dataset}/privacy/roles/")
    page.get_by_label("Role of column 3").select_option("Other")
    if not scripted:
        page.get_by_role("button", name="Save roles").click()
    expect(page.get_by_text("has 8 or more to choose from")).to_be_visible()

    page.get_by_role("link", name="All figures").click()
    page.get_by_role("button", name="Keep it").click()
    expect(page.get_by_text("The report is kept.")).to_be_visible()
    with page.expect_download() as taken:
        page.get_by_role("link", name="JSON").click()
    assert json.loads(Path(taken.value.path()).read_text())["figures"]["k"] == 8
