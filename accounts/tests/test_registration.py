"""Making an account of one's own, where that is allowed."""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import pytest
from django.db import connections
from django.test import Client
from django.urls import reverse

from accounts.models import User

REGISTER = "/accounts/register/"


def new_email() -> str:
    return f"new-{uuid4().hex[:12]}@example.org"


def form(email: str, password: str = "correct horse", **more: str) -> dict[str, str]:
    return {"email": email, "password": password, "password_again": password} | more


def errors(answer: Any) -> str:
    return str(answer.context["form"].errors)


def test_anybody_registers_and_is_signed_in() -> None:
    client, email = Client(), new_email()

    answer = client.post(REGISTER, form(email.upper(), next="/probe/page/"))

    assert answer["Location"] == "/probe/page/"
    assert client.get("/probe/tables/").status_code == 200
    assert User.objects.get(email=email).is_staff is False


def test_second_click_signs_in_to_the_account_just_made() -> None:
    email = new_email()

    first, second = (Client().post(REGISTER, form(email)) for _ in range(2))

    assert first.status_code == second.status_code == 302
    assert User.objects.filter(email=email).count() == 1


def test_two_clicks_at_the_same_moment_make_one_account() -> None:
    email, barrier = new_email(), threading.Barrier(2)

    def register(_: int) -> int:
        barrier.wait()
        try:
            return Client().post(REGISTER, form(email)).status_code
        finally:
            connections.close_all()

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(register, range(2))) == [302, 302]
    assert User.objects.filter(email=email).count() == 1


def test_taken_address_with_another_password_is_refused(alice: Any) -> None:
    answer = Client().post(REGISTER, form(alice.email, "something else"))

    assert answer.status_code == 400
    assert "There is an account with this e-mail address already." in errors(answer)


def test_passwords_that_differ_are_refused() -> None:
    answer = Client().post(REGISTER, form(new_email()) | {"password_again": "battery staple"})

    assert answer.status_code == 400
    assert "The two passwords differ." in errors(answer)


def test_open_redirects_are_not_followed() -> None:
    answer = Client().post(REGISTER, form(new_email(), next="//evil.example/"))

    assert answer["Location"] == reverse("datasets:dashboard")


@pytest.mark.parametrize("policy", ["invite", "closed"])
def test_no_account_is_made_where_registration_is_not_open(settings: Any, policy: str) -> None:
    settings.FAIRDB_REGISTRATION = policy
    email = new_email()

    asked, sent = Client().get(REGISTER), Client().post(REGISTER, form(email))

    assert asked.status_code == sent.status_code == 403
    assert "Registration is closed here." in asked.content.decode()
    assert not User.objects.filter(email=email).exists()


def test_addresses_of_other_domains_are_refused(settings: Any) -> None:
    settings.FAIRDB_ALLOWED_EMAIL_DOMAINS = ["hospital.example"]

    answer = Client().post(REGISTER, form("somebody@not-hospital.example"))

    assert "hospital.example" in errors(answer)
    assert answer.status_code == 400


def test_addresses_of_an_allowed_domain_are_taken(settings: Any) -> None:
    settings.FAIRDB_ALLOWED_EMAIL_DOMAINS = ["hospital.example"]
    email = f"{uuid4().hex[:12]}@Hospital.Example"

    assert Client().post(REGISTER, form(email)).status_code == 302


@pytest.mark.parametrize(
    ("email", "said"),
    [
        ("anna@bücher.example", "in its other form, xn--bcher-kva.example:"),
        ("anna@fußball.example", "in its other form, which begins with xn--:"),
        ("anna@é..example", "in its other form, which begins with xn--:"),
        ("jürgen@example.org", "before the @. Please use another address"),
    ],
)
def test_an_address_that_no_account_can_have_is_told_what_to_do(email: str, said: str) -> None:
    answer = Client().post(REGISTER, form(email))

    assert answer.status_code == 400
    assert said in errors(answer)
    assert said in answer.context["form"].errors["email"][0]


def test_supabase_away_is_said_on_the_page(settings: Any) -> None:
    settings.SUPABASE_URL = "http://127.0.0.1:9"

    answer = Client().post(REGISTER, form(new_email()))

    assert answer.status_code == 503
    assert "does not answer just now" in errors(answer)
