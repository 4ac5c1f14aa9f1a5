"""The page on which a file is looked at before it is loaded, without a script."""

import re
from html import unescape
from typing import Any
from uuid import uuid4

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile

from datasets.ingest.pseudonyms import owner_key, pseudonymize
from datasets.loading.asked import Asked
from datasets.loading.submissions import submission_cancel
from datasets.models import Dataset, DatasetColumn, Submission
from datasets.tests.ingest.workbooks import xlsx
from datasets.tests.loading.queue import drafted, drain, load_by_page, now
from datasets.tests.pages.markup import faults

PEOPLE = (
    b"visit,pid,surname,email,age,wt\n"
    b'V1,P1,Jansen,a@example.org,36,"7,5"\n'
    b'V1,P2,de Vries,b@example.org,,"8,25"\n'
    b"V1,P3,Bakker,c@example.org,41,\n"
)


def address(submission: Submission) -> str:
    return f"/loads/{submission.pk}/preview/"


def text_of(answer: Any) -> str:
    content = re.sub(r"</?bdi>", "", answer.content.decode())
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", content)).split())


def form_of(answer: Any, **changed: Any) -> dict[str, Any]:
    """Return what a browser would send of the page's form: fields by name, with changes."""
    content = answer.content.decode()
    content = content[content.index('id="preview"') :]
    form: dict[str, Any] = {}
    for tag in re.findall(r"<input\b[^>]*>", content):
        name, value = (re.search(rf'\b{key}="([^"]*)"', tag) for key in ("name", "value"))
        is_tick = 'type="checkbox"' in tag or 'type="radio"' in tag
        if not name or (is_tick and " checked" not in tag):
            continue
        form.setdefault(name[1], []).append(unescape(value[1]) if value else "on")
    for name, inner in re.findall(r'<select name="([^"]*)"[^>]*>(.*?)</select>', content, re.S):
        chosen = re.search(r'value="([^"]*)"[^>]*?\sselected', inner)
        form[name] = [unescape(chosen[1]) if chosen else ""]
    for name, inner in re.findall(r'<textarea name="([^"]*)"[^>]*>(.*?)</textarea>', content, re.S):
        form[name] = [unescape(inner.strip())]
    return form | changed


def without_request_id(answer: Any) -> str:
    return re.sub(r"equest: [0-9a-f]{16}", "", text_of(answer))


def asked_of(submission: Submission) -> Asked:
    return Asked.of(now(submission))


def test_file_is_shown_with_what_it_was_taken_for(alice: Any, client_of: Any) -> None:
    draft = drafted(alice, PEOPLE)
    answer = client_of(alice).get(address(draft))

    assert faults(answer.content.decode()) == []
    text = text_of(answer)
    assert "6 columns, judged by all 3 rows" in text
    assert "Comma: it splits the header into 6 fields" in text
    assert "V1 P1" not in text  # the id stands first
    assert "P1 V1 Jansen a@example.org 36 7,5" in text
    assert "2 columns may tell who people are" in text
    assert "surname looks like names of people. Its name says “surname”." in text
    assert "1 column holds numbers with a decimal comma" in text
    assert "pid : named like an id; every value differs." in text
    assert not Dataset.objects.filter(user_id=alice.user.pk).exists()


def test_choices_are_kept_and_loaded(alice: Any, client_of: Any) -> None:
    client, draft = client_of(alice), drafted(alice, PEOPLE)
    page = client.get(address(draft))

    sent = form_of(page, **{"leave": ["3", "4"], "type-5": "float", "do": "read"})
    answer = client.post(address(draft), sent)
    assert (answer.status_code, answer["Location"]) == (302, address(draft))
    asked = asked_of(draft)
    assert (asked.id_column, asked.leave_out, asked.types) == ("#2", ("#3-4",), {"#5": "float"})

    page = client.get(address(draft))
    assert "4 columns will be stored" in text_of(page)
    answer = client.post(address(draft), form_of(page, do="load", title="North"))
    assert answer["Location"] == f"/loads/{draft.pk}/"
    drain()
    dataset = Dataset.objects.get(user_id=alice.user.pk)
    assert (dataset.title, dataset.id_label) == ("North", "pid")
    columns = DatasetColumn.objects.filter(dataset=dataset).order_by("position")
    assert [(c.label, c.data_type) for c in columns] == [
        ("visit", "text"),
        ("pid", "text"),
        ("age", "float"),
        ("wt", "text"),
    ]


