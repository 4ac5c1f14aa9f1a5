"""`privacy_report DATASET` and the services behind it: as the file's, under the owner's eyes."""

import json
from io import StringIO
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.core.management import CommandError, call_command

from accounts import audit
from conftest import Person
from datasets.tests.loading.tables import load_csv
from fairdb_site.errors import Conflict, NotFound, Refused
from fairdb_site.supabase.clients import Supabase
from privacy import codes, rpc, services
from privacy.chosen import Roles, Rules
from privacy.measures.verdict import Thresholds

VISITS = (
    "patient,age,postcode,visit,result\n"
    "P1,34,1011,2024-01-02,positive\n"
    "P1,34,1011,2024-01-03,negative\n"
    "P2,34,1011,2024-01-04,negative\n"
    "P2,34,1011,2024-01-04,positive\n"
    "P3,,1012,2024-01-05,positive\n"
    "P4,,1012,2024-01-06,negative\n"
)


@pytest.fixture
def visits(alice: Person, tmp_path: Path) -> UUID:
    return load_csv(alice, tmp_path, VISITS).dataset


def report(table: Any, *options: str) -> tuple[int, dict[str, Any]]:
    out, code = StringIO(), 0
    try:
        call_command("privacy_report", str(table), *options, "--json", stdout=out)
    except CommandError as error:
        code = error.returncode
        if code != 3:
            raise
    return code, json.loads(out.getvalue())


def test_a_dataset_has_the_figures_of_its_file(alice: Person, visits: UUID, tmp_path: Path) -> None:
    path = tmp_path / "visits.csv"
    path.write_text(VISITS)
    options = ("--quasi-identifiers=age,#3", "--sensitive=result,visit", "--k=2", "--risk=0.5")

    of_file = report(path, *options, "--id-column=patient")
    of_dataset = report(visits, *options)
    as_alice = report(visits, *options, f"--owner={alice.email}")

    assert of_dataset[1].pop("dataset") == as_alice[1].pop("dataset") == str(visits)
    del of_file[1]["file"]
    assert of_dataset == as_alice == of_file
    assert of_dataset[1]["k_persons"] == 2
    assert of_dataset[1]["overall"]["t"] == max(of_dataset[1]["t"].values())
    read = [event.action for event in audit.events(dataset=visits, most=10)]
    assert read.count("rows read") == 2


def test_what_the_owner_chose_is_what_is_measured(
    alice: Person, visits: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = {"p_dataset_id": str(visits)}
    with pytest.raises(CommandError, match="No column is a quasi-identifier yet"):
        report(visits)
    roles = {"2": "quasi_identifier", "3": "quasi_identifier", "5": "sensitive"}
    alice.rpc("set_privacy_roles", {**dataset, "p_roles": roles})
    thresholds = {"k": 2, "risk": 0.5, "missing": "drop", "population": 8}
    alice.rpc("set_privacy_thresholds", {**dataset, "p_thresholds": thresholds})

    code, found = report(visits)
    stricter = report(visits, "--k=5", "--missing-policy=own", "--population-size=60")
    with pytest.raises(CommandError, match="at least the table's 4 rows"):
        report(visits, "--population-size=3")

    assert (code, found["rows"], found["rows_left_out"]) == (0, 4, 2)
    assert list(found["t"]) == ["result"]
    assert found["thresholds"] == {"k": 2, "l": 2, "t": 0.5, "risk": 0.5}
    # the class of 4 of 4 rows is taken to be 8 of 8, that of 2 of 6 to be 20 of 60
    assert (found["journalist_max"], found["population"]) == (1 / 8, 8)
    assert stricter[1]["journalist_max"] == pytest.approx(1 / 20)
    assert (stricter[0], stricter[1]["missed"], stricter[1]["rows"]) == (3, ["k"], 6)

    # from here on nothing is read again
    monkeypatch.setattr(codes, "_read", None)
    assert report(visits) == (code, found)


def test_rows_at_risk_go_by_their_numbers_past_deleted_ones(
    alice: Person, bob: Person, visits: UUID
) -> None:
    rows = {"p_dataset_id": str(visits), "p_row_ids": [1, 5]}
    alice.rpc("delete_dataset_rows", rows)
    made = services.report_make(owner_id=alice.user.pk, dataset_id=visits, roles=Roles((2,)))

    found = services.rows_at_risk(owner_id=alice.user.pk, made=made, most=2)

    assert [(each.row, each.risk) for each in found] == [(6, 1.0), (2, pytest.approx(1 / 3))]
    with pytest.raises(NotFound):
        services.rows_at_risk(owner_id=bob.user.pk, made=made)
    alice.rpc("delete_dataset_rows", {**rows, "p_row_ids": [2]})
    with pytest.raises(Conflict):
        services.rows_at_risk(owner_id=alice.user.pk, made=made)


def test_strangers_and_options_of_files_are_refused(
    alice: Person, bob: Person, visits: UUID
) -> None:
    for table, options, sentence in (
        (visits, ["--quasi-identifiers=age", f"--owner={bob.email}"], "no such dataset"),
        (uuid4(), ["--quasi-identifiers=age"], "no such dataset"),
        (visits, ["--quasi-identifiers=age", "--owner=nobody@example.org"], "no account"),
        (visits, ["--quasi-identifiers=weight"], "no column 'weight'"),
        (visits, ["--quasi-identifiers=age", "--delimiter=tab"], "--delimiter is about files"),
        (visits, ["--quasi-identifiers=age", "--t=2"], "threshold t"),
    ):
        with pytest.raises(CommandError, match=sentence) as refused:
            report(table, *options)
        assert refused.value.returncode == 1


def test_a_report_is_kept_on_request_and_of_what_was_measured(
    alice: Person, bob: Person, visits: UUID
) -> None:
    roles = Roles((2, 3), (5,), 1)
    rules = Rules(Thresholds(k=2), "any", 600)
    made = services.report_make(owner_id=alice.user.pk, dataset_id=visits, roles=roles, rules=rules)
    supabase = Supabase(access_token=alice.access_token)

    assert rpc.list_privacy_reports(supabase, visits) == []
    kept = services.report_keep(supabase=supabase, made=made)
    found = rpc.get_privacy_report(supabase, kept)

    assert found["figures"] == json.loads(json.dumps(made.figures))
    assert found["roles"] == {
        "quasi_identifiers": ["age", "postcode"],
        "sensitive": ["result"],
        "direct_identifiers": [],
        "id_column": ["patient"],
    }
    limits: dict[str, Any] = {"k": 2, "l": 2, "t": 0.5, "risk": 0.2}
    limits |= {"missing": "any", "population": 600, "population_dataset": None}
    assert found["thresholds"] == limits

    rpc.set_privacy_roles(supabase, visits, {2: "quasi_identifier"}, seen="")
    change = {"p_dataset_id": str(visits), "p_row_id": 1, "p_updates": {"2": 35}}
    alice.rpc("update_dataset_row", change)
    with pytest.raises(Conflict):
        services.report_keep(supabase=supabase, made=made)
    with pytest.raises(NotFound):
        services.report_make(owner_id=bob.user.pk, dataset_id=visits, roles=roles)
    with pytest.raises(Refused, match="does not exist"):
        services.report_make(owner_id=alice.user.pk, dataset_id=visits, roles=Roles((2, 9)))
