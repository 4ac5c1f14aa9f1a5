"""`manage.py pseudonyms`: the pseudonyms that a load gives, on stdout or in a new private file."""

import csv
import gzip
import io
import json
import logging
import os
import stat
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from conftest import People, Person
from datasets.ingest.pseudonyms import owner_key, pseudonymize
from datasets.tests.loading.tables import load_csv
from datasets.tests.loading.test_pseudonyms_stored import SENTINEL, pseudonyms, tables_holding


def run(*arguments: object) -> tuple[str, str]:
    """Run the command and return (stdout, stderr)."""
    out, err = io.StringIO(), io.StringIO()
    call_command("pseudonyms", *map(str, arguments), stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


def expected(person: Person, *ids: str) -> list[list[str]]:
    """Return the rows that the command should print."""
    key = owner_key(settings.FAIRDB_PSEUDONYM_KEY, person.user.pk)
    return [["id", "pseudonym"], *map(list, zip(ids, pseudonymize(ids, key), strict=True))]


def rows(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text)))


@pytest.fixture
def file_of(tmp_path: Path) -> Callable[[str | bytes], Path]:
    def written(content: str | bytes) -> Path:
        path = tmp_path / f"ids-{len(list(tmp_path.iterdir()))}"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return written


@pytest.fixture
def stdin(monkeypatch: pytest.MonkeyPatch) -> Callable[[bytes], None]:
    def given(content: bytes) -> None:
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content)))

    return given


def test_ids_get_the_pseudonyms_that_loading_gave_them(
    alice: Person, bob: Person, tmp_path: Path, file_of: Any
) -> None:
    loaded = load_csv(alice, tmp_path, "id,v\nP1,1\nJosé,2\n")
    path = file_of("P1\nJose\u0301\n")

    out, _ = run(path, "--owner", alice.email)

    assert [row[1] for row in rows(out)[1:]] == pseudonyms(alice, loaded.tables)
    bobs, _ = run(path, "--owner", bob.email)
    assert not {row[1] for row in rows(out)[1:]} & {row[1] for row in rows(bobs)[1:]}


LISTS: dict[str, tuple[bytes, tuple[str, ...]]] = {
    "every line end": (b"P1\r\nP2\rP3\nP4", ("P1", "P2", "P3", "P4")),
    "white space, empty lines, repeats": (b"  P2 \n\n \nP1\nP2\n", ("P2", "P1")),
    "a byte order mark": (b"\xef\xbb\xbfP1\n", ("P1",)),
    "UTF-16": ("Å1\nÅ2\n".encode("utf-16"), ("Å1", "Å2")),
    "Windows-1252": ("Müller 1\nMüller 2\n".encode("cp1252"), ("Müller 1", "Müller 2")),
    "gzip": (gzip.compress(b"P1\n"), ("P1",)),
    "what a CSV has to quote": (b'a,b\n"c\n', ("a,b", '"c')),
    "signs that are line ends elsewhere": ("P\u20281\x0b2\n".encode(), ("P\u20281\x0b2",)),
    "formulas, as they are": (b"=1+1\n-5\n", ("=1+1", "-5")),
}


@pytest.mark.parametrize(("content", "ids"), LISTS.values(), ids=LISTS.keys())
def test_a_list_is_one_id_a_line(
    alice: Person, file_of: Any, content: bytes, ids: tuple[str, ...]
) -> None:
    out, _ = run(file_of(content), "--owner", alice.email)

    assert rows(out) == expected(alice, *ids)


def test_a_column_of_a_table_is_read_as_loading_reads_it(alice: Person, file_of: Any) -> None:
    path = file_of('age;pid\n1;"P;1"\nbad\n2;P2\n3;\n4;P2\n')

    out, err = run(path, "--owner", alice.email, "--id-column", "pid", "--skip-bad-rows")

    assert rows(out) == expected(alice, "P;1", "P2")
    assert "2 ids, 1 empty passed over, 1 given again" in err
    assert "separator" not in err


def test_stdin_is_read_as_a_file_is(alice: Person, stdin: Any) -> None:
    stdin(b"P1\n")
    assert rows(run("-", "--owner", alice.email)[0]) == expected(alice, "P1")

    stdin(b"pid,age\nP1,1\n")
    out, _ = run("-", "--owner", alice.email, "--id-column", "pid")
    assert rows(out) == expected(alice, "P1")


