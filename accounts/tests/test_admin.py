"""The administration is entered by the platform's sign-in, by staff alone, who read facts."""

from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import AccountDeletion, AuditEvent, SupabaseSession, User
from accounts.tests.doors import next_of, row_of, sign_in, tokens_of

ADMIN = "/admin/"
PEOPLE, SESSIONS = "/admin/accounts/user/", "/admin/accounts/supabasesession/"
EVENTS = "/admin/accounts/auditevent/"


def test_visitor_is_sent_to_the_platforms_sign_in() -> None:
    assert next_of(Client().get(PEOPLE)) == PEOPLE


def test_login_of_the_admin_is_the_platforms_sign_in() -> None:
    client = Client()

    assert next_of(client.get(f"/admin/login/?next={PEOPLE}")) == PEOPLE
    assert next_of(client.get("/admin/login/?next=https://evil.example/")) == ADMIN


@pytest.mark.parametrize("page", [ADMIN, PEOPLE, SESSIONS, EVENTS, f"{PEOPLE}invite/"])
def test_researcher_is_told_that_it_is_for_staff(alice: Any, page: str) -> None:
    answer = sign_in(alice).get(page, follow=True)

    assert answer.status_code == 403
    assert "for staff" in answer.content.decode()


def test_staff_without_the_second_factor_see_nothing_and_do_nothing(people: Any) -> None:
    client = Client()
    client.post(
        reverse("accounts:sign-in"),
        {"email": people.carol.email, "password": people.carol.password},
    )
    act = f"{PEOPLE}act/sign-out/"

    for answer in (client.get(PEOPLE), client.post(act, {"tick": people.alice.user.pk})):
        assert answer.status_code == 302
        assert answer.headers["Location"].startswith(reverse("accounts:second-factor"))


def test_front_leads_to_five_pages_and_to_no_groups(people: Any) -> None:
    page = sign_in(people.carol).get(ADMIN).content.decode()

    pages = (PEOPLE, SESSIONS, EVENTS, "/admin/datasets/dataset/", "/admin/datasets/load/")
    assert [address for address in pages if f'href="{address}"' not in page] == []
    assert "group" not in page.lower()
    assert sign_in(people.carol).get("/admin/auth/group/").status_code == 404


def test_people_are_found_by_address_and_id_and_filtered(people: Any) -> None:
    client = sign_in(people.carol)

    def is_found(person: Any, **asked: Any) -> bool:
        page = client.get(PEOPLE, asked).content.decode()
        return f"{PEOPLE}{person.user.pk}/change/" in page

    assert is_found(people.alice, q=people.alice.email[:12])
    assert is_found(people.alice, q=str(people.alice.user.pk))
    assert not is_found(people.alice, q=people.bob.email)
    assert not is_found(people.alice, q=people.alice.email, is_staff__exact=1)
    assert is_found(people.carol, q=people.carol.email, is_staff__exact=1)
    assert "Nothing fits" in client.get(PEOPLE, {"q": "no such person"}).content.decode()


def test_events_are_found_by_the_address_of_whom_they_concern(people: Any) -> None:
    sign_in(people.alice)
    client = sign_in(people.carol)
    event = AuditEvent.objects.filter(actor=people.alice.user.pk).latest("id")
    link = f"{EVENTS}{event.pk}/change/"

    assert link in client.get(EVENTS, {"q": people.alice.email[:12]}).content.decode()
    assert link in client.get(EVENTS, {"q": str(people.alice.user.pk)}).content.decode()
    assert link not in client.get(EVENTS, {"q": people.bob.email}).content.decode()


def test_event_and_session_lead_to_their_person(people: Any) -> None:
    row = row_of(sign_in(people.alice))
    event = AuditEvent.objects.filter(actor=people.alice.user.pk).latest("id")
    client = sign_in(people.carol)

    for page in (f"{EVENTS}{event.pk}/change/", f"{SESSIONS}{row.pk}/change/"):
        shown = client.get(page).content.decode()
        assert f'href="{PEOPLE}{people.alice.user.pk}/change/"' in shown


@pytest.mark.parametrize(
    "asked",
    [
        f"{PEOPLE}?session_salt__startswith=a",
        f"{PEOPLE}?supabase_sessions__device=x",
        f"{SESSIONS}?sealed_tokens__isnull=0",
        f"{SESSIONS}?user__session_salt__startswith=a",
        f"{EVENTS}?once__startswith=a",
    ],
)
def test_address_asks_for_what_the_filters_do_and_for_nothing_else(people: Any, asked: str) -> None:
    # a row more or less would tell what is in a column that no page shows
    assert sign_in(people.carol).get(asked).status_code == 400


