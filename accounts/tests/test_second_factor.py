"""The second factor: set up by a QR code, asked for at sign-in, demanded of staff, removed."""

import re
import time
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from accounts.models import AuditEvent, User
from accounts.tests.doors import row_of, sign_in, tokens_of
from conftest import Person
from fairdb_site.supabase import auth
from fairdb_site.supabase.tokens import verify_access_token

SIGN_IN, GIVE = "/accounts/sign-in/", "/accounts/sign-in/code/"
NEW, REMOVE, PAGE = "/accounts/second-factor/", "/accounts/second-factor/remove/", "/probe/tables/"


def begin(person: Any, client: Client) -> None:
    """Have the key of a second factor made, by the page."""
    answer = client.post(NEW, {"old": person.password})
    assert answer.status_code == 302, answer.content


def set_up(person: Any, client: Client) -> Person:
    """Set up a second factor by the page."""
    begin(person, client)
    page = client.get(NEW).content.decode()
    found = re.search(r'<code class="digest">([A-Z2-7 ]+)</code>', page)
    assert found
    owner = Person(person.user, person.email, person.password, found[1].replace(" ", ""))
    answer = client.post(NEW, {"code": owner.code()})
    assert answer.status_code == 302, answer.content
    return owner


def with_password_alone(person: Any, next_page: str = "") -> Client:
    client = Client()
    client.post(SIGN_IN, {"email": person.email, "password": person.password, "next": next_page})
    return client


@pytest.fixture
def owner(alice: Any) -> Person:
    return set_up(alice, sign_in(alice))


def test_page_shows_the_key_as_a_picture_and_as_text(alice: Any) -> None:
    client = sign_in(alice)
    begin(alice, client)

    page = client.get(NEW).content.decode()

    assert "<svg" in page
    assert "otpauth://totp/" in page
    assert 'style="' not in page


def test_key_is_made_by_post_alone_and_stays_when_the_page_is_loaded_again(alice: Any) -> None:
    client = sign_in(alice)
    assert "otpauth" not in client.get(NEW).content.decode()
    begin(alice, client)

    keys = [re.findall("secret=[A-Z2-7]+", client.get(NEW).content.decode()) for _ in range(2)]
    assert keys[0] == keys[1] != []


def test_key_is_in_no_session_data_in_the_clear(alice: Any) -> None:
    client = sign_in(alice)
    begin(alice, client)
    secret = re.search(r"secret=([A-Z2-7]+)", client.get(NEW).content.decode())

    assert secret
    assert secret[1] not in str(dict(client.session.items()))


def test_open_session_alone_sets_none_up(alice: Any) -> None:
    # who found it would keep its person out
    client = sign_in(alice)

    for given in ({}, {"old": ""}, {"old": "not the password"}):
        answer = client.post(NEW, given)
        assert answer.status_code == 400
        assert "otpauth" not in client.get(NEW).content.decode()
    client.post(NEW, {"code": "000000"})

    assert auth.admin_get_user(alice.user.pk).factors == ()


def test_who_came_by_a_mailed_link_sets_one_up_without_the_password(alice: Any) -> None:
    client = sign_in(alice)
    session = client.session
    session["password_by_link"] = time.time() + 60
    session.save()

    assert "Your password" not in client.get(NEW).content.decode()
    client.post(NEW)

    assert "otpauth" in client.get(NEW).content.decode()


def test_wrong_first_code_sets_nothing_up(alice: Any) -> None:
    client = sign_in(alice)
    begin(alice, client)

    answer = client.post(NEW, {"code": "000000"})

    assert answer.status_code == 400
    assert "does not fit" in answer.content.decode()
    assert not User.objects.get(pk=alice.user.pk).has_second_factor


def test_setting_up_raises_the_session_under_a_new_key(alice: Any) -> None:
    client = sign_in(alice)
    key = client.session.session_key

    set_up(alice, client)

    assert client.session.session_key != key
    assert row_of(client).assurance == "aal2"
    assert client.get(PAGE).status_code == 200


def test_setting_up_ends_sessions_without_a_second_factor(alice: Any) -> None:
    there = sign_in(alice)

    set_up(alice, sign_in(alice))

    assert there.get(PAGE).status_code == 302


def test_password_alone_opens_nothing_but_the_page_that_asks(owner: Person) -> None:
    client = with_password_alone(owner)

    for page in (PAGE, "/dashboard/", "/accounts/", "/accounts/password/", NEW, REMOVE):
        answer = client.get(page)
        assert answer.status_code == 302, page
        assert answer.headers["Location"].startswith(GIVE), page
    assert client.get(GIVE).status_code == 200


def test_password_alone_changes_no_password(owner: Person) -> None:
    client = with_password_alone(owner)
    new = "an owl in the attic"

    client.post(
        "/accounts/password/", {"old": owner.password, "password": new, "password_again": new}
    )

    assert auth.sign_in(owner.email, owner.password)


def test_program_is_told_in_json(owner: Person) -> None:
    answer = with_password_alone(owner).get(PAGE, headers={"accept": "application/json"})

    assert answer.status_code == 401
    assert "second factor" in answer.json()["error"]["message"]


def test_htmx_is_sent_to_the_page_that_asks(owner: Person) -> None:
    answer = with_password_alone(owner).get(PAGE, headers={"hx-request": "true"})

    assert answer.headers["HX-Redirect"].startswith(GIVE)


