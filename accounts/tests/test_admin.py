"""Django's admin is entered by the platform's sign-in, by staff alone."""

from typing import Any

import pytest
from django.test import Client

from accounts.tests.doors import next_of, sign_in

ADMIN = "/admin/"


def test_visitor_is_sent_to_the_platforms_sign_in() -> None:
    assert next_of(Client().get("/admin/accounts/user/")) == "/admin/accounts/user/"


def test_login_of_the_admin_is_the_platforms_sign_in() -> None:
    client = Client()

    assert next_of(client.get("/admin/login/?next=/admin/accounts/user/")) == (
        "/admin/accounts/user/"
    )
    assert next_of(client.get("/admin/login/?next=https://evil.example/")) == ADMIN


def test_staff_see_people_and_can_change_nothing(people: Any) -> None:
    client = sign_in(people.carol)
    url = f"/admin/accounts/user/{people.alice.user.id}/"

    listed = client.get("/admin/accounts/user/", {"q": people.alice.email})
    shown = client.get(f"{url}change/")

    assert people.alice.email in listed.content.decode()
    assert shown.status_code == 200
    assert client.post(f"{url}change/", {"is_staff": "on"}).status_code == 403
    assert client.get("/admin/accounts/user/add/").status_code == 403
    assert client.post(f"{url}delete/").status_code == 403


def test_page_of_a_person_shows_no_salt(people: Any) -> None:
    client = sign_in(people.carol)

    page = client.get(f"/admin/accounts/user/{people.alice.user.id}/change/").content.decode()

    assert people.alice.user.session_salt not in page


def test_researcher_is_told_that_it_is_for_staff(alice: Any) -> None:
    client = sign_in(alice)

    answer = client.get(ADMIN, follow=True)

    assert answer.status_code == 403
    assert "for staff" in answer.content.decode()


@pytest.mark.parametrize("page", ["/admin/password_change/", "/admin/password_change/done/"])
def test_admin_has_no_page_of_local_passwords(people: Any, page: str) -> None:
    assert sign_in(people.carol).get(page).status_code == 404


def test_sign_out_of_the_admin_is_the_platforms(people: Any) -> None:
    client = sign_in(people.carol)

    client.post("/admin/logout/")

    assert client.get(ADMIN).status_code == 302
    assert "supabase_session" not in client.session
