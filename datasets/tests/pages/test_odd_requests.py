"""Requests that no page of ours sends are refused or passed over, and never break a page."""

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from datasets.tests.loading.queue import drafted
from datasets.tests.stored import store_dataset

HUGE = "9" * 5_000  # more digits than Python takes for a number
ODD = (
    "%00", "a%00b", "%ff", "%ED%A0%80", "-1", "1" + "0" * 30, HUGE, "nan", "inf", "99999-12-31",
    "0001-01-01T00:00:00%2B23:59", "9999-12-31T23:59:59-23:59", "\u0663", "%27%22", "1-",
)  # fmt: skip
SEEN = (
    '{"2": {"description": NaN}}', '{"2": {"description": "\\ud800", "unit": "\\u0000"}}',
    f'{{"2": 5, "9": null, "{HUGE}": {{}}}}', "[" * 100_000, '{"2": {"unit": [[]]}}',
)  # fmt: skip


@pytest.fixture
def client(alice: Any, client_of: Any, settings: Any) -> Any:
    settings.FAIRDB_LIMITS = {name: {} for name in settings.FAIRDB_LIMITS}
    return client_of(alice)


def test_odd_values_in_any_parameter_of_an_address_break_nothing(alice: Any, client: Any) -> None:
    stored = store_dataset(alice.user.id)
    page = f"/datasets/{stored.id}/"
    every = "columns={0}&sort=2&sort={0}&rows={0}&after={0}&before={0}&jump={0}&count={0}"
    conditions = "where=2.eq.{0}&where=3.between.{0},{0}&where=4.contains.{0}&where={0}.in.1"
    typed = "column=age&operator=eq&value={0}&column={0}&operator={0}&value=1"
    others = {"": every, "columns/": "q={0}&after={0}", "history/": "before={0}",
              "rows/1/": "q={0}&after={0}", "join/": "source={0}", "versions/": "compare={0}",
              "choose/": "columns={0}&listed={0}&tick={0}&place={0}"}  # fmt: skip
    addresses = [
        page + "?" + conditions, page + "?" + typed, page + "rows/{0}/", page + "columns/{0}/",
        "/loads/?before={0}", "/datasets/?before={0}&before_id={0}", "/search/?q={0}",
        *(f"{page}{rest}?{query}" for rest, query in others.items()),
    ]  # fmt: skip

    broken = [
        address.format(odd)[:200]
        for address in addresses
        for odd in ODD
        if client.get(address.format(odd)).status_code >= 500
    ]

    assert broken == []


def test_odd_values_in_forms_are_refused_plainly(alice: Any, client: Any) -> None:
    stored, other = store_dataset(alice.user.id), store_dataset(alice.user.id)
    draft = drafted(alice, b"id,age\nP1,1\n")
    long_name = SimpleUploadedFile("t.csv", b"id,age\nP1,1\n")
    long_name._name = "a" * 5_000 + ".csv"  # type: ignore[attr-defined]  # its setter cuts it
    page, look = f"/datasets/{stored.id}/", f"/loads/{draft.pk}/preview/"
    sent: list[tuple[str, dict[str, Any]]] = [
        ("/datasets/new/", {"title": "T", "file": long_name}),
        (page + "join/", {"source": other.id, "tick": HUGE}),
        (look, {"title": "T", "do": "read", "id_column": f"#{HUGE}"}),
        *((page + "describe/columns/", {"seen": seen, "description-2": "x"}) for seen in SEEN),
        *((page + "describe/", {"seen": seen, "title": "T"}) for seen in SEEN),
    ]

    answers = [client.post(address, fields) for address, fields in sent]

    assert max(answer.status_code for answer in answers) < 500
    assert answers[0].status_code == 400
    form = client.get(look).content.decode().split('name="header" value="')[1]
    named = {"title": "T", "do": "read", "header": form[:32], "id_column": f"#{HUGE}"}
    assert client.post(look, named).status_code == 400
