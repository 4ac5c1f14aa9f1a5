"""What somebody typed survives the end of their session, for them and for that page alone."""

import time
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.signing import b62_encode, get_cookie_signer
from django.test import Client

from accounts import kept_input
from accounts.tests.doors import next_of, row_of, sign_in

PAGE = "/probe/page/"
TYPED = {"title": "Gut flora of 4711 people", "tags": ["a", "b"]}


@pytest.fixture
def ended(alice: Any) -> Client:
    """A browser whose session has ended behind its back, CSRF checks on."""
    client = sign_in(alice, Client(enforce_csrf_checks=False))
    client.handler.enforce_csrf_checks = True
    row_of(client).delete()
    return client


def post(client: Client, fields: dict[str, Any], **extra: Any) -> Any:
    token = client.cookies["csrftoken"].value
    return client.post(PAGE, fields | {"csrfmiddlewaretoken": token}, **extra)


def come_back(client: Client, person: Any) -> None:
    client.handler.enforce_csrf_checks = False
    sign_in(person, client)


def kept(client: Client, page: str = PAGE) -> Any:
    return client.get(page).json()["kept"]


def test_typed_fields_come_back_after_sign_in(alice: Any, ended: Client) -> None:
    answer = post(ended, TYPED)
    assert next_of(answer) == PAGE
    assert "what you typed is kept" in ended.get(answer["Location"]).content.decode()

    come_back(ended, alice)

    assert kept(ended) == TYPED


def test_they_come_back_once(alice: Any, ended: Client) -> None:
    post(ended, TYPED)
    come_back(ended, alice)
    kept(ended)

    assert kept(ended) == {}


def test_they_come_back_on_the_same_page_alone(alice: Any, ended: Client) -> None:
    post(ended, TYPED)
    come_back(ended, alice)

    assert kept(ended, "/probe/other/") == {}
    assert kept(ended) == TYPED


def test_query_of_the_page_is_kept_with_it(alice: Any, ended: Client) -> None:
    token = ended.cookies["csrftoken"].value
    answer = ended.post(f"{PAGE}?step=2", TYPED | {"csrfmiddlewaretoken": token})
    come_back(ended, alice)

    assert next_of(answer) == f"{PAGE}?step=2"
    assert kept(ended, f"{PAGE}?step=2") == TYPED


def test_form_that_posts_elsewhere_comes_back_to_its_own_page(alice: Any, ended: Client) -> None:
    answer = post(ended, TYPED, headers={"referer": "http://testserver/probe/other/?q=1"})
    come_back(ended, alice)

    assert next_of(answer) == "/probe/other/?q=1"
    assert kept(ended, "/probe/other/?q=1") == TYPED


def test_page_of_another_site_is_not_gone_back_to(ended: Client) -> None:
    answer = post(ended, TYPED, headers={"referer": "https://evil.example/probe/other/"})

    assert next_of(answer) == PAGE


def test_htmx_form_comes_back_to_the_page_it_is_on(alice: Any, ended: Client) -> None:
    headers = {"HX-Request": "true", "HX-Current-URL": "http://testserver/probe/other/"}
    answer = post(ended, TYPED, headers=headers)
    come_back(ended, alice)

    assert next_of(answer) == "/probe/other/"
    assert kept(ended, "/probe/other/") == TYPED


def test_passwords_files_and_tokens_are_not_kept(alice: Any, ended: Client) -> None:
    secrets = {"password": "x", "new_password_again": "x", "api_token": "x", "client_secret": "x"}
    post(ended, TYPED | secrets | {"file": SimpleUploadedFile("table.csv", b"id\n4711\n")})
    come_back(ended, alice)

    assert kept(ended) == TYPED


def test_post_without_csrf_token_keeps_nothing(alice: Any, ended: Client) -> None:
    answer = ended.post(PAGE, TYPED)
    come_back(ended, alice)

    assert answer.status_code == 403
    assert kept(ended) == {}


def test_more_than_the_cap_is_not_kept(alice: Any, ended: Client) -> None:
    post(ended, {"title": "x" * kept_input.MOST_BYTES})
    come_back(ended, alice)

    assert kept(ended) == {}


