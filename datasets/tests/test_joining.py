"""Columns attached to the rows of another dataset by the pseudonym, and taken off again."""

from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from conftest import Person
from datasets import rpc
from datasets.browse.export_file import dataset_export
from datasets.ingest.pipeline import dataset_import
from datasets.joining.services import dataset_attach, dataset_detach, no_id_of
from datasets.models import Attachment, Dataset, DatasetColumn, MetadataTable
from datasets.tests.stored import qualified, run
from fairdb_site.errors import Conflict, NotFound, Refused
from fairdb_site.supabase.clients import Supabase

TAXA = b"sample,taxon_a,taxon_b\ns1,1,2\ns2,3,4\ns3,5,6\n,7,8\ns2,9,10\n"
SAMPLES = (
    b"sample_id,age,site,taxon_a,note\ns2,40,gut,x,n\ns1,31,skin,,m\ns9,50,gut,y,\n,60,oral,z,o\n"
)


@pytest.fixture
def tables(alice: Person, tmp_path: Path) -> tuple[UUID, UUID]:
    """Abundances by sample, and metadata of samples: s3 has none, s9 no abundances."""
    return load(alice, tmp_path, TAXA, "Taxa"), load(alice, tmp_path, SAMPLES, "Samples")


def load(person: Person, folder: Path, content: bytes, title: str) -> UUID:
    path = folder / f"{title}.csv"
    path.write_bytes(content)
    return dataset_import(
        owner=person.user, source=path, file_name=path.name, title=title, id_column="#1"
    ).dataset


def exported(dataset: UUID, person: Person, folder: Path) -> list[list[str]]:
    out = folder / f"{uuid4()}.csv"
    dataset_export(dataset_id=dataset, reader_id=person.user.pk, out=out)
    return [line.split(",") for line in out.read_text().splitlines()]


def report(person: Person, here: UUID, there: UUID) -> rpc.JoinReport:
    return rpc.get_join_report(
        Supabase(person.access_token), here, there, no_id=no_id_of(person.user.pk)
    )


def test_report_tells_ids_of_both_and_of_one_alone(alice: Person, tables: Any) -> None:
    said = report(alice, *tables)

    assert said == {
        "matched": 2,
        "only_here": 2,  # s3, and the row without an id
        "only_there": 2,
        "rows_matched": 3,
        "rows_unmatched": 2,
        "repeated_there": 0,
        "rows_here": [3, 4],
        "rows_there": [3, 4],
    }


def test_columns_stand_beside_the_rows_of_their_id(
    alice: Person, tables: Any, tmp_path: Path
) -> None:
    taxa, samples = tables

    attached = dataset_attach(owner_id=alice.user.pk, dataset_id=taxa, source_id=samples)

    header, *rows = exported(taxa, alice, tmp_path)
    assert header[1:] == ["taxon_a", "taxon_b", "age", "site", "taxon_a (Samples)", "note"]
    assert [row[1:] for row in rows] == [
        ["1", "2", "31", "skin", '""', "m"],
        ["3", "4", "40", "gut", "x", "n"],
        ["5", "6", "", "", "", ""],
        ["7", "8", "", "", "", ""],  # no id is nobody's
        ["9", "10", "40", "gut", "x", "n"],
    ]
    assert (attached.columns, attached.rows_matched, attached.rows) == (4, 3, 5)


def test_attached_columns_are_columns_like_any_other(
    alice: Person, bob: Person, tables: Any
) -> None:
    taxa, samples = tables
    dataset_attach(owner_id=alice.user.pk, dataset_id=taxa, source_id=samples, positions=[2])

    column = DatasetColumn.objects.get(dataset=taxa, label="age")
    part = Dataset.objects.get(pk=taxa).parts[1]
    made = rpc.update_dataset_row(Supabase(alice.access_token), taxa, 1, {column.position: 32})
    page = rpc.select_dataset_rows(Supabase(alice.access_token), taxa, [column.position])

    assert made["change"] is not None
    assert [row[2] for row in page["rows"]] == ["32", "40", None, None, "40"]
    assert (column.missing, column.distinct_count, column.maximum) == (2, 2, "40")
    assert run(f"select relforcerowsecurity from pg_class where relname = '{part}'") == [(True,)]
    with pytest.raises(NotFound):
        bob.rpc("select_from_table", {"p_table_name": part})


