"""The upload page: a table in, a receipt out; what was typed stays when it is refused."""

import gzip
import re
from html import unescape
from typing import Any
from uuid import uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from accounts.models import SupabaseSession
from datasets.models import Dataset, Submission
from datasets.tests.ingest.workbooks import xlsx
from datasets.tests.loading.queue import drain, form_to_mend, load_by_page
from datasets.tests.pages.tables import cohort_csv

NEW = "/datasets/new/"


def sent(content: bytes | None = None, name: str = "north cohort.csv", **fields: str) -> Any:
    """Return a filled form."""
    file = SimpleUploadedFile(name, cohort_csv() if content is None else content)
    return {"submission": str(uuid4()), **fields, "file": file}


def text_of(answer: Any) -> str:
    content = answer.content.decode().replace("<bdi>", "").replace("</bdi>", "")
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", content)).split())


def datasets_of(person: Any) -> list[Dataset]:
    return list(Dataset.objects.filter(user_id=person.user.pk))


def test_a_table_goes_in_and_leads_to_its_receipt(alice: Any, client_of: Any) -> None:
    client = client_of(alice)
    answer = load_by_page(
        client, sent(id_column="person", origin="Registry", description="All of it")
    )

    (dataset,) = datasets_of(alice)
    assert answer.status_code == 302
    assert answer["Location"] == f"/datasets/{dataset.id}/receipt/"
    assert (dataset.title, dataset.origin) == ("north cohort", "Registry")
    assert (dataset.row_count, dataset.state) == (120, "ready")
    receipt = text_of(client.get(answer["Location"]))
    assert "All 120 rows stored" in receipt
    assert str(dataset.file_digest) in receipt
    assert str(dataset.digest) in receipt
    assert "north cohort.csv" in receipt


def test_htmx_is_led_to_the_receipt_too(alice: Any, client_of: Any) -> None:
    answer = load_by_page(client_of(alice), sent(), headers={"HX-Request": "true"})

    (dataset,) = datasets_of(alice)
    assert answer["HX-Redirect"] == f"/datasets/{dataset.id}/receipt/"


def test_a_form_sent_twice_is_one_dataset(alice: Any, client_of: Any) -> None:
    client, form = client_of(alice), sent()

    first = load_by_page(client, form)
    form["file"].seek(0)
    again = load_by_page(client, form)

    assert first["Location"] == again["Location"]
    assert len(datasets_of(alice)) == 1


def test_every_form_shown_is_a_submission_of_its_own(alice: Any, client_of: Any) -> None:
    client = client_of(alice)
    shown = {
        re.search(r'name="submission" value="([^"]+)"', client.get(NEW).content.decode())[1]  # type: ignore[index]
        for _ in range(2)
    }

    assert len(shown) == 2


@pytest.mark.parametrize(
    ("fields", "content", "said"),
    [
        ({"id_column": "patient"}, None, "patient"),
        ({"types": "age:integer"}, None, "Line 1: write column=type"),
        ({"types": "weight=number"}, None, "Line 1: write column=type"),
        ({"types": "nothing=text"}, None, "nothing"),
        ({}, b"a,b\n1\n2,3\n", "See “Leave out rows of the wrong width” below."),
        (
            {},
            b"a,b\n1\n2,3\n",
            "row 1 (where row 1 is the first after the header) has 1 field. Mend",
        ),
        ({}, b"", "The file is empty"),
        ({"title": "x" * 201}, None, "at most 200 characters"),
        ({"delimiter": "semi"}, None, "not one of the available choices"),
        ({"missing": '"'}, b"a,b\n", "no rows"),
    ],
)
def test_what_was_typed_stays_when_a_table_is_refused(
    alice: Any, client_of: Any, fields: dict[str, str], content: bytes | None, said: str
) -> None:
    form = sent(content, origin="Registry <of> the north", **fields)
    answer = form_to_mend(client_of(alice), form)

    assert said in text_of(answer)
    assert 'value="Registry &lt;of&gt; the north"' in answer.content.decode()
    assert datasets_of(alice) == []


NAMELESS = b'"",pidnum,age\n1,10056,48\n2,10059,61\n'


def test_nothing_is_stored_before_a_likelier_id_than_the_first_column_was_taken_or_not(
    alice: Any, client_of: Any
) -> None:
    client = client_of(alice)
    form = sent(NAMELESS, origin="Trial")

    answer = form_to_mend(client, form)

    assert "column 2, 'pidnum', looks more like one than the first, which has no name." in text_of(
        answer
    )
    assert "“Id column” below now says it" in text_of(answer)
    assert re.search(r'<option value="pidnum"\s+selected', answer.content.decode())
    assert 'value="Trial"' in answer.content.decode()
    assert datasets_of(alice) == []

    held = Submission.objects.get(owner=alice.user).pk
    header = re.findall(r'name="header" value="(\w+)"', answer.content.decode())
    said = {"title": "t", "id_column": "pidnum", "header": header, "do": "load"}
    client.post(f"/loads/{held}/preview/", said)
    drain()
    (dataset,) = datasets_of(alice)
    assert dataset.id_label == "pidnum"


