"""The columns of a file that was chosen but not yet sent: listed from its first bytes."""

import gzip
import re
from html import unescape
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from datasets.browse import id_chooser as chooser_module
from datasets.browse.id_chooser import id_chooser, sheet_menu
from datasets.forms import UploadForm
from datasets.ingest.heading import read_heading
from datasets.ingest.profile import column_position
from datasets.ingest.sheets import Sheet
from datasets.ingest.workbook import _place_named
from datasets.models import Dataset
from datasets.tests.ingest.workbooks import xlsx
from datasets.tests.loading.queue import load_by_page
from datasets.tests.pages.markup import faults
from datasets.tests.pages.tables import cohort_csv

ADDRESS = "/datasets/new/columns/"
RAW = "application/octet-stream"


def text_of(answer: Any) -> str:
    assert answer.status_code == 200
    assert faults(answer.content.decode(), whole=False) == []
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", answer.content.decode())).split())


def options_of(answer: Any) -> list[str]:
    found = re.findall(r'<option value="([^"]*)"\s+data-position', answer.content.decode())
    return [unescape(value) for value in found]


def ask(client: Client, piece: bytes, how: str = "", **kwargs: Any) -> Any:
    return client.post(f"{ADDRESS}{how}", piece, content_type=RAW, **kwargs)


def test_the_columns_of_a_file_are_offered_and_the_likely_id_is_suggested(
    alice: Any, client_of: Any
) -> None:
    answer = ask(client_of(alice), b"visit;pid;age\n1;P1;30\n1;P2;31\n")

    text = text_of(answer)
    assert options_of(answer) == ["visit", "pid", "age"]
    assert re.search(r'value="pid"\s+data-position="2"\s+selected', answer.content.decode())
    assert "pid : named like an id, every value different in all 2 rows." in text
    assert "3 columns, separated by semicolons, UTF-8." in text
    assert not Dataset.objects.filter(user_id=alice.user.pk).exists()


def test_the_first_column_is_chosen_where_none_is_named_like_an_id(
    alice: Any, client_of: Any
) -> None:
    answer = ask(client_of(alice), b"age,sex\n30,f\n31,m\n")

    assert "No column looks like an id, so the first is taken" in text_of(answer)
    assert "Nor does age" not in text_of(answer)
    assert re.search(r'value="age"\s+data-position="1"\s+selected', answer.content.decode())


def test_a_first_column_that_repeats_is_said_to_be_no_id(alice: Any, client_of: Any) -> None:
    client = client_of(alice)

    ages = text_of(ask(client, b"age,sex\n30,f\n30,m\n30,f\n"))
    visits = text_of(ask(client, b"patient_id,visit\nP1,1\nP1,2\nP1,3\n"))

    assert "Nor does age : in all 3 rows most of its values repeat an earlier one." in ages
    assert "have its rows numbered" in ages
    assert "Chosen after a look at the file" in ages
    assert "No column looks like an id" not in visits
    assert "patient_id : named like an id" in visits


def test_nobody_else_is_answered(client: Client, db_ready: None) -> None:
    answer = ask(client, b"id,x\n1,2\n")

    assert answer.status_code == 302
    assert answer["Location"].startswith("/accounts/sign-in/")


def test_a_page_elsewhere_cannot_ask(alice: Any) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(alice.user)

    assert ask(client, b"id,x\n1,2\n").status_code == 403


def test_only_a_raw_body_is_taken(alice: Any, client_of: Any) -> None:
    client = client_of(alice)

    assert client.get(ADDRESS).status_code == 405
    assert client.post(ADDRESS, {"file": "id,x"}).status_code == 400


