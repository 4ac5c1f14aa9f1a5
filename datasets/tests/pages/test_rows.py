"""Rows of a dataset: pages both ways, chosen columns, a jump to a column, values as stored."""

import re
from html.parser import HTMLParser
from typing import Any

import pytest

from datasets.tests.pages.tables import LONG, Loaded, load_table


class Table(HTMLParser):
    """The first table of a page, as text: a list of rows of cells."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.inside = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
            self.inside = True
        self.handle_data(" ")

    def handle_endtag(self, tag: str) -> None:
        self.handle_data(" ")
        if tag in ("td", "th"):
            self.inside = False

    def handle_data(self, data: str) -> None:
        if self.inside:
            self.rows[-1][-1] += data


def table_of(answer: Any) -> list[list[str]]:
    assert answer.status_code == 200
    return [[" ".join(cell.split()) for cell in row] for row in Table(text_of(answer)).rows]


def text_of(answer: Any) -> str:
    return str(answer.content.decode())


def numbers(answer: Any) -> list[int]:
    return [int(row[0]) for row in table_of(answer)[1:]]


def link(answer: Any, name: str) -> str:
    """Return the address of a pager's link by its id, empty where it leads nowhere."""
    tag = re.search(rf'<a[^>]*id="{name}"[^>]*>', text_of(answer))
    assert tag
    address = re.search(r'href="([^"]*)"', tag[0])
    return address[1].replace("&amp;", "&") if address else ""


def test_rows_come_fifty_at_a_time_and_lead_both_ways(cohort: Loaded, client_of: Any) -> None:
    client = client_of(cohort.owner)
    first = client.get(cohort.at())
    assert numbers(first) == list(range(1, 51))
    assert link(first, "rows-previous") == ""

    second = client.get(cohort.at(link(first, "rows-next")))
    assert numbers(second) == list(range(51, 101))

    last = client.get(cohort.at(link(second, "rows-next")))
    assert numbers(last) == list(range(101, 121))
    assert link(last, "rows-next") == ""
    assert link(last, "rows-last") == ""

    assert numbers(client.get(cohort.at(link(last, "rows-previous")))) == list(range(51, 101))
    assert numbers(client.get(cohort.at(link(first, "rows-last")))) == list(range(71, 121))
    assert numbers(client.get(cohort.at(link(last, "rows-first")))) == list(range(1, 51))


def test_values_are_shown_as_stored_and_what_is_missing_is_said(
    cohort: Loaded, client_of: Any
) -> None:
    rows = table_of(client_of(cohort.owner).get(cohort.at()))

    assert rows[0][:4] == ["Row", "person pseudonym", *rows[0][2:4]]
    assert rows[0][2].startswith("age integer")
    # row, pseudonym, age, weight, enrolled, seen at, smoker
    assert rows[3][2:7] == ["23", "50.375", "2024-01-04", "2024-01-04 08:30:00", "true"]
    assert rows[10][2] == "missing"
    assert re.fullmatch(r"[0-9a-f]{10}…", rows[1][1])


def test_no_raw_id_is_on_any_page(cohort: Loaded, client_of: Any) -> None:
    client = client_of(cohort.owner)
    for rest in ("", "columns/", "receipt/", "choose/", "columns/names/?jump=person"):
        assert "P-00" not in text_of(client.get(cohort.at(rest)))


def test_values_cannot_become_markup(cohort: Loaded, client_of: Any) -> None:
    text = text_of(client_of(cohort.owner).get(cohort.at()))

    assert "<b>bold</b>" not in text
    assert "&lt;b&gt;bold&lt;/b&gt; &amp; more" in text


def test_a_name_however_long_is_whole_in_the_page(cohort: Loaded, client_of: Any) -> None:
    text = text_of(client_of(cohort.owner).get(cohort.at()))

    assert f'title="{LONG}"' in text


def test_the_address_says_which_columns_are_on_show_and_in_which_order(
    cohort: Loaded, client_of: Any
) -> None:
    head = table_of(client_of(cohort.owner).get(cohort.at("?columns=30,3,2")))[0]

    assert [cell.split(" Column")[0] for cell in head[2:]] == [
        "taxon 21 integer",
        "weight float",
        "age integer",
    ]


def test_columns_that_conditions_name_stay_on_show(cohort: Loaded, client_of: Any) -> None:
    client = client_of(cohort.owner)
    page = client.get(cohort.at("?columns=4-13&where=2.ge.0"))
    assert [cell.split()[0] for cell in table_of(page)[0][2:4]] == ["age", "enrolled"]
    assert len(table_of(page)[0]) == 2 + 1 + 10
    later = client.get(cohort.at(link(page, "columns-later")))
    assert table_of(later)[0][2].startswith("age")
    assert "columns=14-" in link(page, "columns-later")