def test_the_first_column_is_the_id_where_it_is_named(alice: Any, client_of: Any) -> None:
    client = client_of(alice)

    receipt = client.get(load_by_page(client, sent(NAMELESS, id_column="#1"))["Location"])

    assert datasets_of(alice)[0].id_label == ""
    assert "pidnum looks like an identifier and is stored as it is" in text_of(receipt)


def test_a_name_that_no_form_sends_back_is_suggested_by_its_place(
    alice: Any, client_of: Any
) -> None:
    answer = form_to_mend(client_of(alice), sent(b"visit,  pid \nA,P1\nA,P2\n"))

    assert re.search(r'<option value="#2"\s+selected', answer.content.decode())


@pytest.mark.parametrize(
    ("content", "typed", "field"),
    [
        (b"a,b\n1\n2,3\n", {}, "skip_bad_rows"),
        (b"a,b\n1,2\n", {"types": "b=date"}, "columns-title"),
        (b"a,b\n1,2\n", {"types": "c=date"}, "columns-title"),
        (b"a,b\n1,2\n", {"types": "a=text"}, "columns-title"),
        (b"a,b\n1,2\n", {"id_column": "c"}, "id_column"),
        (b"%PDF-1.7 no table", {}, ""),
    ],
)
def test_the_field_that_would_mend_a_file_is_named(
    alice: Any, client_of: Any, content: bytes, typed: dict[str, str], field: str
) -> None:
    page = form_to_mend(client_of(alice), sent(content, **typed)).content.decode()

    assert re.findall(r'href="#(?:id_)?([\w-]+)"', page)[1:] == ([field] if field else [])


def test_errors_are_linked_to_their_fields(alice: Any, client_of: Any) -> None:
    page = load_by_page(client_of(alice), {"types": "x"}).content.decode()

    assert 'href="#id_file"' in page
    control = re.search(r'<textarea name="types"[^>]*>', page)
    assert control
    assert 'aria-describedby="id_types_helptext id_types_error"' in control[0]
    assert 'aria-invalid="true"' in control[0]
    assert 'id="id_types_error"' in page
    assert re.search(r'<details class="more"\s+open', page)


def test_a_refused_form_comes_back_to_htmx_as_a_fragment(alice: Any, client_of: Any) -> None:
    answer = load_by_page(client_of(alice), {"title": "t"}, headers={"HX-Request": "true"})

    assert answer.status_code == 422
    assert answer.content.decode().lstrip().startswith('<form method="post"')
    assert "hx-preserve" in answer.content.decode()


def test_a_file_over_the_limit_is_dropped_with_a_plain_word(
    alice: Any, client_of: Any, settings: Any
) -> None:
    settings.FAIRDB_MAX_UPLOAD_BYTES = 100_000
    answer = load_by_page(client_of(alice), sent(b"a,b\n" + b"1,2\n" * 50_000, origin="Registry"))

    assert answer.status_code == 422
    assert "larger than 97.7 KiB, the most that is taken" in text_of(answer)
    assert 'value="Registry"' in answer.content.decode()
    assert datasets_of(alice) == []


def test_a_file_at_the_limit_is_taken(alice: Any, client_of: Any, settings: Any) -> None:
    settings.FAIRDB_MAX_UPLOAD_BYTES = len(cohort_csv())

    assert load_by_page(client_of(alice), sent()).status_code == 302


def test_how_the_file_is_read_can_be_said(alice: Any, client_of: Any) -> None:
    content = "id;größe;code\n1;NA;7\n2;1,5;8\n3;-;9;9\n4;2;10\n".encode("cp1252")
    form = sent(
        gzip.compress(content),
        "klein.csv.gz",
        delimiter="semicolon",
        encoding="cp1252",
        missing="NA, -",
        types="code=text",
        skip_bad_rows="on",
    )
    client = client_of(alice)

    receipt = client.get(load_by_page(client, form)["Location"])

    assert "3 rows stored, 1 row left out" in text_of(receipt)
    (dataset,) = datasets_of(alice)
    assert dataset.title == "klein"
    columns = {c.label: (c.data_type, c.missing) for c in dataset.columns.all()}
    assert columns["größe"] == ("text", 1)
    assert columns["code"] == ("text", 0)