def test_a_pipe_is_read_as_a_file_is(alice: Person, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=lambda: pipe.write_bytes(b"P1\n"))
    writer.start()

    out, _ = run(pipe, "--owner", alice.email)

    writer.join()
    assert rows(out) == expected(alice, "P1")


def test_what_may_surprise_is_said_beside_the_csv(alice: Person, file_of: Any) -> None:
    _, err = run(file_of("pid,age\nP1,1\n=1+1\n"), "--owner", alice.email)

    assert "2 ids hold a separator" in err
    assert "--id-column" in err
    assert "1 id begins with = + - or @" in err
    assert "P1" not in err


def test_json_is_one_object_on_stdout(alice: Person, file_of: Any, tmp_path: Path) -> None:
    path, new = file_of("P1\nP1\n\n"), tmp_path / "new.csv"
    counts = {"owner": alice.email, "ids": 1, "empty": 1, "repeated": 1}

    listed = json.loads(run(path, "--owner", alice.email, "--json")[0])
    written = json.loads(run(path, "--owner", alice.email, "--json", "--out", new)[0])

    ((value, pseudonym),) = expected(alice, "P1")[1:]
    assert listed == counts | {"pseudonyms": [{"id": value, "pseudonym": pseudonym}]}
    assert written == counts | {"file": str(new)}


def test_lookup_tells_the_rows_of_the_owners_datasets_alone(
    people: People, tmp_path: Path, file_of: Any
) -> None:
    for owner in (people.bob, people.alice):
        first = load_csv(owner, tmp_path, "id,v\nP2,1\nP1,2\nP2,3\n", title="First, of P2")
        second = load_csv(owner, tmp_path, "v,sample\n1,P1\n", id_column="sample", title="Next")
    path = file_of("P2\nP1\n01\n")
    (_, p2), (_, p1), (_, none) = expected(people.alice, "P2", "P1", "01")[1:]

    out, err = run(path, "--owner", people.alice.email, "--lookup")
    listed = json.loads(run(path, "--owner", people.alice.email, "--lookup", "--json")[0])

    assert rows(out) == [
        ["id", "pseudonym", "dataset", "title", "row"],
        ["P2", p2, str(first.dataset), "First, of P2", "1"],
        ["P2", p2, str(first.dataset), "First, of P2", "3"],
        ["P1", p1, str(first.dataset), "First, of P2", "2"],
        ["P1", p1, str(second.dataset), "Next", "1"],
        ["01", none, "", "", ""],
    ]
    assert "3 ids, 2 found in datasets" in err
    assert listed["found"] == 2
    assert listed["pseudonyms"][0]["rows"][1] == {
        "dataset": str(first.dataset),
        "title": "First, of P2",
        "row": 3,
    }
    assert listed["pseudonyms"][2] == {"id": "01", "pseudonym": none, "rows": []}
    carols, _ = run(path, "--owner", people.carol.email, "--lookup")
    assert {tuple(row[2:]) for row in rows(carols)[1:]} == {("", "", "")}


def test_a_new_file_is_its_writers_alone(alice: Person, file_of: Any, tmp_path: Path) -> None:
    new = tmp_path / "new.csv"

    out, err = run(file_of("P1\n"), "--owner", alice.email, "--out", new)

    assert out == ""
    assert f"{new}: 1 id" in err
    assert stat.S_IMODE(new.stat().st_mode) == 0o600
    assert rows(new.read_text()) == expected(alice, "P1")


@pytest.mark.parametrize("there", ["file", "link to nothing", "pipe", "folder"])
def test_nothing_that_is_there_is_overwritten(
    alice: Person, file_of: Any, tmp_path: Path, there: str
) -> None:
    out = tmp_path / "out"
    make: dict[str, Callable[[], object]] = {
        "file": lambda: out.write_text("before"),
        "link to nothing": lambda: out.symlink_to(tmp_path / "nothing"),
        "pipe": lambda: os.mkfifo(out),
        "folder": out.mkdir,
    }
    make[there]()
    before = out.lstat()

    with pytest.raises(CommandError, match="is there already"):
        run(file_of("P1\n"), "--owner", alice.email, "--out", out)

    assert (out.lstat().st_ino, out.lstat().st_size) == (before.st_ino, before.st_size)
    assert not (tmp_path / "nothing").exists()


