"""A file looked at in Chromium before it is loaded, with JavaScript and without; files dropped."""

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from datasets.models import DatasetColumn, Submission
from datasets.tests.ingest.workbooks import xlsx
from datasets.tests.loading.queue import drafted, drain

pytestmark = pytest.mark.browser

PEOPLE = "visit,pid,surname,email,age\n" + "".join(
    f"V1,P{n},Jansen,p{n}@example.org,{30 + n}\n" for n in range(8)
)


@pytest.fixture(params=[True, False], ids=["with JavaScript", "without JavaScript"])
def page(request: Any, open_page: Any, alice: Any) -> Any:
    """A page of Alice's."""
    return open_page(alice, scripted=request.param)


def test_columns_are_looked_at_and_left_out_before_anything_is_stored(
    page: Any, alice: Any
) -> None:
    draft = drafted(alice, PEOPLE.encode())
    page.goto(f"/loads/{draft.pk}/preview/")
    expect(page.get_by_text("2 columns may tell who people are")).to_be_visible()

    page.get_by_role("button", name="Leave out all 2").click()
    expect(page.get_by_text("may tell who people are")).to_have_count(0)
    expect(page.get_by_label("Leave out column 3")).to_be_checked()

    page.get_by_label("Type of column 5").select_option("float")
    page.get_by_label("Leave out column 1").check()
    page.get_by_label("Part of a column's name").fill("ag")
    if not page.scripted:
        page.get_by_role("button", name="Search").click()
    expect(page.locator("#preview-columns tbody tr")).to_have_count(1)
    expect(page.locator("#preview-rows thead th")).to_have_count(3)

    page.get_by_label("Part of a column's name").fill("")
    if not page.scripted:
        page.get_by_role("button", name="Search").click()
    expect(page.locator("#preview-columns tbody tr")).to_have_count(5)
    expect(page.get_by_label("Leave out column 1")).to_be_checked()
    expect(page.get_by_label("Type of column 5")).to_have_value("float")

    page.get_by_label("Columns like").fill("nothing*")
    page.get_by_role("button", name="Choose", exact=True).click()
    expect(page.locator("#preview-pattern-error")).to_contain_text("No column has a name like")
    page.get_by_label("Columns like").fill("VIS*")
    page.get_by_label("What becomes of them").select_option("take")
    page.get_by_role("button", name="Choose", exact=True).click()
    expect(page.get_by_label("Leave out column 1")).not_to_be_checked()

    page.get_by_role("button", name="Load it").click()
    expect(page.get_by_text("Waiting for its turn")).to_be_visible()
    drain()
    stored = DatasetColumn.objects.filter(dataset__user_id=alice.user.pk).order_by("position")
    assert [(column.label, column.data_type) for column in stored] == [
        ("visit", "text"),
        ("pid", "text"),
        ("age", "float"),
    ]


def test_sheet_and_delimiter_are_chosen_by_what_is_shown(page: Any, alice: Any) -> None:
    book = xlsx({"One": [["id", "a"], ["P1", 1]], "Two": [["pid", "b"], ["P1", 2]]})
    page.goto(f"/loads/{drafted(alice, book).pk}/preview/")
    page.get_by_role("combobox", name="Sheet", exact=True).select_option("Two")
    page.get_by_role("button", name="Read again").last.click()
    expect(page.locator("#preview-rows thead")).to_contain_text("pid")

    draft = drafted(alice, b"id~v\nP1~1\n")
    page.goto(f"/loads/{draft.pk}/preview/")
    expect(page.get_by_text("The file has one column.")).to_be_visible()
    page.get_by_label("Encoding").select_option("utf-16")
    page.get_by_role("button", name="Read again").last.click()
    expect(page.get_by_role("alert")).to_contain_text("has no byte order mark")
    expect(page.get_by_label("Encoding")).to_have_value("utf-16")


def test_several_files_are_dropped_and_become_drafts(
    open_page: Any, alice: Any, tmp_path: Path
) -> None:
    page = open_page(alice)
    page.goto("/datasets/new/")
    dropped = page.evaluate_handle(
        """() => {
          const files = new DataTransfer();
          for (const name of ["north.csv", "south.csv"]) {
            files.items.add(new File(["id,v\\nP1,1\\n"], name, {type: "text/csv"}));
          }
          return files;
        }"""
    )
    page.dispatch_event("[data-dropzone]", "drop", {"dataTransfer": dropped})
    expect(page.locator("[data-chosen]")).to_contain_text("north.csv, 10 bytes; south.csv")
    page.get_by_role("button", name="Upload", exact=True).click()
    expect(page.get_by_role("heading", name="Loads", exact=True)).to_be_visible()
    for title in ("north", "south"):
        expect(page.get_by_role("link", name=title, exact=True)).to_be_visible()
    assert Submission.objects.filter(owner=alice.user.pk, state="draft").count() == 2
    page.get_by_role("link", name="north", exact=True).click()
    page.get_by_role("link", name="Look at it").click()
    expect(page.get_by_text("Look before it is loaded")).to_be_visible()
