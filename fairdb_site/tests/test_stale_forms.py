"""A form that was open for too long is refused plainly, and can be sent again."""

import re
from typing import Any

import pytest
from django.test import Client

from accounts.tests.doors import sign_in
from datasets.models import Dataset

FORM = {"title": "Typed", "csrfmiddlewaretoken": "x" * 64}


@pytest.fixture
def browser(alice: Any) -> Client:
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = sign_in(alice).cookies
    return strict


def test_page_says_that_it_expired_and_what_to_do(browser: Client) -> None:
    answer = browser.post("/datasets/new/", FORM)

    page = answer.content.decode()
    assert answer.status_code == 403
    assert "It has expired, and nothing was stored. Go back, reload the page" in page
    assert "<html" in page
    assert "CSRF" not in page


def test_htmx_keeps_the_form_and_gives_it_a_token_that_counts(browser: Client, alice: Any) -> None:
    answer = browser.post("/datasets/new/", FORM, headers={"HX-Request": "true"})

    said = answer.content.decode()
    assert answer.status_code == 403
    assert "What you typed is still here" in said
    assert "<html" not in said
    assert (answer["HX-Retarget"], answer["HX-Reswap"]) == ("#main", "afterbegin show:#main:top")
    token = re.search(r'value="(\w{64})"\s+hx-swap-oob="outerHTML:\[name=csrf', said)
    assert token is not None
    again = browser.post("/datasets/new/", FORM | {"csrfmiddlewaretoken": token[1]})
    assert again.status_code == 422  # taken, though without a file
    assert not Dataset.objects.filter(user_id=alice.user.pk).exists()


def test_program_is_told_in_json(browser: Client) -> None:
    answer = browser.post("/datasets/new/", FORM, headers={"accept": "application/json"})

    assert answer.status_code == 403
    assert answer.json()["error"]["message"] == "The form was too old. Load it again."