def test_a_receipt_says_what_a_file_was_taken_for(alice: Any, client_of: Any) -> None:
    client = client_of(alice)

    receipt = client.get(
        load_by_page(client, sent("id;name\n1;José\n".encode("cp1252")))["Location"]
    )

    assert "Windows-1252" in text_of(receipt)
    assert "Semicolon" in text_of(receipt)
    assert str(alice.rpc("list_datasets")[0]["title"]) in text_of(receipt)


def test_the_sheet_of_a_workbook_can_be_named(alice: Any, client_of: Any) -> None:
    book = xlsx({"Codes": [["code"], [1]], "People": [["id", "age"], ["P1", 31], ["P2", 44]]})
    client = client_of(alice)

    receipt = client.get(load_by_page(client, sent(book, "study.xlsx", sheet="People"))["Location"])
    refused = load_by_page(client, sent(book, "study.xlsx", sheet="Persons"))

    assert "All 2 rows stored" in text_of(receipt)
    assert "Persons" in text_of(refused)


def worth_a_look(client: Client, form: Any) -> str:
    """Return that part of a receipt; empty where there is none."""
    text = text_of(client.get(load_by_page(client, form)["Location"]))
    return text.partition("Worth a look")[2].partition("Fingerprints")[0]


def test_a_receipt_says_when_a_sheet_was_taken_that_nobody_named(
    alice: Any, client_of: Any
) -> None:
    client = client_of(alice)
    book = xlsx({"Codes": [["code", "v"], [1, 2]], "People": [["id"], ["P1"]], "Old": [["x"]]},
                hidden=["Old"])  # fmt: skip

    said = worth_a_look(client, sent(book, "study.xlsx"))
    assert "Only the sheet 'Codes' was read, the first with cells. Not read: 'People'." in said
    assert "'Old'" not in said
    assert worth_a_look(client, sent(book, "study.xlsx", sheet="Codes")) == ""


def test_a_receipt_says_when_nothing_but_the_id_is_stored(alice: Any, client_of: Any) -> None:
    client = client_of(alice)

    text = worth_a_look(client, sent(b"id~age\nP1~3\n"))
    sheet = worth_a_look(client, sent(xlsx({"People": [["id"], ["P1"]]}), "study.xlsx"))

    assert "The id column is the only column" in text
    assert "was another delimiter to be named?" in text
    assert "Was this the right sheet?" in sheet


def test_a_refused_sheet_leads_to_its_field(alice: Any, client_of: Any) -> None:
    book = xlsx({"Cover": [["Study"], [], ["Site", "North"]], "People": [["id"], ["P1"]]})

    answer = form_to_mend(client_of(alice), sent(book, "study.xlsx"))

    assert "not the column names. Choose another sheet: 'People'. Or delete the" in text_of(answer)
    assert "See “Sheet” below." in text_of(answer)
    assert re.search(r'<select name="sheet"', answer.content.decode())


def test_a_receipt_says_what_is_worth_a_look(alice: Any, client_of: Any) -> None:
    content = b"id,dose\n1,5\n1,NA\n,7\n" + b"".join(b"%d,3\n" % n for n in range(2, 60))
    client = client_of(alice)

    receipt = text_of(client.get(load_by_page(client, sent(content))["Location"]))

    assert "Worth a look" in receipt
    assert "1 row had an empty id" in receipt
    assert "1 row repeats an id" in receipt
    assert "dose: integer but for 1 x NA" in receipt


def test_a_receipt_of_one_row_speaks_of_one(alice: Any, client_of: Any) -> None:
    client = client_of(alice)

    receipt = text_of(client.get(load_by_page(client, sent(b"id,age\nP1,30\n"))["Location"]))

    assert " 1 row stored" in receipt
    assert "All 1 row" not in receipt


def test_typed_fields_survive_an_expired_session(alice: Any, client_of: Any) -> None:
    client: Client = client_of(alice)
    SupabaseSession.objects.filter(user=alice.user).delete()
    headers = {"HX-Request": "true", "HX-Current-URL": f"http://testserver{NEW}"}

    away = load_by_page(client, sent(title="Typed with care", missing="NA"), headers=headers)
    assert away["HX-Redirect"].startswith("/accounts/sign-in/")
    assert datasets_of(alice) == []

    back = client.post(
        away["HX-Redirect"], {"email": alice.email, "password": alice.password}, follow=True
    )
    assert back.request["PATH_INFO"] == NEW
    assert 'value="Typed with care"' in back.content.decode()
    assert "What you typed is here again" in text_of(back)


def test_a_title_is_taken_from_the_file_where_none_is_typed(alice: Any, client_of: Any) -> None:
    client = client_of(alice)
    for name in ("lab_values.tsv.gz", ".csv"):
        content = b"id\tx\n1\t2\n"
        load_by_page(client, sent(gzip.compress(content) if name.endswith("gz") else content, name))

    assert {dataset.title for dataset in datasets_of(alice)} == {"lab values", "Untitled"}
