"""The page that describes: without JavaScript, two people at once, the dictionary as a file."""

import csv
import io
import json
import re
from html import unescape
from typing import Any

import pytest
from django.test import Client

from accounts.tests.doors import sign_in
from conftest import People, Person
from datasets.models import Dataset, DatasetColumn
from datasets.tests.stored import Stored, run, store_dataset

WORDS = {
    "title": "Gut cohort",
    "description": "First line\r\nsecond",
    "origin": "PRJNA1",
    "keywords": 'gut, 16S, "a, b", gut',
    "licence": "CC-BY-4.0",
    "other_licence": "",
}


@pytest.fixture
def stored(alice: Person) -> Stored:
    return store_dataset(alice.user.pk)


@pytest.fixture
def client(alice: Person) -> Client:
    return sign_in(alice)


def page_of(client: Client, stored: Stored, query: str = "") -> str:
    return client.get(f"/datasets/{stored.id}/describe/{query}").content.decode()


def hidden(page: str, name: str, which: int = 0) -> str:
    """Return what a hidden field of the page holds, as a browser sends it."""
    tags = re.findall(rf'<input[^>]*name="{name}"[^>]*>', page)
    value = re.search(r'value="([^"]*)"', tags[which])
    return unescape(value[1]) if value else ""


def post(client: Client, stored: Stored, rest: str = "", **data: Any) -> Any:
    return client.post(f"/datasets/{stored.id}/describe/{rest}", data, follow=True)


def test_words_are_stored_and_shown_on_every_page_of_the_dataset(
    client: Client, stored: Stored
) -> None:
    answer = post(client, stored, **WORDS, seen=hidden(page_of(client, stored), "seen"))
    again = page_of(client, stored)
    rows = client.get(f"/datasets/{stored.id}/").content.decode()

    dataset = Dataset.objects.get(pk=stored.id)
    assert "The description is stored." in answer.content.decode()
    assert dataset.keywords == ["gut", "16S", "a, b"]
    assert (dataset.title, dataset.description) == ("Gut cohort", "First line\nsecond")
    assert dataset.licence == "CC-BY-4.0"
    assert 'value="gut, 16S, &quot;a, b&quot;"' in again
    for word in ("Gut cohort", "PRJNA1", "16S", "CC-BY-4.0"):
        assert word in rows


def test_another_licence_is_a_sentence(client: Client, stored: Stored) -> None:
    seen = hidden(page_of(client, stored), "seen")
    none = post(client, stored, **WORDS | {"licence": "other"}, seen=seen)
    assert "Write which licence it is." in none.content.decode()

    other = {"licence": "other", "other_licence": "Ask the committee"}
    post(client, stored, **WORDS | other, seen=seen)

    assert Dataset.objects.get(pk=stored.id).licence == "Ask the committee"
    assert 'value="Ask the committee"' in page_of(client, stored)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ({"title": ""}, "This field is required."),
        ({"title": "\u200b\u202e"}, "Give the dataset a title."),
        ({"title": "x" * 201}, "at most 200 characters"),
        ({"keywords": ",".join(f"k{n}" for n in range(51))}, "At most 50 keywords"),
        ({"keywords": "x" * 101}, "At most 50 keywords"),
        ({"licence": "WTFPL"}, "Select a valid choice"),
        ({"seen": "[]"}, "Open the page anew"),
    ],
)
def test_words_that_cannot_be_kept_are_refused_on_the_page(
    client: Client, stored: Stored, words: dict[str, str], sentence: str
) -> None:
    answer = post(client, stored, **{**WORDS, "seen": "{}", **words})

    assert answer.status_code == 422
    assert sentence in answer.content.decode()
    assert Dataset.objects.get(pk=stored.id).title == "A cohort"


def test_the_second_of_two_is_told_what_the_first_wrote_and_may_replace_it(
    client: Client, stored: Stored
) -> None:
    seen = hidden(page_of(client, stored), "seen")
    post(client, stored, **WORDS, seen=seen)

    second = post(client, stored, **WORDS | {"title": "Mine"}, seen=seen)
    page = second.content.decode()

    assert second.status_code == 409
    assert "Meanwhile somebody wrote “Gut cohort”" in unescape(page)
    assert 'value="Mine"' in page
    assert Dataset.objects.get(pk=stored.id).title == "Gut cohort"
    post(client, stored, **WORDS | {"title": "Mine"}, seen=hidden(page, "seen"))
    assert Dataset.objects.get(pk=stored.id).title == "Mine"


