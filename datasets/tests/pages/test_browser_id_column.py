"""Choosing the id column of a file in Chromium, before anything of it is stored."""

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from datasets.models import Dataset
from datasets.tests.ingest.workbooks import Sheet, xlsx

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("worker")]


def test_the_id_column_is_chosen_among_the_columns_of_the_file(
    alice: Any, open_page: Any, tmp_path: Path
) -> None:
    people = tmp_path / "people.csv"
    people.write_text("age,pid,site\n30,P1,A\n31,P2,A\n")
    visits = tmp_path / "visits.csv"
    visits.write_text("visit;site;sample_id\n1;A;S1\n2;A;S2\n")
    names = tmp_path / "names.csv"
    names.write_text('"<b>x</b>",pid\nP1,1\nP2,2\n')
    wide = tmp_path / "wide.csv"
    wide.write_text(",".join(f"taxon {n}" for n in range(300)) + "\n" + "1," * 299 + "1\n")
    broken = tmp_path / "broken.csv"
    broken.write_bytes(b"%PDF-1.7 this is no table")

    page = open_page(alice)
    page.goto("/datasets/new/")
    page.get_by_text("Load it without a look").click()
    page.get_by_label("Load at once, without a look").check()
    choose = page.locator("input[type=file]").set_input_files
    field = page.get_by_label("Id column")
    found = page.locator(".found")

    # what is suggested follows the file
    choose(people)
    expect(found).to_contain_text("named like an id, every value different in all 2 rows")
    expect(field).to_have_value("pid")
    choose(visits)
    expect(found).to_contain_text("separated by semicolons")
    expect(field).to_have_value("sample_id")

    # what a person chose stays while the file has it
    field.select_option("site")
    choose(people)
    expect(found).to_contain_text("separated by commas")
    expect(field).to_have_value("site")
    choose(names)
    expect(found).to_contain_text("2 columns")
    expect(field).to_have_value("pid")
    expect(field.locator("option").first).to_contain_text("<b>x</b>")

    # how the file is to be read changes what is found
    page.get_by_label("Delimiter").select_option("tab")
    expect(found).to_contain_text("1 column, UTF-8")
    page.get_by_label("Delimiter").select_option("")
    expect(found).to_contain_text("2 columns")

    # among many columns one searches; what cannot be read leaves the field to type in
    choose(wide)
    expect(page.locator("#id_id_column_names option")).to_have_count(300)
    expect(field).to_have_value("taxon 0")
    field.fill("taxon 7")
    choose(broken)
    expect(found).to_contain_text("a PDF document")
    expect(field).to_have_value("taxon 7")
    choose([])
    expect(found).to_have_count(0)

    # the choice is what is stored
    choose(people)
    expect(field).to_have_value("pid")
    page.get_by_role("button", name="Upload", exact=True).click()
    expect(page.get_by_role("heading", name="All 2 rows stored")).to_be_visible()
    assert Dataset.objects.get(user_id=alice.user.pk).id_label == "pid"


def test_the_sheet_of_a_workbook_is_chosen_among_its_sheets(
    alice: Any, open_page: Any, tmp_path: Path
) -> None:
    book = tmp_path / "study.xlsx"
    cover: Sheet = [["Study of sleep"], [], ["Site", "North"]]
    people: Sheet = [["age", "pid"], [30, "P1"], [31, "P2"]]
    book.write_bytes(xlsx({"Cover": cover, "People": people, "Lab": [["no", "v"], [1, 2]]}))
    text = tmp_path / "text.csv"
    text.write_text("age,pid\n30,P1\n")

    page = open_page(alice)
    page.goto("/datasets/new/")
    page.get_by_text("Load it without a look").click()
    page.get_by_label("Load at once, without a look").check()
    choose = page.locator("input[type=file]").set_input_files
    field, found = page.get_by_label("Id column"), page.locator(".found")
    sheet = page.get_by_role("combobox", name="Sheet", exact=True)

    # the first sheet is no table: the others are offered at once
    choose(book)
    expect(found).to_contain_text("it is a title, not the column names")
    expect(sheet.locator("option")).to_have_count(4)
    expect(page.locator("input[name=sheet]")).to_be_disabled()

    # another sheet has other columns, and the keyboard stays where it is
    sheet.focus()
    sheet.select_option("Lab")
    expect(field).to_have_value("no")
    expect(sheet).to_be_focused()
    sheet.select_option("People")
    expect(field).to_have_value("pid")
    expect(sheet).to_have_value("People")

    # another file has none of these
    choose(text)
    expect(found).to_contain_text("separated by commas")
    expect(sheet).to_have_count(0)
    expect(page.locator("input[name=sheet]")).to_be_enabled()

    # what is refused comes back with the sheet that was chosen
    choose(book)
    expect(sheet).to_have_value("")
    sheet.select_option("People")
    expect(field).to_have_value("pid")
    page.get_by_label("Column types").fill("nothing=text")
    page.get_by_role("button", name="Upload", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("There is no column 'nothing'")
    page.get_by_role("link", name="Change and try again").click()
    expect(page.get_by_text("What was said about columns was dropped.")).to_be_visible()
    expect(page.get_by_role("combobox", name="Sheet", exact=True)).to_have_value("People")
    page.get_by_role("button", name="Load it").click()
    expect(page.get_by_role("heading", name="All 2 rows stored")).to_be_visible()
    assert Dataset.objects.get(user_id=alice.user.pk).id_label == "pid"
