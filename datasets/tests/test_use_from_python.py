"""The Python of docs/use-from-r-and-python.md, run as it stands, as one person among others."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from postgrest.exceptions import APIError

from conftest import make_person
from datasets.tests.pages.tables import Loaded, load_table
from datasets.tests.queries import queries_not_executed

DOCUMENT = Path(__file__).resolve().parents[2] / "docs/use-from-r-and-python.md"
ROWS = 1_203  # more than Supabase gives in one answer


def code(language: str = "python") -> str:
    """Return the blocks of a language, in order."""
    return "\n".join(re.findall(rf"^```{language}\n(.*?)^```", DOCUMENT.read_text(), re.M | re.S))


def table_of(person: Any, title: str) -> Loaded:
    """Load a table of many rows whose ages tell whose it is."""
    age = len(title)
    lines = [f"P{n},{age},{'' if n == 7 else n / 4}" for n in range(1, ROWS + 1)]
    return load_table(person, "\n".join(["id,age,weight", *lines]).encode(), title=title)


@pytest.fixture
def environment(settings: Any, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    monkeypatch.setenv("FAIRDB_SUPABASE_URL", settings.SUPABASE_URL)
    monkeypatch.setenv("FAIRDB_PUBLISHABLE_KEY", settings.SUPABASE_PUBLISHABLE_KEY)
    return monkeypatch


def run_as(person: Any, environment: pytest.MonkeyPatch) -> dict[str, Any]:
    """Run the document's code with what a person types; return what it left."""

    def typed(asked: str) -> str:
        typed: str = person.email if asked == "E-mail: " else person.code()
        return typed

    environment.setattr("builtins.input", typed)
    environment.setattr("getpass.getpass", lambda asked: person.password)
    left: dict[str, Any] = {}
    exec(compile(code(), str(DOCUMENT), "exec"), left)
    return left


def test_code_of_the_document_gives_alice_hers_and_nothing_of_bob(
    people: Any, environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    hers = table_of(people.alice, "Hers")
    table_of(people.bob, "That of Bob")

    left = run_as(people.alice, environment)

    said = capsys.readouterr().out
    assert f"Hers {ROWS} 2 {hers.id}" in said
    assert f"{ROWS} rows, the last of them:" in said
    assert "Bob" not in said
    assert [row[0] for row in left["rows"]] == list(range(1, ROWS + 1))
    assert {row[2] for row in left["rows"]} == {"4"}
    assert (left["rows"][0][3], left["rows"][6][3]) == ("0.25", None)
    assert [column["label"] for column in left["columns"]] == ["id", "age", "weight"]
    assert [column["title"] for column in left["found"]] == ["Hers"]
    (part,) = hers.receipt.tables
    assert [table["table_name"] for table in left["tables"]] == [part]
    first = people.alice.rpc("select_from_table", {"p_table_name": part, "p_row_limit": 1})
    assert first[0]["age"] == 4  # corrected, and that undone
    changes = people.alice.rpc("get_changes", {"p_dataset_id": str(hers.id)})
    assert [change["shown"][0]["new"] for change in changes] == ["4", "41"]
    assert left["client"].auth.get_session() is None


def test_code_of_the_document_gives_the_second_factor(
    db_ready: None, environment: pytest.MonkeyPatch
) -> None:
    dora = make_person("dora", factor=True)
    table_of(dora, "Hers")

    assert len(run_as(dora, environment)["rows"]) == ROWS

    skipped = code().replace("if factors.totp:", "if False:")
    environment.setattr("datasets.tests.test_use_from_python.code", lambda: skipped)
    with pytest.raises(APIError, match="Sign in with your second factor first"):
        run_as(dora, environment)


def test_bobs_rows_do_not_appear_when_asked_for_by_name(
    people: Any, environment: pytest.MonkeyPatch
) -> None:
    table_of(people.alice, "Hers")
    theirs = table_of(people.bob, "That of Bob")
    functions = code().replace("client.auth.sign_out()", "")
    environment.setattr("datasets.tests.test_use_from_python.code", lambda: functions)
    left = run_as(people.alice, environment)
    client = left["client"]

    asked: list[Callable[[], object]] = [
        lambda: list(left["rows_of"](client, str(theirs.id), [2])),
        lambda: list(left["columns_of"](client, str(theirs.id))),
        lambda: client.rpc(
            "select_from_table", {"p_table_name": theirs.receipt.tables[0]}
        ).execute(),
    ]
    for ask in asked:
        with pytest.raises(APIError) as refused:
            ask()
        assert refused.value.code == "PT404"


def test_no_query_of_the_document_lacks_execute() -> None:
    assert "client.rpc(" in code()
    assert queries_not_executed(code()) == []


def test_document_names_no_secret_key_and_no_password_in_code() -> None:
    for language in ("python", "r"):
        assert "secret" not in code(language).lower()
        assert not re.search(r"password[\"']?\s*[:=]\s*[\"']", code(language))