def test_columns_are_described_in_place_and_only_what_changed_is_stored(
    client: Client, stored: Stored
) -> None:
    page = page_of(client, stored)
    typed = {f"{name}-{n}": "" for n in range(1, 5) for name in ("description", "unit")}
    typed |= {"description-2": "At entry,\r\nin full", "unit-2": "a"}
    seen = hidden(page, "seen", 1)

    answer = post(client, stored, "columns/", **typed, seen=seen)
    others = typed | {"description-2": "", "unit-2": "", "unit-3": "m"}
    beside = post(client, stored, "columns/", **others, seen=seen)

    assert "1 column described anew." in answer.content.decode()
    assert beside.status_code == 200  # what the first wrote was not touched, so it stays
    columns = DatasetColumn.objects.filter(dataset=stored.id).order_by("position")
    assert [(c.description, c.unit) for c in columns] == [
        ("", ""), ("At entry,\nin full", "a"), ("", "m"), ("", ""),
    ]  # fmt: skip
    shown = client.get(f"/datasets/{stored.id}/columns/").content.decode()
    assert "At entry," in shown

    again = post(client, stored, "columns/", **others | {"unit-2": "months"}, seen=seen)
    page = again.content.decode()
    assert again.status_code == 409
    assert "described column" in page
    assert "Meanwhile somebody wrote “At entry,\nin full”" in unescape(page)
    assert 'value="months"' in page


def test_what_is_too_long_beside_a_column_is_said_there(client: Client, stored: Stored) -> None:
    seen = hidden(page_of(client, stored), "seen", 1)
    answer = post(
        client, stored, "columns/", seen=seen, **{"description-2": "x" * 2_001, "unit-2": ""}
    )

    assert answer.status_code == 422
    assert "At most 2,000 characters" in answer.content.decode()
    assert DatasetColumn.objects.get(dataset=stored.id, position=2).description == ""


def test_ten_thousand_columns_come_two_hundred_a_page_with_search(
    client: Client, stored: Stored
) -> None:
    run(
        'insert into "_fd".dataset_columns (dataset_id, position, label, name, part, data_type)'
        " select %s, n, 'taxon ' || n, 'c' || n, 1, 'float' from generate_series(5, 10000) n",
        [stored.id],
    )

    first = page_of(client, stored)
    found = page_of(client, stored, "?q=taxon+999")
    later = page_of(client, stored, "?after=9990")
    typed = {"q": "taxon 999", "after": "0", "description-9990": "x", "unit-9990": ""}
    saved = post(client, stored, "columns/", **typed, seen=hidden(found, "seen", 1))

    assert first.count('<textarea name="description-') == 200
    assert len(first) < 500_000
    assert found.count('<textarea name="description-') == 11
    assert later.count('<textarea name="description-') == 10
    assert saved.redirect_chain[-1][0].endswith("?q=taxon+999#columns-title")
    assert DatasetColumn.objects.get(dataset=stored.id, position=9990).description == "x"


def test_dictionary_has_cells_made_harmless_where_the_switch_says_so(
    client: Client, stored: Stored
) -> None:
    columns = DatasetColumn.objects.filter(dataset=stored.id)
    columns.filter(position=2).update(label="=1+1", description="@SUM(A1)", minimum="-5", unit="")
    columns.filter(position=4).update(minimum="+cmd", maximum=" =cmd", unit="-")
    url = f"/datasets/{stored.id}/dictionary.csv"

    assert 'name="harmless"' in page_of(client, stored)
    safe, plain = (client.get(url + rest).getvalue().decode() for rest in ("?harmless=on", ""))

    for text in ("=1+1", "@SUM(A1)", "+cmd", " =cmd", "-"):
        assert f",'{text}," in safe
        assert f",{text}," in plain
    assert ",-5," in safe  # a number is none
    assert "'" not in plain


