"""The pages on privacy: suggestions, roles, thresholds, the report, what is kept, as people ask."""

import json
from contextlib import closing
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from django.test import Client

from accounts import audit
from accounts.tests.doors import sign_in
from conftest import Person
from datasets.models import Dataset, DatasetColumn
from datasets.tests.loading.tables import load_csv
from datasets.turns import WORK_UNDER_WAY, require_turn
from fairdb_site.database import as_user
from privacy.codes import content_state

HTMX = {"HX-Request": "true"}
LONG = "a name that is much longer than any column of a page can be wide in mmol per litre"
VISITS = f"patient,age,postcode,diagnosis,{LONG}\n" + "".join(
    f"P{n},{30 + n // 8},{1011 + n // 12},{'flu' if n % 3 else 'cold'},{n % 7}\n" for n in range(48)
)


@pytest.fixture
def visits(alice: Person, tmp_path: Path) -> UUID:
    return load_csv(alice, tmp_path, VISITS).dataset


@pytest.fixture
def browser(alice: Person) -> Client:
    return sign_in(alice)


def roles_of(dataset: UUID) -> dict[int, str | None]:
    columns = DatasetColumn.objects.filter(dataset=dataset).order_by("position")
    return dict(columns.values_list("position", "privacy_role"))


def text_of(answer: Any) -> str:
    return " ".join(answer.content.decode().split())


def test_suggested_roles_are_taken_by_one_button_and_the_figures_are_there(
    browser: Client, visits: UUID
) -> None:
    page = f"/datasets/{visits}/privacy/"

    shown = browser.get(page)
    assert "Its name says “age”." in text_of(shown)
    assert set(roles_of(visits).values()) == {None}  # GET changes nothing
    nothing = browser.post(f"{page}suggestions/", {"seen": ""})
    assert (nothing.status_code, set(roles_of(visits).values())) == (422, {None})
    assert "Tick one column at least." in text_of(nothing)
    odd = browser.post(f"{page}suggestions/", {"seen": "", "take": ["2:king"]})
    assert (odd.status_code, set(roles_of(visits).values())) == (422, {None})

    take = [value for *_, value in shown.context["suggestions"]]
    taken = browser.post(f"{page}suggestions/", {"seen": "", "take": take})
    assert taken.headers["Location"] == page
    assert roles_of(visits) == {
        1: "direct_identifier",
        2: "quasi_identifier",
        3: "quasi_identifier",
        4: "sensitive",
        5: None,
    }
    again = browser.post(f"{page}suggestions/", {"seen": "", "take": ["5:sensitive"]})
    assert (again.status_code, roles_of(visits)[5]) == (409, None)

    found = text_of(browser.get(page))
    assert "2 of 4 thresholds are missed." in found
    assert "Every combination of age and postcode is shared by 4 rows or more." in found
    for heading in ("How many rows hide among how many", "Which columns tell most", "Rows at most"):
        assert heading in found
    assert f'href="/datasets/{visits}/rows/9/"' in found
    assert "rows read" in {event.action for event in audit.events(dataset=visits, most=10)}
    sweep = text_of(browser.get(f"{page}combinations/", headers=HTMX))
    assert "3 combinations of up to 2 quasi-identifiers tried over 48 rows" in sweep
    assert "<html" not in sweep


