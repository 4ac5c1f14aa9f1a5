"""A load followed in Chromium, with JavaScript and without: it is waited for, and leads on."""

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from datasets.tests.loading.queue import working

pytestmark = pytest.mark.browser


@pytest.fixture(params=[True, False], ids=["with JavaScript", "without JavaScript"])
def page(request: Any, open_page: Any, alice: Any) -> Any:
    """A page of Alice's."""
    return open_page(alice, scripted=request.param)


def send(page: Any, table: Path) -> None:
    page.goto("/datasets/new/")
    page.locator("input[type=file]").set_input_files(table)
    page.get_by_text("Load it without a look").click()
    page.get_by_label("Load at once, without a look").check()
    page.get_by_role("button", name="Upload", exact=True).click()


def test_a_load_is_waited_for_and_leads_to_its_receipt(page: Any, tmp_path: Path) -> None:
    (table := tmp_path / "cohort.csv").write_text("id,age\nP1,30\nP2,31\n")
    send(page, table)

    expect(page.get_by_role("heading", name="cohort", level=1)).to_be_visible()
    expect(page.get_by_text("Waiting for its turn")).to_be_visible()
    with working():
        expect(page.get_by_role("heading", name="All 2 rows stored")).to_be_visible()


def test_a_refused_file_is_mended_without_being_sent_again(page: Any, tmp_path: Path) -> None:
    (table := tmp_path / "cohort.csv").write_text('"",pidnum,age\n1,10056,48\n2,10059,61\n')
    send(page, table)
    if page.scripted:
        return  # the columns were listed, and the likely one chosen

    with working():
        expect(page.get_by_role("alert")).to_contain_text("looks more like one than the first")
        page.get_by_role("link", name="Change and try again").click()
        expect(page.get_by_text("What you chose is kept.")).to_be_visible()
        expect(page.get_by_label("Id column", exact=True)).to_have_value("pidnum")
        page.get_by_role("button", name="Load it").click()
        expect(page.get_by_role("heading", name="All 2 rows stored")).to_be_visible()


def test_a_load_is_cancelled(page: Any, tmp_path: Path) -> None:
    (table := tmp_path / "cohort.csv").write_text("id,age\nP1,30\n")
    send(page, table)

    page.get_by_role("button", name="Cancel this load").click()

    expect(page.get_by_text("It was cancelled.")).to_be_visible()
    page.get_by_role("link", name="All loads").click()
    expect(page.get_by_role("link", name="cohort")).to_be_visible()