def test_only_the_columns_chosen_are_attached(alice: Person, tables: Any) -> None:
    taxa, samples = tables

    dataset_attach(owner_id=alice.user.pk, dataset_id=taxa, source_id=samples, positions=[3, 5])

    labels = DatasetColumn.objects.filter(dataset=taxa, attachment_id__isnull=False)
    assert [column.label for column in labels.order_by("position")] == ["site", "note"]
    assert Dataset.objects.get(pk=taxa).column_count == 4


def test_taken_off_it_is_as_it_was_loaded(alice: Person, tables: Any, tmp_path: Path) -> None:
    taxa, samples = tables
    before = exported(taxa, alice, tmp_path)
    facts = Dataset.objects.filter(pk=taxa).values("parts", "column_count", "row_count").get()
    one = dataset_attach(
        owner_id=alice.user.pk, dataset_id=taxa, source_id=samples, positions=[2, 3]
    )
    two = dataset_attach(owner_id=alice.user.pk, dataset_id=taxa, source_id=samples)
    part_of_one = Dataset.objects.get(pk=taxa).parts[1]

    dataset_detach(owner_id=alice.user.pk, dataset_id=taxa, attachment_id=one.attachment)
    between = exported(taxa, alice, tmp_path)
    dataset_detach(owner_id=alice.user.pk, dataset_id=taxa, attachment_id=two.attachment)

    assert between[0][3:] == ["age (Samples)", "site (Samples)", "taxon_a (Samples)", "note"]
    assert between[2][3:] == ["40", "gut", "x", "n"]
    assert exported(taxa, alice, tmp_path) == before
    left = Dataset.objects.filter(pk=taxa).values("parts", "column_count", "row_count").get()
    assert left == facts
    assert run("select to_regclass(%s)", [qualified(part_of_one)]) == [(None,)]
    assert not MetadataTable.objects.filter(table_name=part_of_one).exists()
    assert not Attachment.objects.filter(dataset=taxa).exists()


def test_rows_deleted_before_come_back_with_what_was_attached_since(
    alice: Person, tables: Any, tmp_path: Path
) -> None:
    taxa, samples = tables
    supabase = Supabase(alice.access_token)
    undone = UUID(rpc.delete_dataset_rows(supabase, taxa, [2, 3, 4])["change"] or "")
    one = dataset_attach(owner_id=alice.user.pk, dataset_id=taxa, source_id=samples)
    again = UUID(rpc.delete_dataset_rows(supabase, taxa, [1, 2])["change"] or "")  # 2 is gone
    edited = rpc.update_dataset_row(supabase, taxa, 5, {4: 41})

    assert rpc.undo_change(supabase, again)["rows"] == 1
    redone = rpc.undo_change(supabase, undone)

    assert redone["rows"] == 3
    assert [row[1:] for row in exported(taxa, alice, tmp_path)[1:]] == [
        ["1", "2", "31", "skin", '""', "m"],
        ["3", "4", "40", "gut", "x", "n"],
        ["5", "6", "", "", "", ""],
        ["7", "8", "", "", "", ""],
        ["9", "10", "41", "gut", "x", "n"],
    ]
    assert (report(alice, taxa, samples)["matched"], rows_of(taxa)) == (2, 5)
    rpc.undo_change(supabase, UUID(redone["change"] or ""))
    assert (len(exported(taxa, alice, tmp_path)), rows_of(taxa)) == (3, 2)
    # of a change whose every cell was taken off nothing is left to be undone
    dataset_detach(owner_id=alice.user.pk, dataset_id=taxa, attachment_id=one.attachment)
    assert edited["change"] not in {c["change"] for c in rpc.get_changes(supabase, taxa)}
    rpc.undo_change(supabase, undone)
    assert (len(exported(taxa, alice, tmp_path)), rows_of(taxa)) == (6, 5)