def test_dictionary_that_was_downloaded_can_be_filled_in_and_pasted_back(
    client: Client, stored: Stored
) -> None:
    got = client.get(f"/datasets/{stored.id}/dictionary.csv")
    rows = list(csv.reader(io.StringIO(got.getvalue().decode())))
    place = rows[0].index("description")
    for row in rows[2:]:
        row[place] = f"About {row[1]}"
    out = io.StringIO()
    csv.writer(out).writerows(rows)

    answer = post(
        client, stored, "dictionary/", dictionary=out.getvalue(),
        described=hidden(page_of(client, stored), "described"),
    )  # fmt: skip

    assert "3 columns in the dictionary, 3 described anew." in answer.content.decode()
    told = json.loads(client.get(f"/datasets/{stored.id}/dictionary.json").getvalue())
    assert [entry["description"] for entry in told] == [
        "", "About Age", "About Height (m)", "About Notes",
    ]  # fmt: skip


def test_pasted_dictionary_overwrites_nothing_that_was_described_meanwhile(
    client: Client, stored: Stored
) -> None:
    described = hidden(page_of(client, stored), "described")
    post(client, stored, "dictionary/", dictionary="Age,first,a", described=described)

    second = post(client, stored, "dictionary/", dictionary="Age,second,a", described=described)
    wrong = post(client, stored, "dictionary/", dictionary="Nobody,x", described=described)

    assert second.status_code == 409
    assert "described this meanwhile" in second.content.decode()
    assert wrong.status_code == 400
    assert DatasetColumn.objects.get(dataset=stored.id, position=2).description == "first"
    now = hidden(second.content.decode(), "described")
    post(client, stored, "dictionary/", dictionary="Age,second,a", described=now)
    assert DatasetColumn.objects.get(dataset=stored.id, position=2).description == "second"


def test_dictionary_tells_types_and_statistics_and_no_id(client: Client, stored: Stored) -> None:
    run(
        "update \"_fd\".dataset_columns set minimum = 'raw id', maximum = 'raw id', missing = 0,"
        " distinct_count = 3 where dataset_id = %s and position = 1",
        [stored.id],
    )
    run(
        "update \"_fd\".dataset_columns set minimum = '30', maximum = '32', mean = 31, missing = 0,"
        " distinct_count = 3 where dataset_id = %s and position = 2",
        [stored.id],
    )

    text = client.get(f"/datasets/{stored.id}/dictionary.json").getvalue().decode()
    identifier, age, *_ = json.loads(text)

    assert "raw id" not in text
    assert (identifier["label"], identifier["type"]) == ("patient_hash", "pseudonym")
    assert (identifier["minimum"], identifier["distinct"]) == (None, 3)
    assert (age["minimum"], age["maximum"], age["mean"]) == ("30", "32", 31.0)
    assert age["outdated"] is False


def test_others_see_and_change_nothing(people: People) -> None:
    theirs = store_dataset(people.alice.user.pk)
    words = {**WORDS, "seen": "{}", "dictionary": "Age,x", "description-2": "x", "unit-2": ""}

    for person in (people.bob, people.carol):
        client = sign_in(person)
        for rest in ("describe/", "dictionary.csv", "dictionary.json"):
            assert client.get(f"/datasets/{theirs.id}/{rest}").status_code == 404
        for rest in ("", "columns/", "dictionary/"):
            answer = client.post(f"/datasets/{theirs.id}/describe/{rest}", words)
            assert answer.status_code == 404
            assert b"cohort" not in answer.content
    assert Client().post(f"/datasets/{theirs.id}/describe/", words).status_code == 302
    assert Dataset.objects.get(pk=theirs.id).title == "A cohort"


def test_what_is_written_is_shown_as_text(client: Client, stored: Stored) -> None:
    nasty = "<script>alert(1)</script>"
    words = WORDS | {"title": nasty, "keywords": nasty, "origin": nasty, "description": nasty}
    post(client, stored, **words, seen=hidden(page_of(client, stored), "seen"))
    described = hidden(page_of(client, stored), "described")
    post(client, stored, "dictionary/", dictionary=f"Age,{nasty},{nasty}", described=described)

    for rest in ("", "columns/", "describe/", "export/", "delete/"):
        page = client.get(f"/datasets/{stored.id}/{rest}").content.decode()
        assert nasty not in page