def test_marks_of_missing_are_counted_and_ticked(alice: Any, client_of: Any) -> None:
    content = b"pid,age,note\nP1,31,NA\nP2,NA,-\nP3,999,good\nP4,47,n/a\nP5,999,none here\n"
    client, draft = client_of(alice), drafted(alice, content)
    page = client.get(address(draft))

    assert "NA 2 cells in 2 columns 999 2 cells in age n/a 1 cell in note - 1 cell" in text_of(page)
    assert "mark" not in form_of(page)
    sent = form_of(page, mark=["NA", "999"], missing="none here, NA", do="read")
    client.post(address(draft), sent)
    page = client.get(address(draft))

    assert asked_of(draft).missing == ("NA", "999", "none here")
    sent = form_of(page)
    assert (sent["mark"], sent["missing"]) == (["NA", "999"], ["none here"])
    client.post(address(draft), sent | {"mark": ["999"], "do": "load"})
    drain()
    columns = DatasetColumn.objects.filter(dataset__user_id=alice.user.pk).order_by("position")
    assert [(c.data_type, c.missing) for c in columns][1:] == [("text", 2), ("text", 1)]


def test_all_that_is_flagged_is_left_out_at_once(alice: Any, client_of: Any) -> None:
    client, draft = client_of(alice), drafted(alice, PEOPLE)
    client.post(address(draft), form_of(client.get(address(draft)), do="flagged"))
    assert asked_of(draft).leave_out == ("#3-4",)
    assert "may tell who people are" not in text_of(client.get(address(draft)))


@pytest.mark.parametrize(
    ("pattern", "action", "expected"),
    [
        ("*", "leave_out", {"leave_out": ("#1", "#3-6")}),
        ("A*", "float", {"types": {"#5": "float"}}),
        ("#5-6", "text", {"types": {"#5-6": "text"}}),
        ("email", "leave_out", {"leave_out": ("#4",)}),
    ],
)
def test_columns_are_chosen_by_pattern(
    alice: Any, client_of: Any, pattern: str, action: str, expected: dict[str, Any]
) -> None:
    client, draft = client_of(alice), drafted(alice, PEOPLE)
    sent = form_of(client.get(address(draft)), do="pattern", pattern=pattern, pattern_do=action)
    client.post(address(draft), sent)
    asked = asked_of(draft)
    assert {name: getattr(asked, name) for name in expected} == expected


def test_pattern_takes_columns_again_and_types_as_found(alice: Any, client_of: Any) -> None:
    client = client_of(alice)
    draft = drafted(alice, PEOPLE, leave_out=("#3-5",), types={"wt": "text"})
    for pattern, action in (("*name", "take"), ("wt", "as_found")):
        page = client.get(address(draft))
        client.post(address(draft), form_of(page, do="pattern", pattern=pattern, pattern_do=action))
    assert (asked_of(draft).leave_out, asked_of(draft).types) == (("#4-5",), {})


@pytest.mark.parametrize("pattern", ["", "zz*", "nobody", "#7-9", "*" * 400 + "x", "x" * 501])
def test_pattern_of_no_column_is_refused_and_nothing_changes(
    alice: Any, client_of: Any, pattern: str
) -> None:
    client, draft = client_of(alice), drafted(alice, PEOPLE)
    sent = form_of(client.get(address(draft)), do="pattern", pattern=pattern, leave=["5"])
    answer = client.post(address(draft), sent)
    assert answer.status_code in {400, 422}
    assert faults(answer.content.decode()) == []
    assert 'aria-invalid="true"' in answer.content.decode()
    assert asked_of(draft).leave_out == ()


def test_another_delimiter_reads_other_columns_and_drops_choices(
    alice: Any, client_of: Any
) -> None:
    client, draft = client_of(alice), drafted(alice, b"pid;age\nP1;36\nP2;41\n")
    page = client.get(address(draft))
    client.post(address(draft), form_of(page, leave=["2"], do="read"))
    assert asked_of(draft).leave_out == ("#2",)
    page = client.get(address(draft))
    answer = client.post(address(draft), form_of(page, delimiter="comma", do="read"), follow=True)
    text = text_of(answer)
    assert "has other columns than before" in text
    assert "The file has one column" in text
    assert (asked_of(draft).delimiter, asked_of(draft).leave_out) == ("comma", ())