def test_old_input_is_not_offered(
    alice: Any, ended: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept_input, "KEPT_FOR", -1)
    post(ended, TYPED)
    come_back(ended, alice)

    assert kept(ended) == {}


def test_kept_input_cannot_be_read_in_the_database(ended: Client) -> None:
    post(ended, TYPED)

    session = Session.objects.get(session_key=ended.session.session_key)
    assert "Gut flora" not in str(session.get_decoded())


def test_input_of_one_person_is_not_offered_to_another(people: Any) -> None:
    client = sign_in(people.alice)
    row_of(client).delete()
    client.post(PAGE, TYPED)

    sign_in(people.bob, client)

    assert kept(client) == {}


def test_browser_in_which_nobody_signed_in_keeps_nothing(alice: Any) -> None:
    client = Client()
    client.post(PAGE, TYPED)
    assert "sessionid" not in client.cookies
    sign_in(alice, client)

    assert kept(client) == {}


def test_input_is_kept_when_the_session_cookie_itself_ran_out(alice: Any) -> None:
    client = sign_in(alice)
    del client.cookies["sessionid"]
    client.post(PAGE, TYPED)

    sign_in(alice, client)

    assert kept(client) == TYPED


def test_whose_it_is_cannot_be_made_up(alice: Any) -> None:
    client = Client()
    client.cookies[kept_input.COOKIE] = str(alice.user.id)
    client.post(PAGE, TYPED)

    sign_in(alice, client)

    assert kept(client) == {}


def days_old(client: Client, person: Any, days: float) -> None:
    """Give the browser the cookie that a visit so many days ago has left."""
    signer = get_cookie_signer(salt=kept_input.COOKIE + kept_input.COOKIE)
    signer.timestamp = lambda: b62_encode(int(time.time() - days * 86_400))  # type: ignore[method-assign]
    client.cookies[kept_input.COOKIE] = signer.sign(str(person.user.id))


@pytest.mark.parametrize(("days", "is_kept"), [(4.4, True), (4.6, False)])
def test_whose_it_is_is_known_for_some_days_after_a_session_of_12_hours(
    alice: Any, days: float, is_kept: bool
) -> None:
    client = sign_in(alice)
    del client.cookies["sessionid"]
    days_old(client, alice, days)
    client.post(PAGE, TYPED)

    sign_in(alice, client)

    assert kept(client) == (TYPED if is_kept else {})


def test_cookie_of_an_earlier_session_is_renewed_after_a_day(alice: Any) -> None:
    client = sign_in(alice)
    lasts = client.cookies[kept_input.COOKIE]["max-age"]
    for days, is_renewed in ((0.9, False), (1.1, True)):
        days_old(client, alice, days)
        before = client.cookies[kept_input.COOKIE].value

        client.get(PAGE)

        assert (client.cookies[kept_input.COOKIE].value != before) is is_renewed
    assert lasts == client.cookies[kept_input.COOKIE]["max-age"] == (12 + 4 * 24) * 3600


def test_sign_out_leaves_no_trace_of_the_person(alice: Any) -> None:
    client = sign_in(alice)
    assert str(alice.user.id) in client.cookies[kept_input.COOKIE].value

    client.post("/accounts/sign-out/")

    assert client.cookies[kept_input.COOKIE].value == ""


def test_get_keeps_nothing(alice: Any, ended: Client) -> None:
    ended.get(PAGE, {"title": "x"})
    come_back(ended, alice)

    assert kept(ended) == {}


@pytest.mark.parametrize(
    "address", ["http://[", "http://testserver//evil.example/x", "javascript:1"]
)
def test_header_that_is_no_page_of_ours_is_passed_over(ended: Client, address: str) -> None:
    assert next_of(post(ended, TYPED, headers={"referer": address})) == PAGE

    fragment = ended.get(PAGE, headers={"HX-Request": "true", "HX-Current-URL": address})
    assert fragment["HX-Redirect"] == "/accounts/sign-in/?next=%2F"
