"""Where Supabase wants an address confirmed before it lets its owner in."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client

from accounts.models import User
from accounts.tests.doors import sign_in
from fairdb_site.tests.supabase_servers import another_gateway

REGISTER, SIGN_IN = "/accounts/register/", "/accounts/sign-in/"
PASSWORD = "correct horse"


@pytest.fixture(autouse=True)
def _confirming(settings: Any, tmp_path: Path) -> Iterator[None]:
    with another_gateway(settings, tmp_path, autoconfirm=False):
        yield


def register(email: str) -> Any:
    form = {"email": email, "password": PASSWORD, "password_again": PASSWORD}
    return Client().post(REGISTER, form)


def test_page_says_to_check_the_mail() -> None:
    email = f"{uuid4().hex[:12]}@example.org"

    answer = register(email)

    assert answer.status_code == 200
    assert "Check your mail" in answer.content.decode()
    assert email in answer.content.decode()
    assert not User.objects.filter(email=email).exists()


def test_known_address_gets_the_same_page(alice: Any) -> None:
    unknown = f"{uuid4().hex[:12]}@example.org"

    pages = [
        re.sub(r'name="csrfmiddlewaretoken" value="\w+"', "", register(email).content.decode())
        for email in (alice.email, unknown)
    ]

    assert pages[0].replace(alice.email, "") == pages[1].replace(unknown, "")


def test_sign_in_before_the_mail_is_confirmed_says_so() -> None:
    email = f"{uuid4().hex[:12]}@example.org"
    register(email)

    right = Client().post(SIGN_IN, {"email": email, "password": PASSWORD})
    wrong = Client().post(SIGN_IN, {"email": email, "password": "not this one"})

    assert "not confirmed yet" in right.content.decode()
    assert "not confirmed yet" not in wrong.content.decode()


def test_account_made_by_the_operator_needs_no_mail(alice: Any) -> None:
    assert sign_in(alice).get("/probe/tables/").status_code == 200