def test_what_is_chosen_of_other_columns_is_refused_before_and_at_the_load(
    alice: Any, client_of: Any
) -> None:
    client, draft = client_of(alice), drafted(alice, PEOPLE)
    page = client.get(address(draft))
    stale = form_of(page, leave=["3"], header="another")
    client.post(address(draft), stale | {"do": "read"})
    assert asked_of(draft).leave_out == ()
    for changed in ({"do": "load"}, {"do": "find"}, {"do": "pattern", "pattern": "age"}):
        answer = client.post(address(draft), stale | changed)
        assert answer.status_code == 409
        assert "other columns than this form was made for" in text_of(answer)
    answer = client.post(address(draft), form_of(page, delimiter="tab", do="load"))
    assert answer.status_code == 409
    assert now(draft).state == "draft"

    # left out by place in one file, and another file sent in its place to be loaded at once
    client.post(address(draft), form_of(page, leave=["3", "4"], do="read"))
    assert asked_of(draft).leave_out == ("#3-4",)
    Submission.objects.filter(pk=draft.pk).update(state="failed", staged="")
    other = SimpleUploadedFile("other.csv", b"pid,visit,age,surname\nP1,V1,36,Jansen\n")
    again = {"load": str(draft.pk), "title": "T", "file": other}
    page = load_by_page(client, again)
    assert "other columns than those that were chosen among" in text_of(page)
    assert not Dataset.objects.filter(user_id=alice.user.pk, state="ready").exists()


def test_reading_that_cannot_be_is_refused_and_not_kept(alice: Any, client_of: Any) -> None:
    client, draft = client_of(alice), drafted(alice, "pid,naam\nP1,Zoë\n".encode())
    sent = form_of(client.get(address(draft)), encoding="utf-16", do="read")
    answer = client.post(address(draft), sent)
    assert answer.status_code == 400
    assert "Encoding : The file has no byte order mark" in text_of(answer)
    assert "P1 Zoë" in text_of(answer)  # as it was read before
    assert asked_of(draft).encoding is None


def test_file_that_cannot_be_read_says_why_and_can_be_read_otherwise(
    alice: Any, client_of: Any
) -> None:
    client, draft = client_of(alice), drafted(alice, "pid,naam\nP1,Wałęsa\n".encode("cp1250"))
    page = client.get(address(draft))
    assert page.status_code == 200
    assert faults(page.content.decode()) == []
    assert "unusual in Windows-1252" in text_of(page)
    answer = client.post(address(draft), form_of(page, encoding="utf-7", do="read"))
    assert answer.status_code == 422  # not among those offered
    answer = client.post(address(draft), form_of(page, encoding="cp1250", do="read"), follow=True)
    assert "P1 Wałęsa" in text_of(answer)


def test_what_cannot_be_shown_can_still_be_loaded(alice: Any, client_of: Any) -> None:
    client, draft = client_of(alice), drafted(alice, b"pid,v\nP1\n")
    page = client.get(address(draft))
    assert "The file has a header but no rows that fit it." in text_of(page)
    answer = client.post(address(draft), form_of(page, do="load_unseen"))
    assert answer["Location"] == f"/loads/{draft.pk}/"
    drain()
    assert now(draft).state == "failed"


def test_sheet_of_a_workbook_is_chosen(alice: Any, client_of: Any) -> None:
    book = xlsx(
        {
            "Cover": [["Study of sleep"], [], ["Site", "North"]],
            "People": [["pid", "age"], ["P1", 30]],
        }
    )
    client, draft = client_of(alice), drafted(alice, book)
    page = client.get(address(draft))
    assert faults(page.content.decode()) == []
    assert "Choose the sheet with the table" in text_of(page)
    answer = client.post(address(draft), form_of(page, sheet="People", do="read"), follow=True)
    assert "P1 30" in text_of(answer)
    client.post(address(draft), form_of(client.get(address(draft)), do="load"))
    drain()
    assert Dataset.objects.get(user_id=alice.user.pk).id_label == "pid"


