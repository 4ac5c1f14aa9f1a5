"""Roles, thresholds and kept reports are their owner's to write: all or nothing, never unawares."""

from typing import Any

import pytest

from conftest import Person
from datasets.models import Dataset, DatasetColumn
from datasets.tests.stored import Stored, content_state, store_dataset
from fairdb_site.errors import Conflict, NotFound, Refused
from privacy.models import PrivacyReport


@pytest.fixture
def stored(alice: Person) -> Stored:
    return store_dataset(alice.user.pk)


def call(person: Person, name: str, stored: Stored, **params: Any) -> Any:
    named = {f"p_{key}": value for key, value in params.items()}
    return person.rpc(name, {"p_dataset_id": str(stored.id), **named})


def roles_of(stored: Stored) -> list[str | None]:
    columns = DatasetColumn.objects.filter(dataset=stored.id).order_by("position")
    return [column.privacy_role for column in columns]


def test_roles_are_set_in_bulk_and_only_on_what_was_seen(alice: Person, stored: Stored) -> None:
    first = {"1": "direct_identifier", "2": "quasi_identifier", "3": "sensitive"}
    assert call(alice, "set_privacy_roles", stored, roles=first, seen="") == 3
    facts = alice.rpc("get_dataset", {"p_dataset_id": str(stored.id)})
    seen = facts["privacy_changed_at"]
    columns = alice.rpc("get_dataset_columns", {"p_dataset_id": str(stored.id)})["columns"]
    assert [column["privacy_role"] for column in columns] == [*first.values(), None]

    with pytest.raises(Conflict, match="changed roles or thresholds meanwhile"):
        call(alice, "set_privacy_roles", stored, roles={"4": "other"}, seen="")
    with pytest.raises(Conflict, match='gave column "Age" another role meanwhile'):
        call(
            alice,
            "set_privacy_roles",
            stored,
            roles={"2": "other", "4": "other"},
            expected={"2": None, "4": None},
        )
    assert roles_of(stored) == [*first.values(), None]

    changed = {"2": "quasi_identifier", "3": None, "4": "other"}
    expected = {"2": "quasi_identifier", "3": "sensitive", "4": None}
    params = {"roles": changed, "expected": expected, "seen": seen}
    assert call(alice, "set_privacy_roles", stored, **params) == 2
    assert roles_of(stored) == ["direct_identifier", "quasi_identifier", None, "other"]


@pytest.mark.parametrize(
    ("roles", "sentence"),
    [
        ({"2": "other", "9": "other"}, "There is no column 9"),
        ({"2": "other", "x": "other"}, "named by its position"),
        ({"2": "other", "3": "secret"}, "A role is direct_identifier"),
        ({"2": "other", "3": ["other"]}, "A role is direct_identifier"),
        ({"2": "other", "1": "sensitive"}, "The id column tells the persons"),
        ([], "Roles are an object"),
    ],
)
def test_roles_that_make_no_sense_are_refused_with_all_others(
    alice: Person, stored: Stored, roles: Any, sentence: str
) -> None:
    with pytest.raises(Refused, match=sentence):
        call(alice, "set_privacy_roles", stored, roles=roles)

    with pytest.raises(Refused, match="What was seen is an object"):
        call(alice, "set_privacy_roles", stored, roles={"2": "other"}, expected=[roles])
    assert roles_of(stored) == [None] * 4
    assert Dataset.objects.get(pk=stored.id).privacy_changed_at is None


def test_roles_of_thousands_of_columns_are_one_call(alice: Person) -> None:
    wide = store_dataset(
        alice.user.pk,
        {f"taxon {n}": ("float", [0.5]) for n in range(2_000)},
        rows=1,
        columns_a_part=500,
    )

    roles = dict.fromkeys(map(str, range(2, 2_002)), "other")

    assert call(alice, "set_privacy_roles", wide, roles=roles) == 2_000