def test_figures_follow_thresholds_and_roles_and_nobody_is_overwritten(
    browser: Client, visits: UUID
) -> None:
    page = f"/datasets/{visits}/privacy/"
    bulk = {"columns": "age, post*", "role": "quasi_identifier", "seen_at": ""}
    assert browser.post(f"{page}roles/pattern/", bulk).status_code == 302
    assert [roles_of(visits)[place] for place in (2, 3)] == ["quasi_identifier"] * 2
    late = browser.post(f"{page}roles/pattern/", bulk)
    assert (late.status_code, "meanwhile" in text_of(late)) == (409, True)
    strange = browser.post(f"{page}roles/pattern/", {**bulk, "columns": "weight"})
    assert (strange.status_code, "weight" in text_of(strange)) == (422, True)

    chosen = {"seen": json.dumps({"3": "quasi_identifier", "4": None}), "role-3": "other"}
    swapped = browser.post(f"{page}roles/", {**chosen, "role-4": "sensitive"}, headers=HTMX)
    assert "Every combination of age is shared by 8 rows or more." in text_of(swapped)
    assert "All 4 thresholds are held." in text_of(swapped)
    assert "<html" not in text_of(swapped)
    late = browser.post(f"{page}roles/", {**chosen, "role-4": ""})
    assert (late.status_code, roles_of(visits)[4]) == (409, "sensitive")

    named = {"seen": json.dumps({"5": None}), "role-5": "direct_identifier"}
    direct = text_of(browser.post(f"{page}roles/", named, headers=HTMX))
    assert "All 4 thresholds are held." in direct
    assert "which tells by itself who somebody is. The verdict is of a table without it." in direct

    limits = {"k": 9, "l": 2, "t": 0.5, "risk": 0.2, "missing": "drop", "population": 480}
    seen = browser.get(page).context["seen"]
    stored = browser.post(f"{page}thresholds/", {**limits, "seen": seen}, headers=HTMX)
    assert "1 of 4 thresholds is missed." in text_of(stored)
    assert "Highest risk (journalist)" in text_of(stored)
    late = browser.post(f"{page}thresholds/", {**limits, "k": 3, "seen": seen})
    assert (late.status_code, "meanwhile" in text_of(late)) == (409, True)
    wrong = browser.post(f"{page}thresholds/", {**limits, "k": 0, "risk": 2, "seen": seen})
    assert (wrong.status_code, list(wrong.context["form"].errors)) == (422, ["k", "risk"])
    kept = Dataset.objects.get(pk=visits)
    assert (kept.privacy_k, kept.privacy_missing) == (9, "drop")

    few = {**limits, "population": 47, "seen": browser.get(page).context["seen"]}
    small = browser.post(f"{page}thresholds/", few, headers=HTMX)
    assert "The population has at least the table's 48 rows." in text_of(small).replace(
        "&#x27;", "'"
    )

    everything = {"columns": "*", "role": "other"}
    assert browser.post(f"{page}roles/pattern/", everything).status_code == 409  # never seen
    everything["seen_at"] = browser.get(page).context["seen"]
    browser.post(f"{page}roles/pattern/", everything)
    assert list(roles_of(visits).values()) == [None, *["other"] * 4]
    assert "No column is a quasi-identifier yet." in text_of(browser.get(page))
    assert browser.post(f"{page}reports/").status_code == 422
    listed = browser.get(f"{page}roles/?q=mmol&suggest=1")
    assert [line.column.label for line in listed.context["lines"]] == [LONG]


def test_kept_reports_are_compared_taken_out_and_deleted(
    alice: Person, bob: Person, browser: Client, visits: UUID
) -> None:
    page = f"/datasets/{visits}/privacy/"
    bulk = {"columns": "age,postcode", "role": "quasi_identifier", "seen_at": ""}
    browser.post(f"{page}roles/pattern/", bulk)
    first = browser.post(f"{page}reports/").headers["Location"]
    update = {"p_dataset_id": str(visits), "p_row_id": 1, "p_updates": {"2": 90}}
    alice.rpc("update_dataset_row", update)
    second = browser.post(f"{page}reports/").headers["Location"]

    listed = text_of(browser.get(f"{page}reports/"))
    assert (listed.count("as it is now"), listed.count("before a change")) == (1, 1)
    ids = [address.rstrip("/").rpartition("/")[2] for address in (second, first)]
    compared = browser.get(f"{page}reports/", {"report": ids})
    changed = {one.name: (one.older, one.newer) for one in compared.context["changed"]}
    assert changed["Smallest group (k)"] == ("4", "1")
    assert "Quasi-identifiers" in {one.name for one in compared.context["same"]}
    assert browser.get(f"{page}reports/", {"report": ids[:1]}).status_code == 422
    assert browser.get(f"{page}reports/", {"report": ["x", "y"]}).status_code == 422

    body = json.loads(browser.get(f"{first}report.json").content)
    assert (body["figures"]["k"], body["is_current"], body["version"]) == (4, False, None)
    assert body["roles"]["direct_identifiers"] == []
    assert body["roles"]["quasi_identifiers"] == ["age", "postcode"]
    shown = text_of(browser.get(first))
    assert "The dataset was changed since" in shown
    assert "Missed: smallest group (k), highest risk." in shown
    assert "Every combination of age and postcode is shared by 4 rows or more." in shown
    assert "Rows whose combination nobody shares." in shown
    stranger = sign_in(bob)
    for address in (first, f"{first}report.json"):
        assert stranger.get(address).status_code == 404
    assert stranger.post(f"{first}delete/").status_code == 404
    assert browser.post(f"{first}delete/").headers["Location"] == f"{page}reports/"
    assert browser.get(first).status_code == 404


