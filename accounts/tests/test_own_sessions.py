"""My sessions: seen, and ended one by one, all others, or all."""

import re
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client

from accounts.own.sessions import device_name
from accounts.tests.doors import row_of, sign_in
from fairdb_site.supabase import auth
from fairdb_site.supabase.errors import SessionEnded

OWN, PAGE = "/accounts/", "/probe/tables/"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


def test_page_shows_where_one_is_signed_in(alice: Any) -> None:
    client = Client(headers={"user-agent": FIREFOX})
    sign_in(alice, client)
    sign_in(alice)

    page = client.get(OWN).content.decode()

    assert "Firefox on Linux" in page
    assert "this one" in page
    assert page.count("/end/") == 2


def test_page_shows_what_was_done_by_the_account_and_to_it_and_where_others_were_is_theirs(
    people: Any,
) -> None:
    wrong = {"email": people.alice.email, "password": "not hers"}
    Client(REMOTE_ADDR="192.0.2.7").post("/accounts/sign-in/", wrong)
    sign_in(people.bob)
    client = sign_in(people.alice)

    page = client.get(OWN).content.decode()
    lines = re.findall(r"<tr>(.*?)</tr>", page.split("What was done lately")[1], re.S)
    told = [" ".join(re.sub("<[^>]*>", " ", line).split()[4:]) for line in lines[1:]]

    assert told == [
        "Signed in You 127.0.0.1",
        "Signed in refused Somebody not signed in —",
    ]


def test_page_says_of_what_staff_did_to_others_that_it_was_to_others(people: Any) -> None:
    client = sign_in(people.carol)
    address = "/admin/accounts/user/act/sign-out/"
    client.post(f"{address}?tick={people.alice.user.pk}", {"tick": people.alice.user.pk})

    page = client.get(OWN).content.decode()

    (line,) = [one for one in page.split("<tr>") if "Sessions ended" in one]
    assert "of another account" in line


def test_page_shows_nobody_elses_sessions(people: Any) -> None:
    mine, theirs = sign_in(people.alice), sign_in(people.bob)

    assert str(row_of(theirs).id) not in mine.get(OWN).content.decode()


def test_one_session_is_ended_and_the_other_goes_on(alice: Any) -> None:
    here, there = sign_in(alice), sign_in(alice)

    here.post(f"/accounts/sessions/{row_of(there).id}/end/")

    assert there.get(PAGE).status_code == 302
    assert here.get(PAGE).status_code == 200


def test_session_ended_elsewhere_is_ended_at_supabase(alice: Any) -> None:
    here, there = sign_in(alice), sign_in(alice)
    from accounts.tests.doors import tokens_of

    refresh = tokens_of(row_of(there))["refresh"]

    here.post(f"/accounts/sessions/{row_of(there).id}/end/")

    with pytest.raises(SessionEnded):
        auth.refresh(refresh)


def test_ending_this_session_leads_to_sign_in(alice: Any) -> None:
    client = sign_in(alice)

    answer = client.post(f"/accounts/sessions/{row_of(client).id}/end/")

    assert answer.headers["Location"] == "/accounts/sign-in/"
    assert client.get(PAGE).status_code == 302


def test_nobody_ends_a_session_of_somebody_else(people: Any) -> None:
    mine, theirs = sign_in(people.alice), sign_in(people.bob)

    strangers = mine.post(f"/accounts/sessions/{row_of(theirs).id}/end/")
    missing = mine.post(f"/accounts/sessions/{uuid4()}/end/")

    assert strangers.status_code == missing.status_code == 404
    assert theirs.get(PAGE).status_code == 200


def test_all_others_end(alice: Any) -> None:
    here, there, elsewhere = sign_in(alice), sign_in(alice), sign_in(alice)
    program = auth.sign_in(alice.email, alice.password)

    here.post("/accounts/sessions/end-others/")

    assert [one.get(PAGE).status_code for one in (here, there, elsewhere)] == [200, 302, 302]
    with pytest.raises(SessionEnded):
        auth.refresh(program.refresh_token)


def test_all_end(alice: Any) -> None:
    here, there = sign_in(alice), sign_in(alice)

    here.post("/accounts/sessions/end-all/")

    assert [one.get(PAGE).status_code for one in (here, there)] == [302, 302]


@pytest.mark.parametrize(
    ("agent", "name"),
    [
        (FIREFOX, "Firefox on Linux"),
        ("Mozilla/5.0 (Windows NT 10.0) Chrome/1 Safari/537 Edg/1", "Edge on Windows"),
        ("Mozilla/5.0 (Macintosh; Intel) AppleWebKit/605 Version/18 Safari/605", "Safari on macOS"),
        ("curl/8.5.0", "curl"),
        ("", "an unknown browser"),
    ],
)  # fmt: skip
def test_devices_are_named_in_words(agent: str, name: str) -> None:
    assert device_name(agent) == name
