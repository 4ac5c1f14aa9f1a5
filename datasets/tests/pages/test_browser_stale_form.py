"""In Chromium, a form whose token no longer counts is sent again as it was filled."""

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("worker")]


def test_upload_is_sent_again_with_its_file_and_what_was_typed(
    open_page: Any, alice: Any, tmp_path: Path
) -> None:
    table = tmp_path / "t.csv"
    table.write_text("id,age\nP1,34\nP2,51\n")
    page = open_page(alice)
    page.goto("/datasets/new/")
    page.set_input_files("input[type=file]", table)
    page.get_by_label("Title").fill("Typed before")
    page.context.clear_cookies(name="csrftoken")  # as by a sign-in in another tab

    page.locator("#upload-send").click()

    expect(page.get_by_text("What you typed is still here: send it again.")).to_be_visible()
    assert page.get_by_label("Title").input_value() == "Typed before"

    page.locator("#upload-send").click()

    expect(page.get_by_role("heading", name="Typed before").first).to_be_visible()