def test_thresholds_are_kept_and_taken_back(alice: Person, stored: Stored) -> None:
    wanted = {"k": 10, "t": 0.25, "missing": "drop", "population": 10**10}
    assert call(alice, "set_privacy_thresholds", stored, thresholds=wanted, seen="") == [
        *("k", "missing", "population", "t")
    ]
    assert call(alice, "set_privacy_thresholds", stored, thresholds=wanted) == []
    with pytest.raises(Conflict, match="meanwhile"):
        call(alice, "set_privacy_thresholds", stored, thresholds={"k": 2}, seen="")
    call(alice, "set_privacy_thresholds", stored, thresholds={"t": None, "risk": 0.05})

    kept = Dataset.objects.get(pk=stored.id)
    found = (kept.privacy_k, kept.privacy_l, kept.privacy_t, kept.privacy_risk)
    assert found == (10, None, None, 0.05)
    assert (kept.privacy_missing, kept.privacy_population) == ("drop", 10**10)


@pytest.mark.parametrize(
    ("thresholds", "sentence"),
    [
        ({"k": 0}, "k is a whole number"),
        ({"l": 1.5}, "l is a whole number"),
        ({"k": "5"}, "k is a whole number"),
        ({"k": 1e30}, "k is a whole number"),
        ({"t": 1.01}, "t is a number from 0 to 1"),
        ({"risk": 0}, "risk is a number above 0"),
        ({"missing": "guess"}, "own, any or drop"),
        ({"population": 0}, "population is a whole number"),
        ({"population_dataset": 7}, "named by the id of a dataset"),
        ({"m": 1}, "no threshold m"),
        ("k", "object"),
    ],
)
def test_thresholds_out_of_range_are_refused_with_all_others(
    alice: Person, stored: Stored, thresholds: Any, sentence: str
) -> None:
    more = {"risk": 0.1} | thresholds if isinstance(thresholds, dict) else thresholds

    with pytest.raises(Refused, match=sentence):
        call(alice, "set_privacy_thresholds", stored, thresholds=more)

    assert Dataset.objects.get(pk=stored.id).privacy_risk is None


def test_reports_are_kept_listed_and_deleted_and_say_if_the_data_is_still_that(
    alice: Person, bob: Person, stored: Stored
) -> None:
    measured = {
        "roles": {"quasi_identifiers": ["Age"]},
        "thresholds": {"k": 5},
        "figures": {"k": 1, "held": False, "t": {"Notes": 0.1}},
    }
    before = content_state(stored)
    report = call(alice, "keep_privacy_report", stored, state=before, **measured)

    (listed,) = call(alice, "list_privacy_reports", stored)
    assert (listed["id"], listed["figures"]) == (report, {"k": 1, "held": False})
    assert listed["is_current"] is True
    told = alice.rpc("get_privacy_report", {"p_report_id": report})
    assert {name: told[name] for name in measured} == measured

    call(alice, "update_dataset_row", stored, row_id=1, updates={"2": 31})
    assert content_state(stored) != before
    assert call(alice, "list_privacy_reports", stored)[0]["is_current"] is False
    assert alice.rpc("get_privacy_report", {"p_report_id": report})["is_current"] is False
    with pytest.raises(Conflict, match="changed since it was measured"):
        call(alice, "keep_privacy_report", stored, state=before, **measured)
    large = {**measured, "figures": {"x": "x" * 1_048_576}}
    with pytest.raises(Refused, match="at most 1 MB"):
        call(alice, "keep_privacy_report", stored, state=content_state(stored), **large)

    newer = call(alice, "keep_privacy_report", stored, state=content_state(stored), **measured)
    newest, oldest = call(alice, "list_privacy_reports", stored)
    assert (newest["id"], oldest["id"]) == (newer, report)
    page = call(
        alice, "list_privacy_reports", stored, before=newest["at"], before_id=newest["id"], limit=1
    )
    assert [each["id"] for each in page] == [report]

    for name in ("get_privacy_report", "delete_privacy_report"):
        with pytest.raises(NotFound):
            bob.rpc(name, {"p_report_id": report})
    assert alice.rpc("delete_privacy_report", {"p_report_id": report}) is True
    with pytest.raises(NotFound):
        alice.rpc("delete_privacy_report", {"p_report_id": report})
    assert [str(kept.pk) for kept in PrivacyReport.objects.filter(dataset=stored.id)] == [newer]
    Dataset.objects.filter(pk=stored.id).delete()
    assert not PrivacyReport.objects.filter(pk=newer).exists()
