"""Staff (Carol) read facts of Alice's datasets and loads, never a value or a column's name."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts import audit
from accounts.models import AuditAction, AuditEvent, AuditOutcome
from accounts.tests.doors import sign_in
from datasets.models import Dataset
from datasets.tests.stored import Columns, Stored, run, store_dataset

DATASETS, LOADS = "/admin/datasets/dataset/", "/admin/datasets/load/"
SECRET = "cell-of-alices"
COLUMNS: Columns = {
    "Xyzzy status": ("text", [f"{SECRET}-{n}" for n in range(3)]),
    "Xyzzy count": ("integer", [7_654_321] * 3),
}
# what of a dataset's row may name a column, a value or a person
PRIVATE = {
    "description": "Xyzzy description",
    "origin": "Xyzzy origin",
    "id_label": "Xyzzy label",
    "file_name": "xyzzy.csv",
    "receipt": {"id_label": "Xyzzy label", "notes": ["Xyzzy note"]},
}


@pytest.fixture
def client(people: Any) -> Client:
    return sign_in(people.carol)


@pytest.fixture
def stored(people: Any) -> Stored:
    found = store_dataset(people.alice.user.pk, COLUMNS, title="A blood panel <i>x</i>")
    Dataset.objects.filter(pk=found.id).update(file_bytes=1536, seconds=2.5, **PRIVATE)
    return found


@contextmanager
def working_on(dataset: UUID) -> Iterator[None]:
    """Hold the lock of a load, as another process does that is loading it."""
    other = connection.copy()
    try:
        with other.cursor() as cursor:
            cursor.execute("select pg_advisory_lock(hashtextextended(%s, 0))", [str(dataset)])
            yield
    finally:
        other.close()


def pages_of(client: Client, stored: Stored) -> list[str]:
    owner = stored.owner
    addresses = (
        DATASETS, f"{DATASETS}?q={stored.id}", f"{DATASETS}?user_id={owner}",
        f"{DATASETS}{stored.id}/change/", f"{DATASETS}act/delete/?tick={stored.id}",
        LOADS, f"{LOADS}{stored.id}/change/", "/admin/", f"/admin/accounts/user/{owner}/change/",
        f"/admin/accounts/auditevent/?q={stored.id}",
    )  # fmt: skip
    return [client.get(address).content.decode() for address in addresses]


@pytest.mark.parametrize("state", ["ready", "loading", "deleting"])
def test_no_page_shows_a_value_or_the_name_of_a_column(
    client: Client, stored: Stored, state: str
) -> None:
    Dataset.objects.filter(pk=stored.id).update(state=state)

    pages = "".join(pages_of(client, stored))

    assert "A blood panel" in pages
    assert "<i>x" not in pages
    hidden = ("xyzzy", SECRET, "7654321", "7,654,321", *stored.parts)
    assert [word for word in hidden if word in pages.lower()] == []


@pytest.mark.parametrize(
    "asked", ["receipt__id_label=x", "id_label__startswith=P", "columns__label=Age", "file_name=x"]
)
def test_address_asks_for_nothing_that_no_page_shows(client: Client, asked: str) -> None:
    assert client.get(f"{DATASETS}?{asked}").status_code == 400
    assert client.get(f"{LOADS}?{asked}").status_code == 400


@pytest.mark.parametrize("page", [DATASETS, LOADS, f"{LOADS}reap/", f"{DATASETS}act/delete/"])
def test_researchers_and_visitors_see_none_of_it(people: Any, page: str) -> None:
    assert Client().get(page).status_code == 302
    for person in (people.alice, people.bob):
        assert sign_in(person).get(page, follow=True).status_code == 403


def test_dataset_is_listed_with_its_owner_and_size(
    client: Client, stored: Stored, people: Any
) -> None:
    listed = client.get(DATASETS, {"q": people.alice.email}).content.decode()
    shown = client.get(f"{DATASETS}{stored.id}/change/").content.decode()

    for page in (listed, shown):
        assert [w for w in ("A blood panel", people.alice.email, "1.5 KiB") if w not in page] == []
    assert "2.5 s" in shown
    assert str(stored.id) not in client.get(DATASETS, {"q": people.bob.email}).content.decode()


def test_person_is_shown_with_what_their_datasets_take(client: Client, stored: Stored) -> None:
    page = client.get(f"/admin/accounts/user/{stored.owner}/change/").content.decode()

    assert f'<a href="{DATASETS}?user_id={stored.owner}">1 dataset with 3 rows</a>' in page
    assert "KiB of the database" in page


def test_list_asks_as_much_for_many_datasets_as_for_one(client: Client, people: Any) -> None:
    owner = people.alice.user.pk
    counts = []
    for _ in range(2):
        store_dataset(owner)
        with CaptureQueriesContext(connection) as asked:
            client.get(DATASETS, {"user_id": owner})
        counts.append(len(asked))

    assert counts[0] == counts[1]


def test_states_of_loads_are_told_in_words(client: Client, people: Any) -> None:
    owner = people.alice.user.pk
    running, left, going = (store_dataset(owner, ready=False).id for _ in range(3))
    Dataset.objects.filter(pk=going).update(state="deleting")

    with working_on(running):
        pages = {
            load: client.get(f"{LOADS}{load}/change/").content.decode()
            for load in (running, left, going)
        }
        front = client.get("/admin/").content.decode()

    assert ">running<" in pages[running]
    assert ">interrupted<" in pages[left]
    assert ">being deleted<" in pages[going]
    assert "1 running" in front


def test_load_that_came_to_nothing_is_told_without_its_words(client: Client, people: Any) -> None:
    alice = people.alice.user.pk
    for outcome in (AuditOutcome.REFUSED, AuditOutcome.FAILED):
        audit.record(AuditAction.DATASET_LOADED, actor=alice, outcome=outcome)

    page = client.get(LOADS).content.decode()

    assert page.count(people.alice.email) == 2
    assert "its owner was told what to mend" in page
    assert "Something of ours failed" in page


def test_dataset_is_deleted_after_a_page_that_asks(
    client: Client, stored: Stored, people: Any
) -> None:
    act, ticked = f"{DATASETS}act/delete/", {"tick": str(stored.id)}
    other = store_dataset(people.bob.user.pk)

    asked = client.get(act, ticked).content.decode()
    assert "A blood panel" in asked
    assert Dataset.objects.filter(pk=stored.id).exists()
    told = client.post(act, ticked, follow=True).content.decode()

    assert "deleted, 3 rows in 1 table" in told
    assert "A blood panel &lt;i&gt;" in told
    assert run("select count(*) from pg_class where relname = any(%s)", [stored.parts]) == [(0,)]
    assert Dataset.objects.filter(pk=other.id).exists()
    event = AuditEvent.objects.filter(dataset=stored.id).latest("id")
    assert (event.action, event.outcome) == ("dataset deleted", "done")
    assert (event.actor, event.subject) == (people.carol.user.pk, people.alice.user.pk)


def test_what_went_meanwhile_is_said(client: Client, stored: Stored) -> None:
    Dataset.objects.filter(pk=stored.id).update(state="loading")

    told = client.post(f"{DATASETS}act/delete/", {"tick": stored.id}, follow=True)

    assert "Nothing is chosen, or what was chosen is there no more" in told.content.decode()
    assert Dataset.objects.filter(pk=stored.id).exists()


def test_clearing_up_takes_what_was_left_and_no_running_load(client: Client, people: Any) -> None:
    owner = people.alice.user.pk
    running, left = (store_dataset(owner, ready=False).id for _ in range(2))
    assert client.get(f"{LOADS}reap/").status_code == 200
    assert Dataset.objects.filter(pk=left).exists()

    with working_on(running):
        told = client.post(f"{LOADS}reap/", follow=True).content.decode()

    assert "removed" in told
    assert "1 load still running" in told
    assert set(Dataset.objects.filter(user_id=owner).values_list("pk", flat=True)) == {running}
    events = AuditEvent.objects.filter(action="loads reaped", actor=people.carol.user.pk)
    assert [event.outcome for event in events] == ["done"]
