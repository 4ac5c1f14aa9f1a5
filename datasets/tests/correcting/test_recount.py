"""Statistics after corrections are what a load of the corrected rows would have counted."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from conftest import Person
from datasets import rpc
from datasets.browse.export_file import dataset_export
from datasets.correcting import recount
from datasets.correcting.recount import columns_recount, outdated_datasets
from datasets.ingest.pipeline import dataset_import
from datasets.models import DatasetColumn
from datasets.tests.stored import run, store_dataset
from fairdb_site.database import as_user
from fairdb_site.supabase.clients import Supabase

CSV = b"""id,n,x,b,d,t,words
p1,1,0.5,true,2020-01-01,2020-01-01 10:00:00,one
p2,2,1.5,false,2020-01-02,2020-01-02 10:00:00,two
p3,2,,true,,,"two, again"
p4,,-3.5,,2019-12-31,2020-01-01 10:00:00.5,
p5,7,1.5,true,2020-01-01,2020-01-01 10:00:00,two
"""
COUNTED = ("label", "missing", "distinct_count", "minimum", "maximum", "mean", "top")


def load(alice: Person, path: Path, content: bytes) -> Any:
    path.write_bytes(content)
    return dataset_import(
        owner=alice.user, source=path, file_name=path.name, title="T", id_column="#1"
    ).dataset


def statistics(dataset: Any) -> list[dict[str, Any]]:
    found = DatasetColumn.objects.filter(dataset=dataset, part__isnull=False).order_by("position")
    return list(found.values(*COUNTED))


def loaded_anew(alice: Person, dataset: Any, tmp_path: Path) -> list[dict[str, Any]]:
    out = tmp_path / "out.csv"
    dataset_export(dataset_id=dataset, reader_id=alice.user.pk, out=out)
    return statistics(load(alice, tmp_path / "again.csv", out.read_bytes()))


def test_edited_columns_are_counted_as_a_load_counts_them(alice: Person, tmp_path: Path) -> None:
    dataset = load(alice, tmp_path / "in.csv", CSV)
    supabase = Supabase(alice.access_token)
    rpc.update_dataset_row(supabase, dataset, 1, {2: 9, 3: None, 4: False, 5: "1999-01-01"})
    rpc.update_dataset_row(supabase, dataset, 3, {6: "2030-01-01 00:00:00", 7: "three"})

    assert dataset in outdated_datasets()
    assert columns_recount(dataset) == 6

    assert statistics(dataset) == loaded_anew(alice, dataset, tmp_path)
    assert dataset not in outdated_datasets()
    assert columns_recount(dataset) == 0


def test_deleted_rows_count_no_more_and_restored_ones_again(alice: Person, tmp_path: Path) -> None:
    dataset = load(alice, tmp_path / "in.csv", CSV)
    before = statistics(dataset)
    supabase = Supabase(alice.access_token)

    gone = rpc.delete_dataset_rows(supabase, dataset, [2, 4])
    columns_recount(dataset)
    without = statistics(dataset)
    assert gone["change"]
    rpc.undo_change(supabase, gone["change"])  # type: ignore[arg-type]  # text does as well
    columns_recount(dataset)

    assert without == loaded_anew_of(alice, tmp_path)
    assert statistics(dataset) == before


def loaded_anew_of(alice: Person, tmp_path: Path) -> list[dict[str, Any]]:
    lines = CSV.splitlines(keepends=True)
    return statistics(
        load(alice, tmp_path / "some.csv", b"".join([*lines[:2], lines[3], lines[5]]))
    )


def test_of_a_table_without_rows_nothing_is_counted(alice: Person, tmp_path: Path) -> None:
    dataset = load(alice, tmp_path / "in.csv", CSV)
    rpc.delete_dataset_rows(Supabase(alice.access_token), dataset, [1, 2, 3, 4, 5])

    columns_recount(dataset)

    assert {(c["missing"], c["distinct_count"], c["top"]) for c in statistics(dataset)} == {
        (0, 0, None)
    }


@pytest.mark.parametrize(("at_most", "counted"), [(2, 0), (3, 1)])
def test_more_than_somebody_would_wait_for_is_left(
    alice: Person, at_most: int, counted: int
) -> None:
    stored = store_dataset(alice.user.id)
    rpc.update_dataset_row(Supabase(alice.access_token), stored.id, 1, {2: 9})

    assert columns_recount(stored.id, at_most=at_most) == counted


def test_a_wide_row_deleted_is_counted_over_all_parts(alice: Person) -> None:
    stored = store_dataset(
        alice.user.id, {f"x{n}": ("integer", [n, n + 1]) for n in range(30)}, rows=2
    )
    rpc.delete_dataset_rows(Supabase(alice.access_token), stored.id, [1])

    columns_recount(stored.id)

    assert [c["minimum"] for c in statistics(stored.id)] == [str(n + 1) for n in range(30)]


def test_a_worker_counts_some_at_a_time(alice: Person) -> None:
    columns = {f"x{n}": ("integer", [n, n + 1]) for n in range(5)}
    stored = store_dataset(alice.user.id, columns, rows=2)
    rpc.delete_dataset_rows(Supabase(alice.access_token), stored.id, [1])

    rounds = [columns_recount(stored.id, a_round=2) for _ in range(4)]

    assert rounds == [2, 2, 1, 0]
    assert stored.id not in outdated_datasets()


def test_what_was_counted_later_stays_and_a_failure_leaves_the_rest_to_be_counted(
    alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    columns = {f"x{n}": ("integer", [n, n + 1]) for n in range(3)}
    one, two = (store_dataset(alice.user.id, columns, rows=2) for _ in range(2))
    supabase = Supabase(alice.access_token)
    rpc.delete_dataset_rows(supabase, one.id, [1])
    read = recount._profiles

    def overtaken(dataset: Any, taken: Any) -> Any:
        profiles = read(dataset, taken)
        monkeypatch.setattr(recount, "_profiles", read)
        rpc.update_dataset_row(supabase, one.id, 2, {2: 9})
        columns_recount(one.id)  # by somebody else, who saw it later
        return profiles

    monkeypatch.setattr(recount, "_profiles", overtaken)
    columns_recount(one.id)

    assert [c["minimum"] for c in statistics(one.id)] == ["9", "2", "3"]
    assert one.id not in outdated_datasets()

    def broken(dataset: Any, taken: Any) -> Any:
        if dataset.pk == one.id:
            raise RuntimeError
        return read(dataset, taken)

    monkeypatch.setattr(recount, "_profiles", broken)
    for stored in (one, two):
        rpc.update_dataset_row(supabase, stored.id, 2, {2: 7})
    recount.recount_after(one.id)  # the correction stands: nothing is raised
    while recount.recount_outdated():
        pass

    assert one.id in outdated_datasets()
    assert two.id not in outdated_datasets()
    monkeypatch.setattr(recount, "_profiles", read)
    recount.recount_outdated()
    assert statistics(one.id)[0]["minimum"] == "7"


def test_what_is_not_committed_is_waited_for_before_it_is_counted(alice: Person) -> None:
    stored = store_dataset(alice.user.id, {"x": ("integer", [1, 2])}, rows=2)
    rpc.update_dataset_row(Supabase(alice.access_token), stored.id, 2, {2: 3})

    with ThreadPoolExecutor(1) as others:
        with as_user(alice.user.id):
            run(f"update {stored.qualified} set c2 = 0 where rowid = 1")
            counting = others.submit(_counted, stored.id)
            while not run("select 1 from pg_locks where locktype = 'advisory' and not granted"):
                pass
        counting.result()

    assert statistics(stored.id)[0]["minimum"] == "0"


def _counted(dataset: Any) -> None:
    try:
        columns_recount(dataset)
    finally:
        connection.close()