def test_load_that_failed_is_looked_at_with_its_choices(alice: Any, client_of: Any) -> None:
    client, draft = client_of(alice), drafted(alice, PEOPLE)
    page = client.get(address(draft))
    client.post(address(draft), form_of(page, **{"type-3": "integer", "do": "load"}))
    drain()
    failed = client.get(f"/loads/{draft.pk}/")
    assert f'href="{address(draft)}"' in failed.content.decode()
    page = client.get(address(draft))
    assert "The last try ended: Row 1" in text_of(page)
    assert "The load will be refused: 3 cells are no integer" in text_of(page)
    client.post(address(draft), form_of(page, **{"type-3": "", "do": "load"}))
    drain()
    assert now(draft).state == "stored"


def test_wide_table_is_searched_and_leafed_through(alice: Any, client_of: Any) -> None:
    labels = ["sample_id", *(f"taxon {n:04}" for n in range(1_000))]
    content = f"{','.join(labels)}\n{','.join(['S1', *['0'] * 1_000])}\n".encode()
    client, draft = client_of(alice), drafted(alice, content)
    page = client.get(address(draft))
    assert len(re.findall(r'name="leave"', page.content.decode())) == 199
    # the ticks of this page are kept when another is turned to
    answer = client.post(address(draft), form_of(page, leave=["2"], go="200"))
    assert answer["Location"] == f"{address(draft)}?after=200"
    assert asked_of(draft).leave_out == ("#2",)
    page = client.get(answer["Location"])
    assert 'aria-label="Leave out column 201"' in page.content.decode()
    answer = client.post(address(draft), form_of(page, q="taxon 0999", do="find"))
    page = client.get(answer["Location"])
    assert "1 of 1 column" in text_of(page)
    assert asked_of(draft).leave_out == ("#2",)
    page = client.get(f"{address(draft)}?show=chosen")
    assert "1 of 1 column" in text_of(page)
    assert faults(client.get(f"{address(draft)}?q=nothing").content.decode()) == []


def test_htmx_gets_the_form_alone(alice: Any, client_of: Any) -> None:
    client, draft = client_of(alice), drafted(alice, PEOPLE)
    sent = form_of(client.get(address(draft)), do="find", q="age")
    answer = client.post(address(draft), sent, headers={"HX-Request": "true"})
    assert answer.status_code == 200
    assert answer["HX-Push-Url"] == f"{address(draft)}?q=age"
    assert faults(answer.content.decode(), whole=False) == []
    answer = client.post(address(draft), form_of(answer, do="load"), headers={"HX-Request": "true"})
    assert answer["HX-Redirect"] == f"/loads/{draft.pk}/"


@pytest.mark.parametrize("method", ["get", "post"])
def test_nobody_else_sees_or_changes_it(alice: Any, bob: Any, client_of: Any, method: str) -> None:
    draft = drafted(alice, PEOPLE)
    bobs = client_of(bob)
    sent = {"title": "mine", "do": "load"}
    answer = getattr(bobs, method)(address(draft), sent)
    missing = getattr(bobs, method)(f"/loads/{uuid4()}/preview/", sent)
    assert (answer.status_code, missing.status_code) == (404, 404)
    assert without_request_id(answer) == without_request_id(missing)
    assert now(draft).state == "draft"


def test_load_that_is_on_its_way_or_gone_is_not_looked_at(alice: Any, client_of: Any) -> None:
    client, draft = client_of(alice), drafted(alice, PEOPLE)
    submission_cancel(owner_id=alice.user.pk, submission_id=draft.pk)
    for answer in (client.get(address(draft)), client.post(address(draft), {"do": "load"})):
        assert answer["Location"] == f"/loads/{draft.pk}/"


@pytest.mark.parametrize(
    "hostile",
    [
        {"listed": "1-9999999,1-9999999,x", "leave": [str(n) for n in range(1, 400)]},
        {"leave": ["0", "-1", "x", "99999999999", "7", "2"]},
        {"type-5": "money", "type-99999": "text", "type-x": "text", "type-2": "text"},
        {"id_column": "nobody"},
        {"id_column": "x" * 9_000},
        {"missing": ",".join(str(n) for n in range(200))},
        {"after": "-1", "go": "x", "show": "'; drop table", "q": "*" * 300},
        {"do": "unknown"},
        {"title": ""},
        {"title": "\x00"},
        {"delimiter": "xx"},
        {"sheet": "x"},
    ],
)
def test_hostile_choices_change_nothing_that_they_may_not(
    alice: Any, client_of: Any, hostile: dict[str, Any]
) -> None:
    client, draft = client_of(alice), drafted(alice, PEOPLE)
    answer = client.post(address(draft), form_of(client.get(address(draft)), **hostile))
    assert answer.status_code in {302, 400, 422}
    asked = asked_of(draft)
    assert set(asked.leave_out) <= {"#1", "#3-6"}
    assert (asked.types, asked.title) == ({}, "A table")
    assert client.get(address(draft)).status_code == 200


