"""A file that replaces another's dataset: versions, what differs, and what is kept."""

import io
import json
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command

from accounts.tests.doors import sign_in
from conftest import Person
from datasets import rpc
from datasets.ingest.pipeline import dataset_import
from datasets.models import Dataset, Submission
from datasets.services import dataset_delete
from datasets.tests.loading.queue import drain
from fairdb_site.errors import NotFound, Refused
from fairdb_site.supabase.clients import Supabase

FIRST = b"id,age,site\np1,31,gut\np2,47,skin\n"
SECOND = b"id,age,weight\np1,31.5,70\np2,47,80\np3,50,90\n"


def load(person: Person, folder: Path, content: bytes, replaces: UUID | None = None) -> UUID:
    path = folder / "table.csv"
    path.write_bytes(content)
    return dataset_import(
        owner=person.user,
        source=path,
        file_name=path.name,
        title="Cohort",
        id_column="id",
        replaces=replaces,
    ).dataset


def listed(person: Person) -> list[str]:
    return [facts["id"] for facts in rpc.list_datasets(Supabase(person.access_token))]


def test_the_newest_version_stands_for_all_and_the_earlier_ones_stay(
    alice: Person, tmp_path: Path
) -> None:
    first = load(alice, tmp_path, FIRST)
    second = load(alice, tmp_path, SECOND, replaces=first)
    third = load(alice, tmp_path, FIRST, replaces=first)  # of whichever version it is said

    versions = rpc.list_versions(Supabase(alice.access_token), second)

    assert [(facts["id"], facts["version"]) for facts in versions] == [
        (str(third), 3),
        (str(second), 2),
        (str(first), 1),
    ]
    assert listed(alice) == [str(third)]
    assert rpc.get_overview(Supabase(alice.access_token))["datasets"] == 1
    assert Dataset.objects.get(pk=first).row_count == 2


def test_deleting_the_newest_brings_the_one_before_back(alice: Person, tmp_path: Path) -> None:
    first = load(alice, tmp_path, FIRST)
    second = load(alice, tmp_path, SECOND, replaces=first)

    dataset_delete(owner_id=alice.user.pk, dataset_id=second)

    assert listed(alice) == [str(first)]


def test_a_replacement_that_fails_changes_nothing(alice: Person, tmp_path: Path) -> None:
    first = load(alice, tmp_path, FIRST)

    with pytest.raises(Refused, match="The header has 2 columns"):
        load(alice, tmp_path, b"id,a\n1,2,3\n4\n", replaces=first)

    assert listed(alice) == [str(first)]


def test_only_what_is_theirs_and_ready_is_replaced(
    alice: Person, bob: Person, tmp_path: Path
) -> None:
    first = load(alice, tmp_path, FIRST)

    for person, replaced in ((bob, first), (alice, uuid4())):
        with pytest.raises(NotFound, match="The dataset to replace is not there"):
            load(person, tmp_path, SECOND, replaces=replaced)
    assert listed(bob) == []


def test_the_page_lists_versions_and_says_what_differs(alice: Person, tmp_path: Path) -> None:
    first = load(alice, tmp_path, FIRST)
    second = load(alice, tmp_path, SECOND, replaces=first)
    client = sign_in(alice)

    page = " ".join(client.get(f"/datasets/{second}/versions/").content.decode().split())
    back = client.get(f"/datasets/{first}/versions/", {"compare": str(second)}).content.decode()
    alone = client.get(f"/datasets/{first}/versions/").content.decode()

    assert "What version 2 changed from version 1" in page
    assert "Added in version 2:" in page
    assert "In version 1, no longer in version 2:" in page
    assert "an earlier one" not in page
    assert "<ins>weight</ins>" in page
    assert "<del>site</del>" in page
    assert "<del>integer</del>" in page
    assert "1 only in version 2, 0 only in version 1" in page
    assert "What version 2 changed from version 1" in back  # from whichever page one asks
    assert "changed from" not in alone
    assert f'<a href="/datasets/{second}/">version 2</a>' in alone
    assert rpc.get_dataset(Supabase(alice.access_token), second)["newest"] is None


def test_nobody_else_sees_or_compares_versions(alice: Person, bob: Person, tmp_path: Path) -> None:
    first = load(alice, tmp_path, FIRST)
    second = load(alice, tmp_path, SECOND, replaces=first)
    his = load(bob, tmp_path, FIRST)
    client = sign_in(bob)

    assert client.get(f"/datasets/{second}/versions/").status_code == 404
    assert client.get(f"/datasets/{his}/versions/", {"compare": str(first)}).status_code == 404
    with pytest.raises(NotFound):
        rpc.list_versions(Supabase(bob.access_token), first)


def test_the_command_replaces_too(alice: Person, tmp_path: Path) -> None:
    first = load(alice, tmp_path, FIRST)
    (tmp_path / "table.csv").write_bytes(SECOND)
    arguments: Any = ("import_dataset", str(tmp_path / "table.csv"), "--owner", alice.email)
    out = io.StringIO()

    call_command(*arguments, "--replace", str(first), "--json", stdout=out)
    with pytest.raises(CommandError, match="dataset to replace is not there"):
        call_command(*arguments, "--replace", str(uuid4()))

    stored = Dataset.objects.get(pk=json.loads(out.getvalue())["dataset"])
    assert (stored.version, stored.title) == (2, "Cohort")


def test_a_file_sent_by_the_page_becomes_the_next_version(alice: Person, tmp_path: Path) -> None:
    first = load(alice, tmp_path, FIRST)
    client = sign_in(alice)
    page = client.get("/datasets/new/", {"replaces": str(first)}).content.decode()
    assert "becomes the next version of" in page
    assert f'value="{first}"' in page

    sent = {"file": upload("again.csv"), "at_once": "on", "id_column": "id", "replaces": str(first)}
    client.post("/datasets/new/", sent)
    drain()

    assert [
        (facts["version"], facts["title"])
        for facts in rpc.list_versions(Supabase(alice.access_token), first)
    ] == [(2, "Cohort"), (1, "Cohort")]


def upload(name: str) -> SimpleUploadedFile:
    return SimpleUploadedFile(name, SECOND, "text/csv")


def test_what_is_not_theirs_is_not_replaced_by_the_page(
    alice: Person, bob: Person, tmp_path: Path
) -> None:
    first = load(alice, tmp_path, FIRST)
    client = sign_in(bob)

    asked = client.get("/datasets/new/", {"replaces": str(first)})
    sent = client.post(
        "/datasets/new/", {"file": upload("his.csv"), "id_column": "id", "replaces": str(first)}
    )
    two = sign_in(alice).post(
        "/datasets/new/", {"file": [upload("a.csv"), upload("b.csv")], "replaces": str(first)}
    )

    assert (asked.status_code, sent.status_code, two.status_code) == (404, 404, 422)
    assert "Choose one file" in two.content.decode()
    assert not Submission.objects.filter(owner=bob.user.pk).exists()
