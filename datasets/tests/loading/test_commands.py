"""The operators' commands, as they are typed: results, JSON, exit codes, refusals."""

import hashlib
import json
import os
import subprocess
import sys
from io import StringIO
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command

from conftest import People, Person
from datasets.tests.loading.tables import read_csv

ROOT = Path(__file__).resolve().parents[3]
TABLE = "id,age,name\nP1,30,Ann\nP2,,Bob\n"


def run_json(*arguments: object) -> dict[str, Any]:
    out = StringIO()
    call_command(*map(str, arguments), "--json", stdout=out)
    assert len(out.getvalue().splitlines()) == 1
    result: dict[str, Any] = json.loads(out.getvalue())
    return result


def manage(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "manage.py", *map(str, arguments)],
        cwd=ROOT,
        env=os.environ,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        check=False,
    )


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "people.csv"
    path.write_text(TABLE)
    return path


def test_import_list_export_delete(alice: Person, table: Path, tmp_path: Path) -> None:
    receipt = run_json("import_dataset", table, "--owner", alice.email, "--title", "People")
    assert list(receipt)[:9] == [
        "dataset",
        "title",
        "tables",
        "rows",
        "columns",
        "refused",
        "file_digest",
        "digest",
        "seconds",
    ]
    assert (receipt["title"], receipt["rows"], receipt["columns"]) == ("People", 2, 2)
    assert receipt["refused"] == 0
    assert receipt["file_digest"] == hashlib.sha256(TABLE.encode()).hexdigest()

    [entry] = run_json("list_datasets", "--owner", alice.email)["datasets"]
    assert entry == {
        "dataset": receipt["dataset"],
        "title": "People",
        "owner": alice.email,
        "state": "ready",
        "rows": 2,
        "columns": 2,
        "created_at": entry["created_at"],
    }

    out = tmp_path / "out.csv"
    exported = run_json("export_dataset", receipt["dataset"], out, "--owner", alice.email)
    assert exported["digest"] == receipt["digest"]
    assert [row[1:] for row in read_csv(out)] == [["age", "name"], ["30", "Ann"], ["", "Bob"]]
    assert read_csv(out)[0][0] == "id_hash"

    run_json("delete_dataset", receipt["dataset"], "--yes")
    assert run_json("list_datasets", "--owner", alice.email, "--all") == {"datasets": []}


def test_options_reach_the_load(alice: Person, tmp_path: Path) -> None:
    path = tmp_path / "x.txt"
    path.write_text("a=b;pid;v\n007;P1;NA\n008;P2;5\nbad\n")
    receipt = run_json(
        *("import_dataset", path, "--owner", alice.email, "--id-column", "pid"),
        *("--type", "a=b=text", "--missing", "NA", "--delimiter", ";", "--skip-bad-rows"),
    )
    assert (receipt["rows"], receipt["refused"], receipt["refused_rows"]) == (2, 1, [3])
    columns = alice.rpc("get_dataset_columns", {"p_dataset_id": receipt["dataset"]})["columns"]
    assert [(c["label"], c["data_type"], c["missing"]) for c in columns] == [
        ("a=b", "text", 0),
        ("pid", "text", 0),
        ("v", "integer", 1),
    ]