def rows_of(dataset: UUID) -> int | None:
    return Dataset.objects.get(pk=dataset).row_count


def test_the_sources_deletion_leaves_what_was_attached(
    alice: Person, tables: Any, tmp_path: Path
) -> None:
    from datasets.services import dataset_delete

    taxa, samples = tables
    dataset_attach(owner_id=alice.user.pk, dataset_id=taxa, source_id=samples, positions=[2])

    dataset_delete(owner_id=alice.user.pk, dataset_id=samples)

    assert exported(taxa, alice, tmp_path)[1][3] == "31"
    assert Attachment.objects.get(dataset=taxa).source_id is None
    dataset_delete(owner_id=alice.user.pk, dataset_id=taxa)


def test_an_id_in_two_rows_of_the_source_is_refused_and_nothing_is_left(
    alice: Person, tables: Any
) -> None:
    taxa, samples = tables
    tables_before = MetadataTable.objects.count()

    with pytest.raises(Refused, match="1 id is in more than one row"):
        dataset_attach(owner_id=alice.user.pk, dataset_id=samples, source_id=taxa)

    assert MetadataTable.objects.count() == tables_before
    assert len(Dataset.objects.get(pk=samples).parts) == 1


def test_tables_without_a_common_id_are_refused(alice: Person, tables: Any, tmp_path: Path) -> None:
    other = load(alice, tmp_path, b"id,a\nx1,1\nx2,2\n", "Other")

    with pytest.raises(Refused, match="No id of one table is in the other"):
        dataset_attach(owner_id=alice.user.pk, dataset_id=tables[0], source_id=other)


@pytest.mark.parametrize("positions", [[], [1], [99], [2, 99]])
def test_columns_that_cannot_be_attached_are_refused(
    alice: Person, tables: Any, positions: list[int]
) -> None:
    with pytest.raises(Refused):
        dataset_attach(
            owner_id=alice.user.pk, dataset_id=tables[0], source_id=tables[1], positions=positions
        )


def test_another_pseudonym_key_is_told(alice: Person, tables: Any) -> None:
    Dataset.objects.filter(pk=tables[1]).update(key_fingerprint="another")

    with pytest.raises(Conflict, match="different pseudonym keys"):
        dataset_attach(owner_id=alice.user.pk, dataset_id=tables[0], source_id=tables[1])

    Dataset.objects.filter(pk=tables[1]).delete()  # else no load is taken any more


def test_nobody_joins_with_what_is_not_theirs(
    alice: Person, bob: Person, tables: Any, tmp_path: Path
) -> None:
    his = load(bob, tmp_path, SAMPLES, "His")

    for owner, here, there in (
        (bob, *tables),
        (bob, his, tables[1]),
        (alice, tables[0], his),
        (alice, tables[0], uuid4()),
    ):
        with pytest.raises(NotFound):
            dataset_attach(owner_id=owner.user.pk, dataset_id=here, source_id=there)
        with pytest.raises(NotFound):
            report(owner, here, there)
    attached = dataset_attach(owner_id=alice.user.pk, dataset_id=tables[0], source_id=tables[1])
    with pytest.raises(NotFound):
        dataset_detach(
            owner_id=bob.user.pk, dataset_id=tables[0], attachment_id=attached.attachment
        )


def test_a_wide_source_takes_several_parts(alice: Person, tmp_path: Path) -> None:
    names = ",".join(f"t{n}" for n in range(700))
    cells = ",".join(f"v{n}" for n in range(700))
    wide = load(alice, tmp_path, f"id,{names}\ns1,{cells}\n".encode(), "Wide")
    narrow = load(alice, tmp_path, b"id,x\ns1,1\ns2,2\n", "Narrow")

    dataset_attach(owner_id=alice.user.pk, dataset_id=narrow, source_id=wide)

    assert len(Dataset.objects.get(pk=narrow).parts) == 4
    _, first, second = exported(narrow, alice, tmp_path)
    assert (first[2], first[-1], second[-1]) == ("v0", "v699", "")