def test_a_piece_of_a_gzip_file_is_enough(alice: Any, client_of: Any) -> None:
    packed = gzip.compress(cohort_csv())

    answer = ask(client_of(alice), packed[: len(packed) // 2], "?cut=on")

    assert "35 columns, separated by commas, UTF-8, gzip." in text_of(answer)
    assert options_of(answer)[:2] == ["person", "age"]
    assert "named like an id, every value different in the first" in text_of(answer)


@pytest.mark.parametrize(
    ("piece", "hint"),
    [
        (b"\n1,2\n", "The first line is empty"),
        (b"PK\x03\x04" + b"x" * 99, "The workbook is damaged"),
        (b"\x1f\x8bdamaged", "The gzip file is damaged"),
        ("größe,b\n1,2\n".encode("cp850"), "The file is not UTF-8"),
        (b"a,b\n", "The file has a header but no rows."),
    ],
)
def test_what_cannot_be_read_gives_a_hint_and_leaves_the_field_to_type_in(
    alice: Any, client_of: Any, piece: bytes, hint: str
) -> None:
    answer = ask(client_of(alice), piece)

    assert hint in text_of(answer)
    assert '<input type="text" name="id_column"' in answer.content.decode()


def test_how_the_file_is_to_be_read_can_be_said(alice: Any, client_of: Any) -> None:
    piece = "größe|b\n1|2\n".encode("latin-1")

    answer = ask(client_of(alice), piece, "?delimiter=pipe&encoding=iso-8859-1")

    assert options_of(answer) == ["größe", "b"]
    assert "separated by pipes, ISO-8859-1." in text_of(answer)


def test_a_header_longer_than_the_piece_asks_for_more_once(
    alice: Any, client_of: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = client_of(alice)
    answer = ask(client, b"id,colu", "?cut=on")
    assert 'data-wanted="16777216"' in answer.content.decode()

    monkeypatch.setattr("datasets.uploads.LARGEST_PIECE", 7)
    monkeypatch.setattr("datasets.views.LARGEST_PIECE", 7)
    answer = ask(client, b"id,columns,more\n1,2,3\n", "?cut=on")
    assert "cannot be listed before all of it is sent" in text_of(answer)


def test_ten_thousand_columns_are_searched_by_typing(alice: Any, client_of: Any) -> None:
    labels = ["sample_id", *(f"taxon {n}" for n in range(2, 10_000)), "taxon 2"]
    piece = (",".join(labels) + "\n" + ",".join("1" * 10_000) + "\n").encode()

    answer = ask(client_of(alice), piece)

    assert "10,000 columns" in text_of(answer)
    assert '<input type="search"' in answer.content.decode()
    assert 'value="sample_id"' in answer.content.decode()
    options = options_of(answer)
    assert len(options) == 10_000
    assert (options[1], options[2], options[-1]) == ("#2", "taxon 3", "#10000")


def test_columns_beyond_those_listed_can_still_be_named(
    alice: Any, client_of: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chooser_module, "MOST_LISTED", 210)
    labels = [*(f"taxon {n}" for n in range(1, 250)), "pid"]
    piece = (",".join(labels) + "\n" + ",".join("1" * 250) + "\n").encode()

    answer = ask(client_of(alice), piece)

    assert options_of(answer)[-2:] == ["taxon 210", "pid"]
    assert "any other can be named in full" in text_of(answer)
    assert "data-incomplete" in answer.content.decode()


def test_the_columns_of_a_named_sheet_are_listed(alice: Any, client_of: Any) -> None:
    book = xlsx({"People": [["patient_id"], ["P1"]], "Lab": [["lab_no", "patient"], [1, "P1"]]})

    assert options_of(ask(client_of(alice), book, "?sheet=Lab")) == ["lab_no", "patient"]
    assert options_of(ask(client_of(alice), book, "?sheet=2")) == ["lab_no", "patient"]
    assert "Labs" in text_of(ask(client_of(alice), book, "?sheet=Labs"))


COVER = xlsx(
    {
        "Cover": [["Study of sleep"], [], ["Site", "North"]],
        "People": [["pid", "age"], ["P1", 30]],
        "<i>Lab</i>": [["lab_no"], [1]],
        "Old": [["x"], [1]],
    },
    hidden=["Old"],
)


def sheets_of(answer: Any) -> list[tuple[str, str, bool]]:
    """Return of the menu of sheets (value, text, whether it is chosen)."""
    menu = re.search(r'<select name="sheet".*?</select>', answer.content.decode(), re.DOTALL)
    found = re.findall(r'<option value="([^"]*)"( selected)?\s*>([^<]*)<', menu[0] if menu else "")
    return [(unescape(value), unescape(text).strip(), bool(on)) for value, on, text in found]


def test_the_sheets_of_a_workbook_are_a_menu(alice: Any, client_of: Any) -> None:
    client = client_of(alice)
    book = xlsx({"People": [["pid"], ["P1"]], "Lab & co": [["no"], [1]], "Empty": []})

    unnamed, named = ask(client, book), ask(client, book, "?sheet=Lab+%26+co")

    assert "The workbook has 3 sheets, of which one is loaded." in text_of(unnamed)
    assert sheets_of(unnamed) == [
        ("", "People, the first with cells", True),
        ("Lab & co", "Lab & co", False),
        ("Empty", "Empty", False),
    ]
    assert sheets_of(named) == [
        ("People", "People", False),
        ("Lab & co", "Lab & co", True),
        ("Empty", "Empty", False),
    ]
    assert "1 column . " not in text_of(named)
    assert "Should there be more? Choose another sheet." in text_of(named)


def test_the_sheets_are_offered_where_the_first_is_no_table(alice: Any, client_of: Any) -> None:
    client = client_of(alice)

    for how, chosen in (("", ""), ("?sheet=Cover", "Cover"), ("?sheet=Persons", "")):
        answer = ask(client, COVER, how)
        assert sheets_of(answer)[0] == ("", "Choose the sheet with the table", False)
        assert sheets_of(answer)[3] == ("<i>Lab</i>", "<i>Lab</i>", False)
        assert sheets_of(answer)[4] == ("Old", "Old, hidden", False)
        assert [value for value, _, on in sheets_of(answer) if on] == ([chosen] if chosen else [])
        assert "<i>" not in answer.content.decode()
        assert faults(answer.content.decode(), whole=False) == []
    assert "Choose another sheet: 'People', '<i>Lab</i>'. Or delete" in text_of(ask(client, COVER))


def test_a_cover_sheet_of_one_line_offers_the_others(alice: Any, client_of: Any) -> None:
    book = xlsx({"Cover": [["Study of sleep"]], "People": [["pid"], ["P1"]]})

    answer = ask(client_of(alice), book)

    assert "The file has a header but no rows." in text_of(answer)
    assert [value for value, _, _ in sheets_of(answer)] == ["", "Cover", "People"]


def test_a_workbook_of_one_sheet_and_one_of_very_many_have_no_menu(
    alice: Any, client_of: Any
) -> None:
    client = client_of(alice)
    many = xlsx({f"Sheet {n}": [["id"], [n]] for n in range(101)})

    assert sheets_of(ask(client, many)) == []
    assert sheets_of(ask(client, xlsx({"People": [["pid"], ["P1"]]}))) == []
    assert "Should there be more" not in text_of(ask(client, xlsx({"People": [["pid"], ["P1"]]})))


def test_whichever_sheet_is_chosen_comes_back_as_that_sheet() -> None:
    names = ["2", " 1 ", "a\nb", "n" * 300, "ß", "05"]
    sheets = [Sheet(number, name, is_hidden=False) for number, name in enumerate(names, 1)]

    for sheet, choice in zip(sheets, sheet_menu(sheets), strict=True):
        form = UploadForm({"sheet": choice.value})
        form.is_valid()
        assert names[_place_named(names, form.cleaned_data["sheet"])] == sheet.name
        assert choice.name


def test_a_workbook_is_listed_once_all_of_it_is_there(alice: Any, client_of: Any) -> None:
    client = client_of(alice)
    book = xlsx({"Cover": [], "Visits": [["site", "pid"], ["A", 7], ["A", 8]], "Old": [["x"], [1]]})

    answer = ask(client, book)
    assert "pid : named like an id, every value different in all 2 rows." in text_of(answer)
    assert "2 columns. An Excel workbook (.xlsx)" in text_of(answer)
    assert "sheet 'Visits'" in text_of(answer)

    assert "data-wanted" in ask(client, book[:2_000], "?cut=on").content.decode()

    sent = SimpleUploadedFile("north.xlsx", book)
    assert load_by_page(client, {"file": sent, "id_column": "pid"}).status_code == 302
    stored = Dataset.objects.get(user_id=alice.user.pk)
    assert (stored.title, stored.id_label, stored.row_count) == ("north", "pid", 2)


NASTY = [
    "<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "=cmd|' /C calc'!A0",
    "age", "age", "", "  ", " padded ", "two\nlines", "tab\there", "#4", "#04", "n" * 600,
    "\u202eright to left", "Größe", "{{ form }}", "😀",
]  # fmt: skip


def nasty_header() -> str:
    return ",".join('"' + label.replace('"', '""') + '"' for label in NASTY)


def test_a_hostile_header_is_shown_as_text(alice: Any, client_of: Any) -> None:
    row = ",".join("1" * len(NASTY))
    answer = ask(client_of(alice), f"{nasty_header()}\n{row}\n".encode())

    text = answer.content.decode()
    assert text_of(answer)
    assert "<script" not in text
    assert "<img" not in text
    assert unescape(text).count("=cmd|' /C calc'!A0") == 2


def test_whatever_is_chosen_comes_back_as_that_column() -> None:
    heading = read_heading(f"{nasty_header()}\n{'1,' * 16}1\n".encode(), cut=False)
    assert heading is not None
    assert list(heading.labels) == NASTY

    for choice in id_chooser(heading).choices:
        form = UploadForm({"id_column": choice.value})
        form.is_valid()
        named = form.cleaned_data["id_column"]
        assert column_position(NASTY, named) == choice.position
        assert choice.text
