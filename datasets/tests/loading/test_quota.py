"""An account's datasets take no more of the database than the operator allows."""

from collections.abc import Callable
from contextlib import closing
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client

from accounts.tests.doors import sign_in
from conftest import People, Person
from datasets import quota
from datasets.ingest import load as load_module
from datasets.models import Dataset, MetadataTable
from datasets.quota import in_units, storage_of
from datasets.services import dataset_delete
from datasets.tests.loading.queue import load_by_page
from datasets.tests.loading.tables import load_csv
from fairdb_site.errors import TooLarge

TABLE = "id,age\nP1,1\nP2,2\n"
LARGE = "id,note\n" + "".join(f"P{n},{n:0200}x\n" for n in range(5_000))  # 1 MB and its indexes


def used_by(owner: Person, settings: Any) -> int:
    settings.FAIRDB_MAX_OWNER_BYTES = 1 << 40
    storage = storage_of(owner.user.pk)
    assert storage is not None
    return storage.used


def has_nothing(owner: Person) -> bool:
    return not (
        Dataset.objects.filter(user_id=owner.user.pk).exists()
        or MetadataTable.objects.filter(user_id=owner.user.pk).exists()
    )


def test_without_a_quota_nothing_is_counted(
    alice: Person, django_assert_num_queries: Callable[[int], Any]
) -> None:
    with django_assert_num_queries(0):
        assert storage_of(alice.user.pk) is None


def test_what_is_used_is_the_owners_own_and_goes_with_the_dataset(
    people: People, settings: Any, tmp_path: Path
) -> None:
    receipt = load_csv(people.alice, tmp_path, LARGE)

    assert used_by(people.alice, settings) > 1_000_000
    assert used_by(people.bob, settings) == used_by(people.carol, settings) == 0
    dataset_delete(owner_id=people.alice.user.pk, dataset_id=receipt.dataset)
    assert used_by(people.alice, settings) == 0


def test_account_at_its_limit_is_refused_before_the_file_is_read(
    alice: Person, bob: Person, settings: Any, tmp_path: Path
) -> None:
    load_csv(alice, tmp_path, TABLE)
    settings.FAIRDB_MAX_OWNER_BYTES = used_by(alice, settings)
    steps: list[str] = []

    with pytest.raises(TooLarge, match=r"Your datasets take \d+ KiB, and an account may use"):
        load_csv(alice, tmp_path, TABLE, progress=lambda step, *_: steps.append(step))

    assert steps == []
    load_csv(bob, tmp_path, TABLE)


def test_load_that_would_pass_the_limit_leaves_nothing(
    alice: Person, settings: Any, tmp_path: Path
) -> None:
    settings.FAIRDB_MAX_OWNER_BYTES = 1_000_000

    with pytest.raises(TooLarge, match="With this file your datasets would take"):
        load_csv(alice, tmp_path, LARGE)

    assert has_nothing(alice)
    load_csv(alice, tmp_path, TABLE)


def test_load_that_passes_the_limit_is_ended_on_the_way(
    alice: Person, settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(load_module, "LOOKED_AT_AFTER", 1)
    settings.FAIRDB_MAX_OWNER_BYTES = 100_000
    steps: list[str] = []

    with pytest.raises(TooLarge):
        load_csv(alice, tmp_path, LARGE, progress=lambda step, *_: steps.append(step))

    assert "sealing" not in steps
    assert has_nothing(alice)


def test_a_load_sees_what_another_one_takes_meanwhile(
    alice: Person, settings: Any, tmp_path: Path
) -> None:
    """One load at a time holds them apart; where it did not, sizes would: they are of files."""
    seen: list[int] = []
    settings.FAIRDB_MAX_OWNER_BYTES = 1 << 40

    def progress(step: str, done: int, total: int) -> None:
        if step == "sealing":
            with closing(connection.copy()) as other, other.cursor() as cursor:
                seen.append(quota._used(cursor, alice.user.pk))

    load_csv(alice, tmp_path, LARGE, progress=progress)

    assert seen[0] > 1_000_000


def test_command_is_bound_by_the_same(alice: Person, settings: Any, tmp_path: Path) -> None:
    settings.FAIRDB_MAX_OWNER_BYTES = 10_000
    path = tmp_path / "t.csv"
    path.write_text(TABLE)

    with pytest.raises(CommandError, match="an account may use"):
        call_command("import_dataset", str(path), "--owner", alice.email, stdout=StringIO())

    assert has_nothing(alice)


def test_page_refuses_says_what_is_used_and_keeps_what_was_typed(
    people: People, settings: Any, tmp_path: Path
) -> None:
    load_csv(people.alice, tmp_path, TABLE)
    settings.FAIRDB_MAX_OWNER_BYTES = used_by(people.alice, settings)
    words = in_units(settings.FAIRDB_MAX_OWNER_BYTES)

    def upload(client: Client) -> Any:
        file = SimpleUploadedFile("t.csv", TABLE.encode())
        return load_by_page(client, {"file": file, "title": "Typed", "id_column": "id"})

    alice = sign_in(people.alice)
    answer = upload(alice)
    assert answer.status_code == 413
    assert f"may use {words}. Nothing was stored." in answer.content.decode()
    assert 'value="Typed"' in answer.content.decode()
    for path in ("/datasets/new/", "/dashboard/"):
        assert f"use {words} of {words}" in alice.get(path).content.decode()
    for other in (people.bob, people.carol):
        client = sign_in(other)
        assert f"use 0 bytes of {words}" in client.get("/datasets/new/").content.decode()
        assert upload(client).status_code == 302


def test_pages_say_nothing_of_room_without_a_quota(alice: Person) -> None:
    for path in ("/datasets/new/", "/dashboard/"):
        assert "Your datasets use" not in sign_in(alice).get(path).content.decode()


@pytest.mark.parametrize(
    ("size", "words"),
    [
        (0, "0 bytes"),
        (1023, "1023 bytes"),
        (1024, "1 KiB"),
        (1536, "1.5 KiB"),
        (10 << 20, "10 MiB"),
        (5 << 30, "5 GiB"),
        (3 << 50, "3072 TiB"),
    ],
)
def test_sizes_are_written_as_people_read_them(size: int, words: str) -> None:
    assert in_units(size) == words
