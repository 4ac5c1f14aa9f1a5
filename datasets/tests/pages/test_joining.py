"""The page on which columns of another dataset are attached."""

from contextlib import closing
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection

from datasets.models import Attachment
from datasets.tests.pages.tables import load_table
from datasets.tests.stored import Stored, store_dataset
from datasets.turns import WORK_UNDER_WAY, require_turn


@pytest.fixture
def taxa(alice: Any) -> Any:
    return load_table(alice, b"sample,taxon\ns1,1\ns2,3\ns3,5\n", title="Taxa").id


@pytest.fixture
def samples(alice: Any) -> Any:
    content = b"sample,age,site\ns2,40,gut\ns1,31,skin\ns9,50,gut\n"
    return load_table(alice, content, title="<b>Samples</b>").id


def text(answer: Any) -> str:
    content: str = answer.content.decode()
    return " ".join(content.split())


def test_it_is_compared_attached_and_taken_off(
    alice: Any, client_of: Any, taxa: Any, samples: Any
) -> None:
    client, page = client_of(alice), f"/datasets/{taxa}/join/"

    compared = text(client.get(page, {"source": str(samples)}))
    attached = text(client.post(page, {"source": samples, "tick": ["2", "3"]}, follow=True))
    rows = text(client.get(f"/datasets/{taxa}/"))
    attachment = Attachment.objects.get(dataset=taxa)
    gone = text(client.post(f"{page}{attachment.pk}/take-off/", follow=True))

    assert "2 <small>2 rows of this dataset</small>" in compared
    assert "row 3" in compared
    assert "<b>Samples" not in compared
    assert "2 columns attached: 2 of 3 rows found their id." in attached
    assert "skin" in rows
    assert "2 columns taken off" in gone


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ({}, 404),
        ({"source": "no uuid"}, 404),
        ({"source": str(uuid4())}, 404),
        ({"tick": ["2"], "source": "itself"}, 400),
        ({"tick": [], "source": "samples"}, 400),
        ({"tick": ["99"], "source": "samples"}, 400),
        ({"tick": ["²", "-1", "x"], "source": "samples"}, 400),
    ],
)
def test_what_cannot_be_attached_is_refused(  # noqa: PLR0917  fixtures
    alice: Any, client_of: Any, taxa: Any, samples: Any, sent: dict[str, Any], status: int
) -> None:
    named = {"itself": taxa, "samples": samples}
    sent = {**sent, "source": named.get(sent.get("source", ""), sent.get("source", ""))}

    answer = client_of(alice).post(f"/datasets/{taxa}/join/", sent)

    assert answer.status_code == status
    assert not Attachment.objects.filter(dataset=taxa).exists()


def test_one_search_or_join_of_an_account_is_done_at_a_time(
    people: Any, alice: Any, client_of: Any, taxa: Any, samples: Any
) -> None:
    client, page = client_of(alice), f"/datasets/{taxa}/join/"

    def answers(client: Any) -> list[Any]:
        return [
            client.get(page, {"source": str(samples)}),
            client.post(page, {"source": samples, "all": "1"}),
            client.post("/search/sample/", {"sample": "s1"}),
        ]

    with closing(connection.copy()) as other, other.cursor() as cursor:
        other.set_autocommit(False)
        require_turn(cursor, alice.user.pk)
        for answer in answers(client):
            assert answer.status_code == 409
            assert WORK_UNDER_WAY in text(answer)
        assert client_of(people.bob).post("/search/sample/", {"sample": "s1"}).status_code == 200
        assert not Attachment.objects.filter(dataset=taxa).exists()
        other.rollback()

    assert [answer.status_code for answer in answers(client)] == [200, 302, 200]


def test_others_neither_see_nor_attach(
    people: Any, alice: Any, client_of: Any, taxa: Any, samples: Any
) -> None:
    for other in (people.bob, people.carol):
        client = client_of(other)
        own: Stored = store_dataset(other.user.id)
        answers = [
            client.get(f"/datasets/{taxa}/join/"),
            client.post(f"/datasets/{taxa}/join/", {"source": samples, "all": "1"}),
            client.get(f"/datasets/{own.id}/join/", {"source": str(samples)}),
            client.post(f"/datasets/{own.id}/join/", {"source": samples, "all": "1"}),
        ]
        assert [answer.status_code for answer in answers] == [404] * 4
        assert "Samples" not in text(client.get(f"/datasets/{own.id}/join/"))


def test_an_account_with_one_dataset_is_told_what_to_do(
    alice: Any, client_of: Any, taxa: Any
) -> None:
    assert "There is no other dataset yet" in text(client_of(alice).get(f"/datasets/{taxa}/join/"))