def test_the_receipt_suggests_markers_and_warns_of_an_id(alice: Person, tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("sex,patient_id,age\nf,P1,3\nm,P2,NA\nf,P3,4\n")
    notes = run_json("import_dataset", path, "--owner", alice.email, "--id-column", "sex")["notes"]
    assert any("patient_id looks like an identifier" in note for note in notes)
    assert "age: integer but for 1 x NA" in notes


def test_nothing_is_stored_where_another_column_than_the_first_looks_like_the_id(
    alice: Person, tmp_path: Path
) -> None:
    path = tmp_path / "x.csv"
    path.write_text('"",patient_id\n1,P1\n2,P2\n')

    with pytest.raises(CommandError, match="Name the id column: 'patient_id' or '#1'") as refused:
        call_command("import_dataset", str(path), "--owner", alice.email)

    assert refused.value.returncode == 1
    assert str(refused.value).endswith("Use --id-column.")
    assert alice.rpc("list_datasets") == []
    receipt = run_json("import_dataset", path, "--owner", alice.email, "--id-column", "#1")
    assert receipt["id_label"] == ""


def test_the_receipt_warns_of_an_id_that_repeats_and_lists_refused_rows(
    alice: Person, tmp_path: Path
) -> None:
    path = tmp_path / "x.csv"
    path.write_text("age,sex\n30,f\n30,m\n30,f\nbad\n30,m\n")
    out = StringIO()
    call_command("import_dataset", str(path), "--owner", alice.email, "--skip-bad-rows", stdout=out)
    assert "3 of 4 rows repeat a value of age" in out.getvalue()
    assert "seen before" not in out.getvalue()
    assert "pseudonyms stand for age" in out.getvalue()
    assert "refused rows 4" in out.getvalue()
    assert "in 1 table," in out.getvalue()


def test_visits_of_patients_are_noted_once_and_calmly(alice: Person, tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("patient_id,v\nP1,1\nP1,2\nP1,3\n,4\n")

    notes = run_json("import_dataset", path, "--owner", alice.email)["notes"]

    assert notes == [
        "2 rows repeat an id seen before, and got the same pseudonym.",
        "1 row had an empty id.",
    ]


def test_an_id_in_the_first_column_is_warned_of_where_another_was_named(
    alice: Person, tmp_path: Path
) -> None:
    path = tmp_path / "x.csv"
    path.write_text("patient_id,v\nP1,1\nP2,2\n")

    notes = run_json("import_dataset", path, "--owner", alice.email, "--id-column", "v")["notes"]

    assert len(notes) == 1
    assert "patient_id looks like an identifier" in notes[0]


@pytest.mark.parametrize("command", ["export_dataset", "delete_dataset"])
@pytest.mark.parametrize("person", ["bob", "carol"])
def test_someone_elses_dataset_and_a_missing_one_are_the_same(
    people: People, table: Path, tmp_path: Path, command: str, person: str
) -> None:
    if command == "delete_dataset":
        with pytest.raises(CommandError, match="no such dataset"):
            call_command("delete_dataset", str(uuid4()), "--yes")
        return
    owned = run_json("import_dataset", table, "--owner", people.alice.email)["dataset"]
    stranger = getattr(people, person).email
    messages = set()
    for dataset in (owned, uuid4()):
        with pytest.raises(CommandError) as refused:
            call_command("export_dataset", str(dataset), str(tmp_path / "o.csv"), owner=stranger)
        messages.add(str(refused.value))
    assert len(messages) == 1
    assert run_json("list_datasets", "--owner", stranger) == {"datasets": []}


def test_refusals_are_one_line_and_exit_1(alice: Person, tmp_path: Path) -> None:
    ragged = tmp_path / "ragged.csv"
    ragged.write_text("id,age\nP1,1\nP2\n")
    done = manage("import_dataset", ragged, "--owner", alice.email, "--json")
    assert (done.returncode, done.stdout) == (1, "")
    assert len(done.stderr.strip().splitlines()) == 1
    assert "row 2" in done.stderr.lower()
    assert done.stderr.endswith("Use --skip-bad-rows.\n")


@pytest.mark.parametrize(
    "arguments", [["export_dataset", "not-a-uuid", "x.csv"], ["import_dataset", "x.csv"]]
)
def test_usage_errors_exit_2(typed: Any, arguments: list[str]) -> None:
    assert typed(*arguments) == 2


@pytest.mark.parametrize(
    ("answer", "refusal"), [("", "--yes"), ("y\n", "not its name. Nothing"), ("\n", "Nothing")]
)
def test_deleting_without_its_name_changes_nothing(
    alice: Person, table: Path, monkeypatch: pytest.MonkeyPatch, answer: str, refusal: str
) -> None:
    dataset = run_json("import_dataset", table, "--owner", alice.email)["dataset"]
    monkeypatch.setattr("sys.stdin", StringIO(answer))
    asked = StringIO()
    with pytest.raises(CommandError, match=refusal):
        call_command("delete_dataset", dataset, stderr=asked)
    assert "Delete 'people'" in asked.getvalue()
    assert len(run_json("list_datasets", "--owner", alice.email)["datasets"]) == 1


def test_a_piped_name_deletes(alice: Person, table: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = run_json("import_dataset", table, "--owner", alice.email)["dataset"]
    monkeypatch.setattr("sys.stdin", StringIO("people\n"))
    assert run_json("delete_dataset", dataset)["rows"] == 2


def test_a_reader_who_has_seen_enough_ends_a_command_quietly(db_ready: None) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with open(writer, "w") as closed:
        done = subprocess.run(
            [sys.executable, "manage.py", "list_datasets", "--json"],
            cwd=ROOT,
            env=os.environ,
            stdout=closed,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert (done.returncode, done.stderr) == (0, "")


def test_what_the_database_quotes_is_not_printed(
    alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    from accounts.tests.probe_urls import SENTINEL, refused_by_postgresql

    monkeypatch.setattr(
        "datasets.management.commands.list_datasets.dataset_list",
        lambda **options: refused_by_postgresql("DataError"),
    )
    with pytest.raises(CommandError, match="SQLSTATE 22P02") as refused:
        call_command("list_datasets")
    assert SENTINEL not in str(refused.value)
    assert refused.value.__cause__ is None


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--owner", "nobody@example.org"], "no account"),
        (["--owner", "not an address"], "address"),
    ],
)
def test_an_unknown_owner_is_refused(
    db_ready: None, table: Path, arguments: list[str], message: str
) -> None:
    with pytest.raises(CommandError, match=message):
        call_command("import_dataset", str(table), *arguments)


def test_a_missing_file_is_refused(alice: Person) -> None:
    with pytest.raises(CommandError, match="no file"):
        call_command("import_dataset", "/nowhere/x.csv", "--owner", alice.email)


def test_reaping_says_what_it_did(db_ready: None) -> None:
    counted = {"datasets", "parts", "files", "alive", "accounts", "accounts_waiting"}
    assert set(run_json("reap_uploads")) == counted


def test_one_of_a_kind_is_said_as_one(alice: Person, tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("id,age\nP1,3\n")
    out = StringIO()

    call_command("import_dataset", str(path), "--owner", alice.email, stdout=out)
    dataset = alice.rpc("list_datasets")[0]["id"]
    call_command("delete_dataset", dataset, "--yes", stdout=out)

    assert "x: 1 row and 1 column stored in 1 table, 0 rows refused" in out.getvalue()
    assert "Deleted 'x': 1 row of 1 column in 1 table, 0 corrections." in out.getvalue()