@pytest.mark.parametrize(
    "asked",
    [
        "at__year=9999",
        "at__year=9999&at__month=12&at__day=31",
        "at__year=0",
        "at__year=" + "9" * 40 + "2026",
        "at__year=2026&at__month=" + "9" * 40,
        "at__year=-1",
        "at__year=x",
        "at__year=",
        "action__exact=%00",
    ],
)
def test_address_that_asks_for_what_cannot_be_is_refused(people: Any, asked: str) -> None:
    assert sign_in(people.carol).get(f"{EVENTS}?{asked}").status_code == 400


def test_events_are_listed_by_year_month_and_day(people: Any) -> None:
    client = sign_in(people.carol)

    for asked in (
        "at__year=2026",
        "at__year=2026&at__month=2",
        "at__year=2026&at__month=2&at__day=3",
    ):
        assert client.get(f"{EVENTS}?{asked}").status_code == 200


@pytest.mark.parametrize("address", ["add/", "{}/change/", "{}/delete/", "{}/history/", "{}/"])
def test_nothing_is_written_by_a_form_of_djangos(people: Any, address: str) -> None:
    page = PEOPLE + address.format(people.alice.user.pk)

    answer = sign_in(people.carol).post(page, {"is_staff": "on"})

    assert answer.status_code in {404, 405}


@pytest.mark.parametrize("page", ["/admin/password_change/", "/admin/jsi18n/", "/admin/r/1/1/"])
def test_pages_of_djangos_that_mean_nothing_here_are_not_there(people: Any, page: str) -> None:
    assert sign_in(people.carol).get(page).status_code == 404


def test_what_is_there_no_more_is_not_found(people: Any) -> None:
    client = sign_in(people.carol)

    for page in (f"{PEOPLE}{uuid4()}/change/", f"{PEOPLE}x/change/", f"{PEOPLE}act/no-such/"):
        assert client.get(page).status_code == 404


def test_person_is_shown_with_sessions_and_events_and_no_secret(people: Any) -> None:
    alices = Client(headers={"user-agent": "Mozilla/5.0 (X11; Linux) Firefox/140.0"})
    sign_in(people.alice, alices)
    row = row_of(alices)
    client = sign_in(people.carol)
    addresses = (
        f"{PEOPLE}{people.alice.user.pk}/change/",
        f"{SESSIONS}?q={people.alice.email}",
        f"{SESSIONS}{row.pk}/change/",
        f"{EVENTS}?q={people.alice.user.pk}",
    )

    shown = [client.get(address).content.decode() for address in addresses]

    person, sessions, session, events = shown
    assert "Firefox on Linux" in person
    assert "signed in" in person
    assert "127.0.0.1" in sessions
    assert "Firefox on Linux" in session
    assert people.alice.email in events
    hidden = (
        *tokens_of(row).values(), alices.session.session_key, people.alice.user.session_salt,
        bytes(row.sealed_tokens).decode(), row.supabase_id,
    )  # fmt: skip
    assert not [page for page in shown for secret in hidden if str(secret) in page]


def test_person_who_is_being_deleted_is_shown_as_that(people: Any) -> None:
    AccountDeletion.objects.create(account=people.bob.user.pk)
    User.objects.filter(pk=people.bob.user.pk).update(is_active=False)

    page = sign_in(people.carol).get(f"{PEOPLE}{people.bob.user.pk}/change/").content.decode()

    assert "being deleted" in page
    AccountDeletion.objects.all().delete()  # nothing is left for the reaper of another test


def test_list_of_sessions_shows_those_that_are_alive(people: Any) -> None:
    alices = sign_in(people.alice)
    client = sign_in(people.carol)
    asked = {"user": people.alice.user.pk}
    assert people.alice.email in client.get(SESSIONS, asked).content.decode()

    SupabaseSession.objects.filter(pk=row_of(alices).pk).update(seen_at="2020-01-01T00:00Z")

    assert people.alice.email not in client.get(SESSIONS, asked).content.decode()


def test_sign_out_of_the_admin_is_the_platforms(people: Any) -> None:
    client = sign_in(people.carol)

    client.post("/admin/logout/")

    assert client.get(ADMIN).status_code == 302
    assert "supabase_session" not in client.session


def test_person_who_was_never_seen_here_is_shown(people: Any) -> None:
    page = sign_in(people.carol).get(f"{PEOPLE}{people.bob.user.pk}/change/").content.decode()

    assert "They are not signed in." in page
    assert "Nothing is on record." in page
