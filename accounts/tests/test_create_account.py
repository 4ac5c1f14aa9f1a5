"""`manage.py create_account`."""

import io
import json
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth import authenticate
from django.core.management import CommandError, call_command
from django.test import Client

from accounts.models import User
from fairdb_site.supabase import auth


def new_email() -> str:
    return f"made-{uuid4().hex[:12]}@example.org"


def create(*arguments: str) -> str:
    out = io.StringIO()
    call_command("create_account", *arguments, stdout=out)
    return out.getvalue()


def test_password_made_for_the_account_is_printed_and_works() -> None:
    email = new_email()

    said = create(email)

    password = said.splitlines()[1].removeprefix("Password: ")
    assert said.startswith(f"Made account {email}.")
    assert authenticate(None, username=email, password=password)


def test_password_comes_from_standard_input_and_is_not_repeated(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    email = new_email()
    monkeypatch.setattr("sys.stdin", io.StringIO("correct horse\n"))

    said = create(email, "--password-stdin")

    assert "correct horse" not in said
    assert authenticate(None, username=email, password="correct horse")


def test_an_internationalized_domain_is_written_in_its_other_form() -> None:
    with pytest.raises(CommandError, match=r"in its other form, xn--bcher-kva\.example"):
        create("anna@bücher.example")


def test_no_password_on_standard_input_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(""))

    with pytest.raises(CommandError, match="holds no password"):
        create(new_email(), "--password-stdin")


@pytest.mark.parametrize(
    ("password", "reason"),
    [
        ("short", "too short"),
        ("password1", "too common"),
        ("48151623420815", "entirely numeric"),
        ("somebody.unique", "too similar to the e-mail"),
        ("é" * 37, "too long"),
    ],
)
def test_weak_password_is_refused_as_on_the_page(
    monkeypatch: pytest.MonkeyPatch, password: str, reason: str
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{password}\n"))
    email = f"somebody.unique@{uuid4().hex}.example"

    with pytest.raises(CommandError, match=reason):
        create(email, "--password-stdin")
    answer = Client().post(
        "/accounts/register/",
        {"email": email, "password": password, "password_again": password},
    )

    assert answer.status_code == 400
    assert reason in answer.context["form"].errors["password"][0]
    assert auth.admin_find_user(email) is None


def test_staff_are_staff() -> None:
    email = new_email()

    assert create(email, "--staff").startswith("Made staff account")
    assert User.objects.get(email=email).is_staff


def test_json_is_one_object() -> None:
    email = new_email()

    made = json.loads(create(email.upper(), "--json"))

    assert made.pop("password")
    assert made == {
        "account": str(User.objects.get(email=email).id),
        "email": email,
        "staff": False,
    }


def test_account_that_exists_is_refused_and_left_alone(alice: Any) -> None:
    with pytest.raises(CommandError, match="already") as refusal:
        create(alice.email, "--staff")

    assert refusal.value.returncode == 1
    assert not User.objects.get(id=alice.user.id).is_staff
    assert authenticate(None, username=alice.email, password=alice.password)


def test_policy_of_registration_does_not_bind_the_operator(settings: Any) -> None:
    settings.FAIRDB_REGISTRATION = "closed"
    settings.FAIRDB_ALLOWED_EMAIL_DOMAINS = ["hospital.example"]

    assert "Made account" in create(new_email())
