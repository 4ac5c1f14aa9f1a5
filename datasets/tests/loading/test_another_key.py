"""Under another pseudonym key no door lets a table in, and what is stored can still be read."""

from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command

from accounts.tests.doors import sign_in
from conftest import Person
from datasets.ingest.pipeline import Receipt
from datasets.models import Dataset
from datasets.tests.loading.tables import load_csv
from fairdb_site.errors import Unavailable

TABLE = "id,v\nP1,1\n"
MEND = "put the earlier key back"


@pytest.fixture
def stored(alice: Person, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Receipt:
    """A dataset of Alice's, after which the key was changed."""
    receipt = load_csv(alice, tmp_path, TABLE)
    monkeypatch.setattr(settings, "FAIRDB_PSEUDONYM_KEY", "another key of sufficient length 1234")
    return receipt


def datasets_of(person: Person) -> int:
    return Dataset.objects.filter(user_id=person.user.pk).count()


def test_the_page_answers_503_and_says_the_mend(stored: Receipt, alice: Person) -> None:
    file = SimpleUploadedFile("people.csv", TABLE.encode())

    answer = sign_in(alice).post("/datasets/new/", {"file": file})

    assert answer.status_code == 503
    assert MEND in answer.content.decode()
    assert datasets_of(alice) == 1


def test_the_command_exits_1_and_says_the_mend(
    stored: Receipt, alice: Person, tmp_path: Path
) -> None:
    path = tmp_path / "people.csv"
    path.write_text(TABLE)

    with pytest.raises(CommandError, match=MEND) as refused:
        call_command("import_dataset", str(path), "--owner", alice.email)

    assert refused.value.returncode == 1
    assert datasets_of(alice) == 1


def test_a_table_of_another_owner_is_stopped_too(
    stored: Receipt, bob: Person, tmp_path: Path
) -> None:
    with pytest.raises(Unavailable, match=MEND):
        load_csv(bob, tmp_path, TABLE)


def test_the_earlier_key_put_back_gives_the_same_pseudonyms(
    alice: Person,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    export_rows: Callable[[Person, UUID], list[list[str]]],
) -> None:
    first = load_csv(alice, tmp_path, TABLE)
    with monkeypatch.context() as changed:
        changed.setattr(settings, "FAIRDB_PSEUDONYM_KEY", "another key of sufficient length 1234")
        before = export_rows(alice, first.dataset)

    second = load_csv(alice, tmp_path, TABLE)

    assert before == export_rows(alice, second.dataset)
