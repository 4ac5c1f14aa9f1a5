"""What goes in comes out: every value, every heading, in the file's order, to its owner alone."""

import gzip
import hashlib
from pathlib import Path
from uuid import uuid4

import pytest
from django.db import connection

from conftest import People, Person
from datasets.browse import export
from datasets.browse.export_file import dataset_export
from datasets.services import dataset_delete
from datasets.tests.loading.tables import csv_text, load_csv, read_csv
from fairdb_site.errors import NotFound, Refused

NASTY = [
    "",
    " ",
    '"',
    '""',
    ",",
    "a,b",
    'say "hi"',
    "two\nlines",
    "a\r\nb",
    "\\N",
    "\\.",
    "\\",
    "\t",
    "NULL",
    "null",
    "NA",
    "'; drop table datasets; --",
    "%s %(x)s {0}",
    "é",
    "e\u0301",
    "漢字",
    "😀",
    "\u202egnirts",
    "x" * 10_000,
    "\x01\x1f\x7f",
    "=1+1",
    "-",
    "1e999",
    "007",
]


def exported(dataset: object, owner: Person, folder: Path) -> list[list[str]]:
    out = folder / "out.csv"
    dataset_export(dataset_id=dataset, reader_id=owner.user.pk, out=out)  # type: ignore[arg-type]
    return read_csv(out)


def test_nasty_values_come_out_as_they_went_in(alice: Person, tmp_path: Path) -> None:
    rows = [[f"P{i}", value, value[::-1]] for i, value in enumerate(NASTY)]
    receipt = load_csv(alice, tmp_path, csv_text(["id", "value", "reversed"], rows))
    assert receipt.rows == len(NASTY)
    header, *cells = exported(receipt.dataset, alice, tmp_path)
    assert header == ["id_hash", "value", "reversed"]
    assert [row[1:] for row in cells] == [row[1:] for row in rows]


def test_typed_columns_come_out_as_they_went_in(alice: Person, tmp_path: Path) -> None:
    text = (
        "id,n,x,b,d,t,s\n"
        "P1,-9223372036854775808,0.1,true,2024-02-29,2024-02-29 23:59:59.25,007\n"
        "P2,,,,,,\n"
        "P3,0,1e-07,false,0001-01-01,1999-12-31 00:00:00,7\n"
    )
    receipt = load_csv(alice, tmp_path, text)
    with connection.cursor() as cursor:
        cursor.execute(
            'select label, data_type from "_fd".dataset_columns where dataset_id = %s',
            [receipt.dataset],
        )
        types = dict(cursor.fetchall())
    assert types == {
        "id": "text",
        "n": "integer",
        "x": "float",
        "b": "boolean",
        "d": "date",
        "t": "timestamp",
        "s": "text",
    }
    lines = [line.split(",")[1:] for line in text.splitlines()[1:]]
    assert [row[1:] for row in exported(receipt.dataset, alice, tmp_path)[1:]] == lines


HEADERS = {
    "the same twice": ["id", "age", "age", "age"],
    "empty": ["id", "", "", "x"],
    "too long": ["id", "a" * 64, "a" * 200, "a" * 63],
    "the same 63 bytes": ["id", "taxon" * 13 + "1", "taxon" * 13 + "2", "b"],
    "quotes and newlines": ["id", 'a"b', "a\nb", "a,b"],
    "emoji": ["id", "😀", "😀😀", "é"],
    "ours": ["id", "rowid", "user_id", "id_hash"],
    "PostgreSQL's": ["id", "ctid", "xmin", "tableoid"],
    "SQL": ["id", "'; drop table x; --", "select", "%s"],
    "an odd id": ["Patient №\n1", "p", "Patient №\n1_hash", "hash"],
    "no id name": ["", "user_id", "_hash", "id_hash"],
    "spaces": [" id ", " id", "id ", "id"],
    "placeholders": ["id", ":data_schema", "{}", "%(a)s"],
}


@pytest.mark.parametrize("header", HEADERS.values(), ids=HEADERS.keys())
def test_any_header_works_and_is_shown_as_in_the_file(
    alice: Person, tmp_path: Path, header: list[str]
) -> None:
    text = csv_text(header, [["P1", "1", "x", "y"], ["P2", "2", "z", ""]])
    receipt = load_csv(alice, tmp_path, text, id_column="#1")
    out = exported(receipt.dataset, alice, tmp_path)
    assert out[0] == [f"{header[0]}_hash", *header[1:]]
    assert [row[1:] for row in out[1:]] == [["1", "x", "y"], ["2", "z", ""]]
    columns = alice.rpc("get_dataset_columns", {"p_dataset_id": str(receipt.dataset)})
    assert [column["label"] for column in columns["columns"]] == header


