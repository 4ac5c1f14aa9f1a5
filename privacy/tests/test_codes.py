"""Codes are read once as the owner, kept sealed, and never of another state than the dataset's."""

import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cryptography.fernet import Fernet
from django.conf import settings
from django.db import connection
from django.test import override_settings

from conftest import Person
from datasets.ingest.read import open_table
from datasets.joining.services import dataset_attach, dataset_detach
from datasets.models import Dataset
from datasets.quota import bytes_used
from datasets.tests.loading.tables import load_csv
from datasets.tests.stored import Columns, Stored, store_dataset
from datasets.turns import WORK_UNDER_WAY
from fairdb_site.errors import Conflict, NotFound, Refused
from privacy import codes
from privacy.codes import codes_reseal, dataset_coded
from privacy.measures.coding import Coded
from privacy.models import PrivacyCodes
from privacy.reading import columns_coded

NASTY = (
    'id,age,weight,seen,well,note,"a ""b"", c"\n'
    'P1,30,70.5,2024-01-02,true,"two\nlines",x\n'
    "P2,,70.50,2024-01-03,false,=1+1,\n"
    ' P1 ,30,1e-05,2024-01-02,true,"",x\n'
    "P3,-4,2,,,Ω,y\n"
)


@pytest.fixture
def stored(alice: Person) -> Stored:
    columns: Columns = {
        "age": ("integer", [31, 47, None, 31]),
        "dose": ("float", [1.5, None, 1e-05, 1.5]),
        "note": ("text", ["a\nb", "", None, 'say "x"']),
    }
    return store_dataset(alice.user.pk, columns, rows=4, columns_a_part=1)


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[list[int]]:
    """Say which columns were read, each time."""
    seen: list[list[int]] = []
    read = codes._read

    def counted(dataset: Any, owner: Any, positions: Any) -> Any:
        seen.append(list(positions))
        return read(dataset, owner, positions)

    monkeypatch.setattr(codes, "_read", counted)
    return seen


def of(stored: Stored, *positions: int) -> dict[int, Coded]:
    found = dataset_coded(dataset_id=stored.id, owner_id=stored.owner, positions=positions)
    return dict(found.columns)


def said(coded: Coded) -> tuple[list[int], int, bool]:
    return coded.codes.tolist(), coded.many, coded.numeric


def test_a_dataset_has_the_codes_of_its_file(alice: Person, tmp_path: Path) -> None:
    loaded = load_csv(alice, tmp_path, NASTY)
    path = tmp_path / "again.csv"
    path.write_text(NASTY)
    positions = list(range(1, 8))

    of_file = columns_coded(open_table(path), positions, id_position=1)
    stored = dataset_coded(
        dataset_id=loaded.dataset, owner_id=alice.user.pk, positions=positions
    ).columns

    for position in positions[1:]:
        assert said(stored[position]) == said(of_file[position])
    # pseudonyms are in another order than ids
    agree = [np.equal.outer(coded[1].codes, coded[1].codes).tolist() for coded in (stored, of_file)]
    assert agree[0] == agree[1]


def test_codes_are_read_once_and_kept_sealed(stored: Stored, reads: list[list[int]]) -> None:
    first = of(stored, 1, 2, 4)
    second = of(stored, 4, 2, 1)
    more = of(stored, 2, 3)

    assert reads == [[1, 2, 4], [3]]
    assert said(first[2]) == ([0, 1, -1, 0], 2, True)
    assert said(first[4]) == ([0, -1, -1, 1], 2, False)
    assert said(more[3]) == ([1, -1, 0, 1], 2, True)
    for position, coded in first.items():
        assert said(coded) == said(second[position])
    kept = PrivacyCodes.objects.get(dataset_id=stored.id, position=2)
    assert np.array([0, 1, -1, 0], dtype=np.int8).tobytes() not in bytes(kept.sealed)


def test_codes_count_to_the_owners_room_and_where_it_is_used_up_none_are_kept(
    stored: Stored, reads: list[list[int]], settings: Any
) -> None:
    settings.FAIRDB_MAX_OWNER_BYTES = 1
    of(stored, 2)
    of(stored, 2)
    settings.FAIRDB_MAX_OWNER_BYTES = 1 << 40
    before = bytes_used(stored.owner)
    of(stored, 2)
    of(stored, 2)

    assert reads == [[2]] * 3
    assert bytes_used(stored.owner) > before


def test_codes_open_in_their_own_place_alone(stored: Stored, reads: list[list[int]]) -> None:
    of(stored, 2, 3)
    theirs = PrivacyCodes.objects.get(dataset_id=stored.id, position=3)
    PrivacyCodes.objects.filter(dataset_id=stored.id, position=2).update(
        sealed=theirs.sealed, sealed_key=theirs.sealed_key
    )

    assert said(of(stored, 2, 3)[2])[0] == [0, 1, -1, 0]
    assert reads == [[2, 3], [2]]


