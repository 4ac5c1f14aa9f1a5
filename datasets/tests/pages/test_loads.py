"""The pages of loads: how far one is, what became of it, what can be done; the list of all."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.tests.doors import sign_in
from datasets.loading.lease import LoadLease
from datasets.models import Dataset, Submission, Worker
from datasets.tests.loading.queue import drafted, drain, now, submitted
from datasets.tests.pages.markup import faults
from datasets.tests.pages.test_upload import text_of

State = Submission.State
HTMX = {"HX-Request": "true"}
RAGGED = b"id,age\nP1,1\nP2\n"


def page_of(submission: Submission) -> str:
    return f"/loads/{submission.pk}/"


@pytest.fixture
def a_worker(db_ready: None) -> None:
    Worker.objects.create(name="somewhere:1", seen_at=timezone.now())


@pytest.fixture(autouse=True)
def _no_workers(db_ready: None) -> None:
    Worker.objects.all().delete()


def running(owner: Any, **fields: Any) -> Submission:
    """Return a load that a worker has, as far as the fields say."""
    submission = submitted(owner, title="Blood & co")
    assert LoadLease.claim(submission.pk)
    Submission.objects.filter(pk=submission.pk).update(**fields)
    return submission


def test_a_load_that_waits_says_what_it_waits_for(alice: Any, client_of: Any) -> None:
    client, submission = client_of(alice), submitted(alice)

    assert "Ask the operator to start manage.py db_worker" in text_of(
        client.get(page_of(submission))
    )
    Worker.objects.create(name="somewhere:1", seen_at=timezone.now())
    assert "db_worker" not in text_of(client.get(page_of(submission)))


@pytest.mark.usefixtures("a_worker")
def test_a_load_that_waits_for_another_one_of_its_owner_says_so(alice: Any, client_of: Any) -> None:
    first = running(alice)
    second = submitted(alice)

    page = text_of(client_of(alice).get(page_of(second)))

    assert "Another load of yours is running; this one comes after it." in page
    Submission.objects.filter(pk=first.pk).update(state=State.CANCELLED)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"step": "reading", "bytes_done": 9}, ["Reading the file", "9 bytes of 19 bytes read"]),
        ({"step": "storing", "rows_done": 1, "rows_total": 2}, ["1 of 2 rows stored", "74 %"]),
        ({"step": "sealing"}, ["Sealing", "98 %"]),
        ({"cancel_asked": True}, ["It is being cancelled"]),
        ({"lease_until": timezone.now() - timedelta(1)}, ["Another one takes it over"]),
        (
            {
                "step": "storing",
                "rows_done": 1_000,
                "rows_total": 4_000,
                "step_since": timezone.now() - timedelta(minutes=1),
            },
            ["1,000 of 4,000 rows stored", "about 3 minutes left"],
        ),
    ],
)
def test_a_load_says_how_far_it_is(
    alice: Any, client_of: Any, fields: dict[str, Any], said: list[str]
) -> None:
    if "step_since" in fields:
        fields = fields | {"step_since": timezone.now() - timedelta(minutes=1)}
    page = client_of(alice).get(page_of(running(alice, **fields)))

    assert [words for words in said if words not in text_of(page)] == []
    assert faults(page.content.decode()) == []
    Submission.objects.filter(owner=alice.user).update(state=State.CANCELLED)


def test_a_page_asks_for_what_is_new_until_the_load_has_ended(alice: Any, client_of: Any) -> None:
    client, submission = client_of(alice), submitted(alice, RAGGED)

    waiting = client.get(page_of(submission)).content.decode()
    assert f'hx-get="{page_of(submission)}"' in waiting
    assert '<noscript><meta http-equiv="refresh"' in waiting
    part = client.get(page_of(submission), headers=HTMX).content.decode()
    assert part.lstrip().startswith("<section")
    assert "hx-trigger" in part
    drain()

    for headers in ({}, HTMX):
        ended = client.get(page_of(submission), headers=headers).content.decode()
        assert "hx-trigger" not in ended
        assert "http-equiv" not in ended
        assert "has 1 field" in ended


def test_a_load_that_is_stored_leads_to_its_receipt(alice: Any, client_of: Any) -> None:
    client, submission = client_of(alice), submitted(alice)
    drain()

    receipt = f"/datasets/{Dataset.objects.get(user_id=alice.user.pk).pk}/receipt/"
    assert client.get(page_of(submission))["Location"] == receipt
    assert client.get(page_of(submission), headers=HTMX)["HX-Redirect"] == receipt


def test_a_load_is_cancelled_from_its_page(alice: Any, client_of: Any) -> None:
    client, submission = client_of(alice), submitted(alice)
    assert "Cancel this load" in text_of(client.get(page_of(submission)))

    page = text_of(client.post(f"{page_of(submission)}cancel/", follow=True))

    assert "It was cancelled. Nothing of the file was stored" in page
    assert "Cancel this load" not in page
    assert now(submission).state == State.CANCELLED


def test_a_load_that_failed_by_our_fault_is_tried_again_from_its_page(
    alice: Any, client_of: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, submission = client_of(alice), submitted(alice)
    with monkeypatch.context() as broken:
        broken.setattr(LoadLease, "progress", lambda *args: 1 / 0)
        drain()
    page = client.get(page_of(submission))
    assert "Something went wrong on the server" in text_of(page)
    assert "it need not be sent again" in text_of(page)

    client.post(f"{page_of(submission)}retry/")
    drain()

    assert now(submission).state == State.STORED


def test_a_file_that_is_gone_is_not_tried_again(alice: Any, client_of: Any) -> None:
    client, submission = client_of(alice), submitted(alice, b"%PDF-1.7 no table")
    drain()
    assert "Send the file again" in text_of(client.get(page_of(submission)))

    told = client.post(f"{page_of(submission)}retry/", follow=True)

    assert "The file of this load is not held any more." in text_of(told)


def test_the_list_has_the_persons_loads_newest_first_with_what_became_of_them(
    people: Any, client_of: Any
) -> None:
    alice, client = people.alice, client_of(people.alice)
    submitted(alice, RAGGED, title="Ragged")
    drain()
    submitted(alice, title="Stored")
    drain()
    drafted(alice, title="Left")
    submitted(alice, title="Waits")
    submitted(people.bob, title="Of Bob")

    page = client.get("/loads/")

    text = text_of(page)
    places = [text.index(word) for word in ("Waits", "Left", "Stored", "Ragged")]
    assert places == sorted(places)
    assert "has 1 field" in text
    assert "Of Bob" not in text
    assert "every 3s" in page.content.decode()
    assert 'content="5; url=?unattended"' in page.content.decode()
    Submission.objects.filter(title="Waits").update(created_at=timezone.now() - timedelta(hours=1))
    assert "every 30s" in client.get("/loads/").content.decode()
    assert faults(page.content.decode()) == []


def test_the_list_goes_on_where_there_are_many(
    alice: Any, client_of: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("datasets.loading.shown.LOADS_A_PAGE", 2)
    client = client_of(alice)
    for title in ("Oldest one", "second", "third"):
        drafted(alice, title=title)

    page = client.get("/loads/").content.decode()
    assert "Oldest one" not in page
    [older] = re.findall(r'href="(\?before=[^"]+)"', page)
    assert "Oldest one" in text_of(client.get(f"/loads/{older}"))


def test_nobody_else_sees_or_changes_a_load(people: Any, client_of: Any) -> None:
    submission = submitted(people.alice)
    for other in (people.bob, people.carol):
        client = client_of(other)
        for address in ("", "cancel/", "retry/"):
            ask = client.get if not address else client.post
            assert ask(f"{page_of(submission)}{address}").status_code == 404
        assert client.get(f"/datasets/new/?load={submission.pk}").status_code == 404
        assert client.post("/datasets/new/", {"load": str(submission.pk)}).status_code == 404
    assert Client().get(page_of(submission)).status_code == 302
    assert now(submission).state == State.WAITING


def test_staff_see_the_facts_of_a_load_and_not_its_sentence(people: Any) -> None:
    submission = submitted(people.alice, RAGGED, title="Blood panel", id_column="Xyzzy")
    drain()
    carol = sign_in(people.carol)

    listed = carol.get("/admin/datasets/submission/", {"q": people.alice.email})
    shown = carol.get(f"/admin/datasets/submission/{submission.pk}/change/")

    for page in (listed, shown):
        assert "Blood panel" in text_of(page)
        assert "failed" in text_of(page)
        assert "Xyzzy" not in page.content.decode()
    assert "its owner was told what to mend" in text_of(shown)
    assert carol.get("/admin/datasets/submission/?error__startswith=x").status_code == 400