@pytest.mark.parametrize("count", [329, 331, 1_000])
def test_wide_text_tables_come_out_as_they_went_in(
    alice: Person, tmp_path: Path, count: int
) -> None:
    header = ["id", *(f"taxon {n}" for n in range(count))]
    rows = [[f"P{r}", *(f'"{r},{n}\n' for n in range(count))] for r in range(3)]
    receipt = load_csv(alice, tmp_path, csv_text(header, rows))
    assert len(receipt.tables) == -(-count // 330)
    out = exported(receipt.dataset, alice, tmp_path)
    assert [row[1:] for row in out[1:]] == [row[1:] for row in rows]


def test_joined_and_zipped_exports_are_the_same_bytes(
    alice: Person, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    header = ["a", "id", *(f"c{n}" for n in range(700))]
    rows = [[f'x"{r}', f"P{r}", *(NASTY[(r + n) % 20] for n in range(700))] for r in range(7)]
    receipt = load_csv(alice, tmp_path, csv_text(header, rows), id_column="id")
    joined, zipped = tmp_path / "joined.csv", tmp_path / "zipped.csv"
    dataset_export(dataset_id=receipt.dataset, reader_id=alice.user.pk, out=joined)
    monkeypatch.setattr(export, "MAX_JOINED_COLUMNS", 1)
    monkeypatch.setattr(export, "WINDOW_CELLS", 1_500)  # two rows a window
    dataset_export(dataset_id=receipt.dataset, reader_id=alice.user.pk, out=zipped)
    assert joined.read_bytes() == zipped.read_bytes()
    assert [row[:1] + row[2:] for row in read_csv(zipped)[1:]] == [r[:1] + r[2:] for r in rows]


def test_a_column_alone_in_its_part_comes_out_as_beside_others(
    alice: Person, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    header = ["id", *(f"c{n}" for n in range(331))]
    receipt = load_csv(alice, tmp_path, csv_text(header, [["P1", *["x"] * 330, "\\."]]))
    assert len(receipt.tables) == 2
    for limit in (1_600, 1):
        monkeypatch.setattr(export, "MAX_JOINED_COLUMNS", limit)
        out = tmp_path / f"{limit}.csv"
        assert dataset_export(
            dataset_id=receipt.dataset, reader_id=alice.user.pk, out=out
        ).unchanged
        assert read_csv(out)[1][-1] == "\\."


def test_digests_are_of_the_file_and_of_the_export(alice: Person, tmp_path: Path) -> None:
    packed = gzip.compress(b"id;age\nP1;30\nP2;\n")
    receipt = load_csv(alice, tmp_path, packed)
    out = tmp_path / "out.csv"
    done = dataset_export(dataset_id=receipt.dataset, reader_id=alice.user.pk, out=out)
    assert receipt.file_digest == hashlib.sha256(packed).hexdigest()
    assert receipt.digest == done.digest == hashlib.sha256(out.read_bytes()).hexdigest()
    assert done.unchanged
    assert out.stat().st_mode & 0o777 == 0o600


def test_an_edit_shows_in_the_export_and_its_digest(alice: Person, tmp_path: Path) -> None:
    receipt = load_csv(alice, tmp_path, "id,age\nP1,30\n")
    edit = {"p_table_name": receipt.tables[0], "p_row_id": 1, "p_updates": {"age": 31}}
    assert alice.rpc("update_table_row", edit) is True
    out = tmp_path / "out.csv"
    done = dataset_export(dataset_id=receipt.dataset, reader_id=alice.user.pk, out=out)
    assert read_csv(out)[1][1] == "31"
    assert not done.unchanged


def test_strangers_and_staff_cannot_export_or_delete(people: People, tmp_path: Path) -> None:
    receipt = load_csv(people.alice, tmp_path, "id,age\nP1,30\n")
    for dataset in (receipt.dataset, uuid4()):
        for person in (people.bob, people.carol):
            with pytest.raises(NotFound) as refused:
                dataset_export(
                    dataset_id=dataset, reader_id=person.user.pk, out=tmp_path / "no.csv"
                )
            assert "no such dataset" in str(refused.value)
            with pytest.raises(NotFound):
                dataset_delete(owner_id=person.user.pk, dataset_id=dataset)
    assert not (tmp_path / "no.csv").exists()
    assert dataset_delete(owner_id=people.alice.user.pk, dataset_id=receipt.dataset).rows == 1


def test_deleting_leaves_nothing(alice: Person, tmp_path: Path) -> None:
    receipt = load_csv(alice, tmp_path, "id,age\nP1,30\n")
    dataset_delete(owner_id=alice.user.pk, dataset_id=receipt.dataset)
    with connection.cursor() as cursor:
        cursor.execute(
            "select count(*) from pg_class where relname like %s",
            [f"%{receipt.dataset.hex[-12:]}%"],
        )
        assert cursor.fetchone()[0] == 0
        for table in ("datasets where id", "dataset_columns where dataset_id"):
            cursor.execute(f'select count(*) from "_fd".{table} = %s', [receipt.dataset])
            assert cursor.fetchone()[0] == 0
        cursor.execute(
            'select count(*) from "_fd".metadata_tables where table_name = any(%s)',
            [receipt.tables],
        )
        assert cursor.fetchone()[0] == 0


def test_titles_are_what_they_look_like(alice: Person, tmp_path: Path) -> None:
    text = "id,age\nP1,30\n"
    receipt = load_csv(alice, tmp_path, text, title="  Blood\u202e \u200b\tcounts\n2024 ")
    assert receipt.title == "Blood counts 2024"
    for unseen in ("", "   ", "\u200b\u202e", "\u200d"):
        with pytest.raises(Refused, match="title"):
            load_csv(alice, tmp_path, text, title=unseen)
    with pytest.raises(Refused, match="200 characters"):
        load_csv(alice, tmp_path, text, title="x" * 201)