def test_too_many_fields_are_refused(alice: Any, client_of: Any) -> None:
    client, draft = client_of(alice), drafted(alice, PEOPLE)
    sent = form_of(client.get(address(draft)), leave=[str(n) for n in range(100_000)])
    assert client.post(address(draft), sent).status_code == 400
    assert asked_of(draft).leave_out == ()


def test_several_files_are_drafts_of_their_own(alice: Any, client_of: Any) -> None:
    client, key = client_of(alice), str(uuid4())
    files = [SimpleUploadedFile(f"table {n}.csv", b"id,v\nP1,1\n") for n in range(3)]
    sent = {"submission": key, "title": "Mine", "file": files}
    answer = client.post("/datasets/new/", sent)
    assert answer["Location"] == "/loads/"
    for file in files:
        file.seek(0)
    client.post("/datasets/new/", sent)  # the same form, sent twice

    drafts = Submission.objects.filter(owner=alice.user.pk)
    assert sorted(one.title for one in drafts) == ["table 0", "table 1", "table 2"]
    assert {one.state for one in drafts} == {"draft"}
    listed = client.get("/loads/").content.decode()
    assert all(f"/loads/{one.pk}/" in listed for one in drafts)


def test_more_files_than_are_held_at_once_are_refused(alice: Any, client_of: Any) -> None:
    files = [SimpleUploadedFile(f"{n}.csv", b"id,v\nP1,1\n") for n in range(12)]
    sent = {"submission": str(uuid4()), "file": files}
    answer = client_of(alice).post("/datasets/new/", sent)
    assert answer.status_code == 400
    assert "At most 10 files are taken at once" in text_of(answer)
    assert not Submission.objects.filter(owner=alice.user.pk).exists()


def test_file_is_looked_at_unless_it_is_loaded_at_once(alice: Any, client_of: Any) -> None:
    client = client_of(alice)

    def sent(**fields: str) -> Any:
        file = SimpleUploadedFile("t.csv", b"id,v\nP1,1\n")
        return client.post("/datasets/new/", {"submission": str(uuid4()), "file": file, **fields})

    assert re.fullmatch(r"/loads/[0-9a-f-]{36}/preview/", sent()["Location"])
    assert re.fullmatch(r"/loads/[0-9a-f-]{36}/", sent(at_once="on")["Location"])


def test_rows_are_numbered_and_notations_read_where_that_is_chosen(
    alice: Any, client_of: Any
) -> None:
    client, draft = client_of(alice), drafted(alice, PEOPLE)
    sent = form_of(client.get(address(draft)), number_rows="on", do="read")
    client.post(address(draft), sent)
    assert (asked_of(draft).id_column, asked_of(draft).number_rows) == (None, True)
    page = client.get(address(draft))
    assert "6 columns will be stored, and the numbers of the rows as pseudonyms" in text_of(page)

    sent = form_of(page, **{"leave": ["3", "4"], "type-1": "text", "do": "notations"})
    client.post(address(draft), sent)
    assert asked_of(draft).types == {"#1": "text", "#6": "decimal_comma"}
    sent = form_of(client.get(address(draft)), do="load")
    client.post(address(draft), sent)
    drain()

    dataset = Dataset.objects.get(user_id=alice.user.pk)
    columns = DatasetColumn.objects.filter(dataset=dataset).order_by("position")
    labels = ["row_number", "visit", "pid", "age", "wt"]
    assert ([c.label for c in columns], dataset.id_position) == (labels, 1)
    part = alice.rpc("get_all_tables")[0]["table_name"]
    rows = alice.rpc("select_from_table", {"p_table_name": part, "p_row_limit": 9})
    key = owner_key(settings.FAIRDB_PSEUDONYM_KEY, alice.user.pk)
    assert [row["row_number_hash"] for row in rows] == pseudonymize(["1", "2", "3"], key)
    assert [row["pid"] for row in rows] == ["P1", "P2", "P3"]
    assert [row["wt"] for row in rows] == [7.5, 8.25, None]