def test_columns_change_and_the_place_among_the_rows_stays(cohort: Loaded, client_of: Any) -> None:
    client = client_of(cohort.owner)
    page = client.get(cohort.at("?columns=2-13&after=50"))

    later = client.get(cohort.at(link(page, "columns-later")))

    assert numbers(later) == list(range(51, 101))
    assert table_of(later)[0][2].startswith("taxon 05")
    assert link(page, "columns-earlier") == ""
    back = client.get(cohort.at(link(later, "columns-earlier")))
    assert table_of(back)[0][2].startswith("age")


def test_a_choice_that_is_none_is_said_and_the_rows_are_shown_all_the_same(
    cohort: Loaded, client_of: Any
) -> None:
    answer = client_of(cohort.owner).get(cohort.at("?columns=age&after=x"))

    assert "Columns are chosen by number" in text_of(answer)
    assert numbers(answer)[0] == 1


@pytest.mark.parametrize("place", ["after=120", "after=4611686018427387904", "before=1"])
def test_past_the_ends_there_is_a_way_back(cohort: Loaded, client_of: Any, place: str) -> None:
    answer = client_of(cohort.owner).get(cohort.at(f"?{place}"))

    assert answer.status_code == 200
    assert "No rows here" in text_of(answer)
    assert "To the first row" in text_of(answer)


@pytest.mark.parametrize("place", ["after=-3", "after=9" * 4, "before=x", "after=1&before=y"])
def test_a_place_that_is_none_is_passed_over(cohort: Loaded, client_of: Any, place: str) -> None:
    assert client_of(cohort.owner).get(cohort.at(f"?{place}")).status_code == 200


@pytest.mark.parametrize(
    ("sought", "first"),
    [("TAXON 20", 29), ("taxon", 9), ("30", 30), ("K-12", 8)],
)
def test_a_jump_goes_to_a_column_by_name_or_number(
    cohort: Loaded, client_of: Any, sought: str, first: int
) -> None:
    answer = client_of(cohort.owner).get(cohort.at(), {"jump": sought, "after": 50})

    assert answer.status_code == 302
    assert f"columns={first}-" in answer["Location"]
    assert "after=50" in answer["Location"]


@pytest.mark.parametrize(
    ("sought", "said"),
    [
        ("no such", "No column has this in its name."),
        ("PERSON", "Only the id has this in its name: its pseudonyms head every row."),
    ],
)
def test_a_jump_that_leads_nowhere_stays_where_it_is(
    cohort: Loaded, client_of: Any, sought: str, said: str
) -> None:
    client = client_of(cohort.owner)
    page = client.get(cohort.at("?columns=20-22,8&after=50")).content.decode()
    # what the form sends along
    sent = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', page))

    answer = client.get(cohort.at(), sent | {"jump": sought})

    assert said in text_of(answer)
    assert numbers(answer)[0] == 51
    assert 'name="columns" value="20-22,8"' in answer.content.decode()
    assert f'value="{sought}"' in answer.content.decode()
    assert 'aria-describedby="jump-error"' in answer.content.decode()


def test_a_name_that_is_a_number_is_jumped_to_before_a_position(alice: Any, client_of: Any) -> None:
    table = load_table(alice, b"id,a,4,b\n1,x,y,z\n")

    answer = client_of(alice).get(table.at(), {"jump": "4"})

    assert "columns=3-4" in answer["Location"]


def test_names_are_suggested_while_one_is_typed(cohort: Loaded, client_of: Any) -> None:
    client = client_of(cohort.owner)

    assert 'value="taxon 20"' in text_of(client.get(cohort.at("columns/names/?jump=on+20")))
    assert "<option" not in text_of(client.get(cohort.at("columns/names/?jump=t")))


def test_a_dataset_across_many_parts_is_one_table(alice: Any, client_of: Any) -> None:
    header = ",".join(["id", *(f"c{n}" for n in range(2, 1002))])
    rows = [",".join([f"i{r}", *(f"text {r * n}" for n in range(2, 1002))]) for r in (1, 2)]
    wide = load_table(alice, "\n".join([header, *rows, ""]).encode())
    assert len(wide.receipt.tables) > 2

    answer = client_of(alice).get(wide.at("?columns=1001,2,500"))

    assert [row[2:] for row in table_of(answer)[1:]] == [
        ["text 1001", "text 2", "text 500"],
        ["text 2002", "text 4", "text 1000"],
    ]
    assert f"{len(wide.receipt.tables)} parts" in text_of(answer)


def test_a_table_of_ids_alone_has_a_page(alice: Any, client_of: Any) -> None:
    ids = load_table(alice, b"id\na\nb\n")

    answer = client_of(alice).get(ids.at())

    assert numbers(answer) == [1, 2]
    assert "0 of 0 columns" in text_of(answer)


def test_a_page_does_not_carry_megabytes_of_one_cell(alice: Any, client_of: Any) -> None:
    huge = load_table(alice, b"id,note\nP1," + b"x" * 3_000_000 + b"\n")
    answer = client_of(alice).get(huge.at())

    assert len(answer.content) < 100_000
    assert "… (2,999,700 more)" in text_of(answer)