def test_a_file_that_cannot_be_written_whole_is_not_left(
    alice: Person, file_of: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks_off(linked: object, found: object) -> Any:
        yield "id,pseudonym\n"
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("datasets.management.commands.pseudonyms.csv_pieces", breaks_off)

    with pytest.raises(CommandError, match="No space left"):
        run(file_of("P1\n"), "--owner", alice.email, "--out", tmp_path / "new.csv")

    assert not (tmp_path / "new.csv").exists()


@pytest.mark.parametrize("given", [[SENTINEL], ["LIST", SENTINEL], ["LIST", "--id", SENTINEL]])
def test_an_id_as_an_argument_is_wrong_usage_and_is_not_repeated(
    alice: Person, file_of: Any, typed: Any, capsys: pytest.CaptureFixture[str], given: list[str]
) -> None:
    path = str(file_of("P1\n"))
    arguments = [path if word == "LIST" else word for word in given]

    assert typed("pseudonyms", "--owner", alice.email, *arguments) == 2

    said = capsys.readouterr()
    assert "shell keeps those in its history" in " ".join(said.err.split())
    assert SENTINEL not in said.out + said.err


REFUSED: dict[str, tuple[bytes, list[str], str]] = {
    "no id": (b" \n\n", [], "no id"),
    "nothing at all": (b"", [], "empty"),
    "a NUL": (f"P1\n{SENTINEL}\0\n".encode(), [], "Line 2 holds a NUL"),
    "two encodings": (f"{SENTINEL} é\n".encode() + b"\xe9\n", [], "not UTF-8"),
    "another encoding than named": (b"\xe9\n", ["--encoding", "utf-8"], "byte 1"),
    "no such column": (f"id\n{SENTINEL}\n".encode(), ["--id-column", "pid"], "no column"),
    "a bad row": (f"id,a\n{SENTINEL}\nP2,1\n".encode(), ["--id-column", "id"], "--skip-bad-rows"),
    "a delimiter of a list": (b"P1\n", ["--delimiter", ";"], "--id-column"),
    "a workbook": (b"PK\x03\x04" + SENTINEL.encode(), [], "."),
}


@pytest.mark.parametrize("given", REFUSED.values(), ids=REFUSED.keys())
def test_refusals_are_one_line_that_names_no_id(
    alice: Person,
    file_of: Any,
    caplog: pytest.LogCaptureFixture,
    given: tuple[bytes, list[str], str],
) -> None:
    content, options, message = given
    caplog.set_level(logging.DEBUG)

    with pytest.raises(CommandError, match=message) as refused:
        run(file_of(content), "--owner", alice.email, *options)

    assert refused.value.returncode == 1
    assert "\n" not in str(refused.value)
    assert SENTINEL not in str(refused.value) + caplog.text


def test_too_many_ids_are_refused_with_the_limit(
    alice: Person, file_of: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("datasets.management.commands.pseudonyms.MOST_IDS", 2)

    assert len(rows(run(file_of("P1\nP2\nP1\n"), "--owner", alice.email)[0])) == 3
    with pytest.raises(CommandError, match="At most 2 different ids"):
        run(file_of("P1\nP2\nP3\n"), "--owner", alice.email)


def test_another_key_gives_no_pseudonyms(
    alice: Person, tmp_path: Path, file_of: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    load_csv(alice, tmp_path, "id,v\nP1,1\n")
    monkeypatch.setattr(settings, "FAIRDB_PSEUDONYM_KEY", "another key of sufficient length 1234")

    with pytest.raises(CommandError, match="put the earlier key back") as refused:
        run(file_of("P1\n"), "--owner", alice.email)

    assert refused.value.returncode == 1


def test_ids_are_in_no_table_and_no_log(
    alice: Person, file_of: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)

    out, err = run(file_of(f"{SENTINEL}\n"), "--owner", alice.email)

    assert SENTINEL in out
    assert SENTINEL not in err + caplog.text
    assert tables_holding(SENTINEL) == []
