"""What Carol, who is staff, does to Alice from the administration: asked, done, told, on record."""

from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client

from accounts.models import AuditEvent, SupabaseSession, User
from accounts.tests.doors import row_of, sign_in
from fairdb_site.supabase import auth
from fairdb_site.tests.supabase_servers import another_gateway, answering, say
from fairdb_site.tests.test_supabase_factors import protect

PEOPLE, SESSIONS = "/admin/accounts/user/", "/admin/accounts/supabasesession/"
PAGE = "/probe/tables/"


def events_of(person: Any) -> list[tuple[str, str, Any]]:
    found = AuditEvent.objects.filter(subject=person.user.pk).order_by("id")
    return list(found.values_list("action", "outcome", "actor"))


def act(client: Client, name: str, *people: Any, **given: Any) -> str:
    """Ask for the page that confirms, then confirm; return the page that tells what came of it."""
    ticked = {"tick": [person.user.pk for person in people]}
    asked = client.get(f"{PEOPLE}act/{name}/", ticked)
    assert [person.email in asked.content.decode() for person in people] == [True] * len(people)
    answer = client.post(f"{PEOPLE}act/{name}/", ticked | given, follow=True)
    return answer.content.decode()


@pytest.mark.parametrize(
    ("name", "action"),
    [
        ("ban", "account banned"),
        ("reset-second-factor", "second factor removed"),
        ("sign-out", "sessions ended"),
    ],
)
def test_act_ends_sessions_and_is_on_record_with_who_did_it(
    people: Any, name: str, action: str
) -> None:
    alices, client = sign_in(people.alice), sign_in(people.carol)

    told = act(client, name, people.alice)

    assert f"Done: <bdi>{people.alice.email}</bdi>" in told
    assert alices.get(PAGE).status_code == 302
    assert events_of(people.alice) == [(action, "done", people.carol.user.pk)]


@pytest.mark.parametrize("name", ["ban", "unban", "reset-second-factor", "sign-out"])
def test_page_that_asks_does_nothing(people: Any, name: str) -> None:
    alices, client = sign_in(people.alice), sign_in(people.carol)

    client.get(f"{PEOPLE}act/{name}/", {"tick": people.alice.user.pk})

    assert alices.get(PAGE).status_code == 200
    assert events_of(people.alice) == []


def test_ban_lasts_as_long_as_was_said_and_is_lifted(people: Any) -> None:
    client = sign_in(people.carol)

    assert "banned for 3 hours" in act(client, "ban", people.alice, hours=3)
    assert auth.admin_get_user(people.alice.user.pk).is_banned
    assert "may sign in again" in act(client, "unban", people.alice)

    assert not auth.admin_get_user(people.alice.user.pk).is_banned
    assert sign_in(people.alice).get(PAGE).status_code == 200


def test_ban_for_no_time_is_asked_again(people: Any) -> None:
    client = sign_in(people.carol)

    answer = client.post(f"{PEOPLE}act/ban/", {"tick": people.alice.user.pk, "hours": "-1"})

    assert answer.status_code == 400
    assert people.alice.email in answer.content.decode()
    assert User.objects.get(pk=people.alice.user.pk).is_active


def test_second_factor_is_taken_off(people: Any) -> None:
    protect(people.alice)

    told = act(sign_in(people.carol), "reset-second-factor", people.alice)

    assert "the second factor is taken off" in told
    assert not auth.admin_get_user(people.alice.user.pk).has_second_factor


@pytest.mark.parametrize("name", ["ban", "reset-second-factor", "sign-out"])
def test_nobody_does_it_to_themselves_and_the_others_are_told_apart(people: Any, name: str) -> None:
    client = sign_in(people.carol)

    told = act(client, name, people.alice, people.carol)

    assert f"Done: <bdi>{people.alice.email}</bdi>" in told
    assert f"Not done as asked: <bdi>{people.carol.email}</bdi>: This is your own account" in told
    assert [event[1:] for event in events_of(people.carol)] == [("refused", people.carol.user.pk)]
    assert client.get(PEOPLE).status_code == 200


def test_supabase_away_is_told_of_everyone_and_nothing_is_changed(
    people: Any, settings: Any
) -> None:
    sign_in(people.alice)
    client = sign_in(people.carol)
    ticked = {"tick": [people.alice.user.pk, people.bob.user.pk]}

    with answering(settings, say(503, "away")):
        answer = client.post(f"{PEOPLE}act/ban/", ticked)
    told = client.get(answer.headers["Location"]).content.decode()

    # the first is told why, the second would only have waited as long
    assert f"Not done as asked: <bdi>{people.alice.email}</bdi>" in told
    assert f"a service did not answer: <bdi>{people.bob.email}</bdi>" in told
    assert User.objects.filter(pk__in=ticked["tick"], is_active=True).count() == 2
    assert SupabaseSession.objects.filter(user=people.alice.user).exists()
    assert events_of(people.alice) == [("account banned", "failed", people.carol.user.pk)]


def test_nothing_chosen_is_said(people: Any) -> None:
    client = sign_in(people.carol)

    for ticked in ({}, {"tick": "nonsense"}, {"tick": str(uuid4())}):
        answer = client.get(f"{PEOPLE}act/ban/", ticked, follow=True)
        assert "Nothing is chosen" in answer.content.decode()


def test_session_is_ended_and_the_others_go_on(people: Any) -> None:
    one, other = sign_in(people.alice), sign_in(people.alice)
    client = sign_in(people.carol)
    ticked = {"tick": str(row_of(one).pk)}

    asked = client.get(f"{SESSIONS}act/end/", ticked)
    told = client.post(f"{SESSIONS}act/end/", ticked, follow=True).content.decode()

    assert people.alice.email in asked.content.decode()
    assert "Done" in told
    assert (one.get(PAGE).status_code, other.get(PAGE).status_code) == (302, 200)
    assert events_of(people.alice) == [("sessions ended", "done", people.carol.user.pk)]


def test_own_session_is_not_ended_from_here(people: Any) -> None:
    client = sign_in(people.carol)
    own = row_of(client).pk

    told = client.post(f"{SESSIONS}act/end/", {"tick": own}, follow=True).content.decode()

    assert "This session is your own" in told
    assert SupabaseSession.objects.filter(pk=own).exists()


def test_person_is_invited_from_a_page(people: Any, settings: Any, tmp_path: Path) -> None:
    client = sign_in(people.carol)
    email = f"invited-{uuid4().hex[:12]}@example.org"

    with another_gateway(settings, tmp_path):
        told = client.post(f"{PEOPLE}invite/", {"email": email}, follow=True).content.decode()

    assert "the invitation is sent" in told
    invited = User.objects.get(email=email)
    (event,) = AuditEvent.objects.filter(subject=invited.pk)
    assert (event.action, event.actor) == ("account invited", people.carol.user.pk)
    assert len(list(tmp_path.glob("*.json"))) == 1


def test_invitation_of_who_has_an_account_is_refused_on_the_page(people: Any) -> None:
    answer = sign_in(people.carol).post(f"{PEOPLE}invite/", {"email": people.alice.email})

    assert answer.status_code == 400
    assert "already" in answer.content.decode()


def test_invitation_with_supabase_away_says_so(people: Any, settings: Any) -> None:
    client = sign_in(people.carol)
    email = f"{uuid4().hex[:12]}@example.org"

    with answering(settings, say(503, "away")):
        answer = client.post(f"{PEOPLE}invite/", {"email": email})

    assert answer.status_code == 503
    assert email in answer.content.decode()
    assert not User.objects.filter(email=email).exists()