def test_missing_values_that_match_anything_and_a_table_of_one_row_are_shown(
    alice: Person, browser: Client, tmp_path: Path
) -> None:
    gaps = "".join(f"P{n},{30 + n // 8 if n % 5 else ''},{1011 + n // 12}\n" for n in range(48))
    for text, limits, said in (
        (f"patient,age,postcode\n{gaps}", {"missing": "any"}, "thresholds"),
        ("patient,age,postcode\nP1,30,1011\n", {"missing": "own"}, "has a single row"),
        ("patient,age,postcode\nP1,,1011\nP2,,1011\n", {"missing": "drop"}, "Nothing was measured"),
    ):
        dataset = load_csv(alice, tmp_path, text, id_column="patient").dataset
        page = f"/datasets/{dataset}/privacy/"
        refused = browser.post(f"{page}thresholds/", {"k": "none", "seen": ""})
        assert (refused.status_code, "Enter a whole number." in text_of(refused)) == (422, True)
        bulk = {"columns": "age,postcode", "role": "quasi_identifier", "seen_at": ""}
        browser.post(f"{page}roles/pattern/", bulk)
        seen = browser.get(page).context["seen"]
        shown = browser.post(f"{page}thresholds/", {**limits, "seen": seen}, follow=True)
        assert (shown.status_code, said in text_of(shown)) == (200, True)
        assert browser.get(f"{page}combinations/").status_code == 200


def test_what_no_page_of_ours_sends_is_refused_or_shown_without_a_failure(
    alice: Person, browser: Client, visits: UUID
) -> None:
    page = f"/datasets/{visits}/privacy/"
    for seen in ('{"2": [1]}', '{"2": {"a": 1}}', '{"2": NaN}'):
        answer = browser.post(f"{page}roles/", {"seen": seen, "role-2": "other"})
        assert answer.status_code in {302, 422}
    many = {"columns": "*e," * 1_001, "role": "other", "seen_at": ""}
    answer = browser.post(f"{page}roles/pattern/", many)
    assert (answer.status_code, "1,001 patterns" in text_of(answer)) == (422, True)
    assert set(roles_of(visits).values()) == {None}

    browser.post(f"{page}roles/pattern/", {"columns": "age", "role": "quasi_identifier"})
    with as_user(alice.user.pk):
        state = content_state(visits)
    kept = [browser.post(f"{page}reports/").headers["Location"].split("/")[-2]]
    for roles, figures in (
        ({"quasi_identifiers": 5}, {"alpha": 3, "t": "x", "k": {"a": 1}, "missed": "k"}),
        ({"sensitive": [5]}, {"alpha": {"<b>x": "y"}, "prosecutor_max": "<b>x", "remarks": 5}),
    ):
        report = {
            "p_roles": roles,
            "p_thresholds": {"k": [1], "population": "9"},
            "p_figures": figures,
        }
        params = {"p_dataset_id": str(visits), "p_state": state, **report}
        kept.append(alice.rpc("keep_privacy_report", params))
        assert "<b>x" not in text_of(browser.get(f"{page}reports/{kept[-1]}/"))
        compared = browser.get(f"{page}reports/", {"report": [kept[0], kept[-1]]})
        assert compared.status_code == 200
    assert browser.get(f"{page}reports/").status_code == 200


def test_codes_are_read_and_combinations_tried_by_one_request_of_an_account_at_a_time(
    alice: Person, browser: Client, visits: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = f"/datasets/{visits}/privacy/"
    with closing(connection.copy()) as other, other.cursor() as cursor:
        other.set_autocommit(False)
        require_turn(cursor, alice.user.pk)
        assert "Its name says “age”." in text_of(browser.get(page))  # of names alone
        browser.post(f"{page}roles/pattern/", {"columns": "age", "role": "quasi_identifier"})
        waits = text_of(browser.get(page))
        assert WORK_UNDER_WAY in waits
        assert "1 quasi-identifier:" in waits
        assert browser.post(f"{page}reports/").status_code == 409
        other.rollback()
        assert "Figures, explained" in text_of(browser.get(page))
        require_turn(cursor, alice.user.pk)
        assert "Figures, explained" in text_of(browser.get(page))  # nothing is left to read
        assert WORK_UNDER_WAY in text_of(browser.get(f"{page}combinations/"))
        other.rollback()
    assert "Worst combinations" in text_of(browser.get(f"{page}combinations/"))

    monkeypatch.setattr("privacy.chosen.MOST_CELLS", 47)  # less than its rows
    assert "too many cells for one report" in text_of(browser.get(page))