def test_code_opens_and_leads_on(owner: Person) -> None:
    client = with_password_alone(owner, next_page="/datasets/")
    key = client.session.session_key

    answer = client.post(GIVE, {"code": owner.code(), "next": "/datasets/"})

    assert answer.headers["Location"] == "/datasets/"
    assert client.session.session_key != key
    assert client.get(PAGE).status_code == 200


@pytest.mark.parametrize("elsewhere", ["https://evil.example/", "//evil.example", "javascript:1"])
def test_code_leads_nowhere_else(owner: Person, elsewhere: str) -> None:
    client = with_password_alone(owner)

    answer = client.post(GIVE, {"code": owner.code(), "next": elsewhere})

    assert answer.headers["Location"] == "/dashboard/"


@pytest.mark.parametrize("code", ["000000", "abcdef", "", "1" * 20, "１２３４５６", "0\x000000"])
def test_wrong_code_is_refused(owner: Person, code: str) -> None:
    client = with_password_alone(owner)

    assert client.post(GIVE, {"code": code}).status_code == 400
    assert client.get(PAGE).status_code == 302


def test_code_opens_once(owner: Person) -> None:
    code = owner.code()
    with_password_alone(owner).post(GIVE, {"code": code})

    assert with_password_alone(owner).post(GIVE, {"code": code}).status_code == 400


def test_code_may_be_typed_in_groups(owner: Person) -> None:
    code = owner.code()

    answer = with_password_alone(owner).post(GIVE, {"code": f" {code[:3]} {code[3:]} "})

    assert answer.status_code == 302


def test_codes_of_another_account_do_not_fit(owner: Person, bob: Any) -> None:
    other = set_up(bob, sign_in(bob))

    assert with_password_alone(owner).post(GIVE, {"code": other.code()}).status_code == 400


def test_tries_and_removals_are_on_record(owner: Person) -> None:
    client = with_password_alone(owner)
    client.post(GIVE, {"code": "000000"})
    client.post(GIVE, {"code": owner.code()})
    client.post(REMOVE, {"code": owner.code()})

    found = AuditEvent.objects.filter(actor=owner.user.pk).order_by("id")
    assert [f"{event.action}, {event.outcome}" for event in found][-4:] == [
        "signed in, done",
        "second factor given, refused",
        "second factor given, done",
        "second factor removed, done",
    ]


def test_removal_takes_a_code(owner: Person) -> None:
    client = sign_in(owner)

    refused = client.post(REMOVE, {"code": "000000"})
    assert refused.status_code == 400
    assert User.objects.get(pk=owner.user.pk).has_second_factor

    client.post(REMOVE, {"code": owner.code()})
    assert sign_in(Person(owner.user, owner.email, owner.password)).get(PAGE).status_code == 200


def test_sessions_go_on_at_aal2_after_a_refresh(owner: Person) -> None:
    from accounts.tests.doors import let_it_expire

    client = sign_in(owner)
    let_it_expire(row_of(client))

    assert client.get(PAGE).status_code == 200
    assert row_of(client).assurance == "aal2"
    claims = verify_access_token(tokens_of(row_of(client))["access"])
    assert claims.assurance == "aal2"


def test_factor_set_up_by_another_program_is_asked_for_by_the_page_that_needs_it(
    alice: Any,
) -> None:
    client = sign_in(alice)
    elsewhere = auth.sign_in(alice.email, alice.password)
    new = auth.factor_enrol(elsewhere.access_token, elsewhere.refresh_token, name="elsewhere")
    # as if proven; by an endpoint of Supabase, that would end the session of the page with it
    with connection.cursor() as cursor:
        cursor.execute(
            "update auth.mfa_factors set status = 'verified' where id = %s", [str(new.id)]
        )
    owner = Person(alice.user, alice.email, alice.password, new.secret)

    answer = client.get("/dashboard/")

    assert answer.headers["Location"] == f"{GIVE}?next=%2Fdashboard%2F"
    client.post(GIVE, {"code": owner.code(), "next": "/dashboard/"})
    assert client.get("/dashboard/").status_code == 200


# -- Staff ----------------------------------------------------------------------------------------


@pytest.fixture
def new_staff(alice: Any) -> Any:
    """Somebody who was just made staff, without a second factor."""
    auth.admin_update_user(alice.user.id, staff=True)
    return alice


def test_staff_without_a_second_factor_set_one_up_first(new_staff: Any) -> None:
    client = with_password_alone(new_staff)

    for page in ("/admin/", "/admin/accounts/user/", "/dashboard/", PAGE):
        assert client.get(page).headers["Location"].startswith(NEW), page

    set_up(new_staff, client)
    assert client.get("/admin/").status_code == 200


def test_staff_with_the_password_alone_do_not_get_into_the_admin(people: Any) -> None:
    client = with_password_alone(people.carol)

    assert client.get("/admin/").headers["Location"].startswith(GIVE)
    assert client.post("/admin/accounts/user/").status_code == 302


def test_staff_keep_theirs(people: Any) -> None:
    client = sign_in(people.carol)

    page = client.get(REMOVE).content.decode()
    client.post(REMOVE, {"code": people.carol.code()})

    assert "cannot be removed" in page
    assert User.objects.get(pk=people.carol.user.pk).has_second_factor


def test_upload_with_the_password_alone_is_not_even_stored(owner: Person) -> None:
    from django.core.files.uploadedfile import SimpleUploadedFile

    from datasets.models import StagedFile

    before = StagedFile.objects.count()
    client = with_password_alone(owner)

    answer = client.post(
        "/datasets/new/", {"title": "t", "file": SimpleUploadedFile("t.csv", b"id,a\n1,2\n")}
    )

    assert answer.status_code == 302
    assert StagedFile.objects.count() == before