def test_any_change_of_the_rows_makes_them_be_read_again(
    alice: Person, stored: Stored, reads: list[list[int]]
) -> None:
    of(stored, 2, 3)
    dataset = {"p_dataset_id": str(stored.id)}

    alice.rpc("update_dataset_row", {**dataset, "p_row_id": 2, "p_updates": {"2": 31}})
    assert said(of(stored, 2)[2])[0] == [0, 0, -1, 0]
    gone = alice.rpc("delete_dataset_rows", {**dataset, "p_row_ids": [1]})
    assert said(of(stored, 2)[2])[0] == [0, -1, 0]
    alice.rpc("undo_change", {"p_change_id": gone["change"]})
    assert said(of(stored, 2)[2])[0] == [0, 0, -1, 0]

    assert reads == [[2, 3], [2], [2], [2]]
    # what was of another state is gone
    assert PrivacyCodes.objects.filter(dataset_id=stored.id).count() == 1
    Dataset.objects.filter(pk=stored.id).delete()
    assert not PrivacyCodes.objects.filter(dataset_id=stored.id).exists()


def test_a_correction_between_reading_and_keeping_is_not_missed(
    alice: Person, stored: Stored, monkeypatch: pytest.MonkeyPatch
) -> None:
    of(stored, 3)
    keep = codes._keep

    def corrected_before(read: Any) -> None:
        monkeypatch.setattr(codes, "_keep", keep)
        change = {"p_dataset_id": str(stored.id), "p_row_id": 1, "p_updates": {"2": 47}}
        alice.rpc("update_dataset_row", change)
        keep(read)

    monkeypatch.setattr(codes, "_keep", corrected_before)
    before = of(stored, 2)

    assert said(before[2])[0] == [0, 1, -1, 0]  # as it was when it was asked for
    assert said(of(stored, 2)[2])[0] == [1, 1, -1, 0]


def test_columns_kept_of_one_state_and_read_of_another_are_not_mixed(
    alice: Person, stored: Stored, monkeypatch: pytest.MonkeyPatch
) -> None:
    of(stored, 2)
    read = codes._read

    def corrected_before(*asked: Any) -> Any:
        monkeypatch.setattr(codes, "_read", read)
        change = {"p_dataset_id": str(stored.id), "p_row_id": 1, "p_updates": {"2": 47, "3": 9.5}}
        alice.rpc("update_dataset_row", change)
        return read(*asked)

    monkeypatch.setattr(codes, "_read", corrected_before)
    found = of(stored, 2, 3)

    assert said(found[2])[0] == [1, 1, -1, 0]
    assert said(found[3])[0] == [2, -1, 0, 1]


def test_readers_at_once_get_the_same_or_are_asked_to_wait(stored: Stored) -> None:
    found: list[Any] = []

    def read() -> None:
        try:
            found.append(said(of(stored, 2, 3, 4)[4]))
        except Conflict as asked:
            found.append(asked.message)
        finally:
            connection.close()

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    read_by_one = ([0, -1, -1, 1], 2, False)
    assert read_by_one in found
    assert all(one in (read_by_one, WORK_UNDER_WAY) for one in found)
    assert len(found) == len(threads)


def test_another_owner_gets_none_even_of_what_is_kept(bob: Person, stored: Stored) -> None:
    of(stored, 2)

    with pytest.raises(NotFound):
        dataset_coded(dataset_id=stored.id, owner_id=bob.user.pk, positions=[2])
    with pytest.raises(Refused, match="does not exist"):
        of(stored, 2, 9)


def test_keys_can_change_and_be_lost(stored: Stored, reads: list[list[int]]) -> None:
    of(stored, 2)
    old, new = list(settings.FAIRDB_TOKEN_KEYS), Fernet.generate_key().decode()

    with override_settings(FAIRDB_TOKEN_KEYS=[new, *old]):
        assert codes_reseal().changed >= 1
    with override_settings(FAIRDB_TOKEN_KEYS=[new]):
        of(stored, 2)
        assert reads == [[2]]
    of(stored, 2)
    assert reads == [[2], [2]]


def test_few_columns_of_a_wide_dataset_are_read_of_their_own_parts(alice: Person) -> None:
    columns = {f"c {n}": ("integer", [n, n % 2, None]) for n in range(30)}
    wide = store_dataset(alice.user.pk, columns, rows=3, columns_a_part=3)
    assert said(of(wide, 2, 3)[3]) == ([0, 0, -1], 1, True)
    assert len(of(wide, *range(2, 32))) == 30  # of ten parts, which are not joined


def test_columns_that_move_when_others_are_taken_off_are_not_mixed_up(
    stored: Stored, reads: list[list[int]]
) -> None:
    sources = [
        store_dataset(stored.owner, {name: ("integer", values)}, rows=4, title=name)
        for name, values in (("first", [1, 1, 2, 2]), ("second", [5, 6, 7, 8]))
    ]
    first, _ = (
        dataset_attach(owner_id=stored.owner, dataset_id=stored.id, source_id=source.id)
        for source in sources
    )
    assert said(of(stored, 5)[5])[0] == [0, 0, 1, 1]

    dataset_detach(owner_id=stored.owner, dataset_id=stored.id, attachment_id=first.attachment)

    assert said(of(stored, 5)[5])[0] == [0, 1, 2, 3]
    assert reads == [[5], [5]]
