"""Signing in and out by the pages."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.sessions.models import Session
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts import pace
from accounts.models import SupabaseSession, User
from accounts.tests.doors import row_of, sign_in, tokens_of
from conftest import make_person
from fairdb_site.supabase import auth
from fairdb_site.supabase.errors import SessionEnded

SIGN_IN = "/accounts/sign-in/"


def test_sessions_that_have_ended_go_at_the_next_sign_in(alice: Any) -> None:
    ended, open_one = sign_in(alice), sign_in(alice)
    row, key = row_of(ended), ended.session.session_key
    row.seen_at = timezone.now() - timedelta(days=2)
    row.save()
    Session.objects.filter(session_key=key).update(
        expire_date=timezone.now() - timedelta(seconds=1)
    )

    sign_in(alice)

    assert not Session.objects.filter(session_key=key).exists()
    assert not SupabaseSession.objects.filter(id=row.id).exists()
    assert open_one.get("/probe/tables/").status_code == 200


def test_right_password_opens_the_pages(alice: Any) -> None:
    client = sign_in(alice)

    assert client.get("/probe/tables/").json() == {"tables": []}


def test_email_is_taken_in_any_case_and_with_spaces(alice: Any) -> None:
    answer = Client().post(
        SIGN_IN, {"email": f"  {alice.email.upper()} ", "password": alice.password}
    )

    assert answer.status_code == 302


def test_unknown_email_and_wrong_password_get_the_same_answer(alice: Any) -> None:
    wrong = Client().post(SIGN_IN, {"email": alice.email, "password": "not this one"})
    unknown = Client().post(SIGN_IN, {"email": "nobody@example.org", "password": "not this one"})

    said = [answer.context["form"].non_field_errors() for answer in (wrong, unknown)]
    assert said[0] == said[1] == ["We could not sign you in with this e-mail address and password."]
    assert wrong.status_code == unknown.status_code == 400


def test_unknown_email_and_wrong_password_are_refused_after_the_same_time(
    alice: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each waits for a moment so long after it began, however soon Supabase has answered."""
    now = iter((100.0, 200.0))
    waited_until: list[float] = []
    monkeypatch.setattr(pace, "REFUSED_AFTER", 0.5)
    monkeypatch.setattr(pace, "monotonic", lambda: next(now))
    monkeypatch.setattr(pace, "wait_until", waited_until.append)

    for email in (alice.email, "nobody@example.org"):
        Client().post(SIGN_IN, {"email": email, "password": "not this one"})

    assert waited_until == [100.5, 200.5]


def test_banned_account_gets_the_answer_of_a_wrong_password(alice: Any) -> None:
    auth.admin_update_user(alice.user.id, ban_for="24h")

    answer = Client().post(SIGN_IN, {"email": alice.email, "password": alice.password})

    assert "We could not sign you in" in answer.content.decode()


def test_refused_sign_in_never_repeats_the_password(alice: Any) -> None:
    answer = Client().post(SIGN_IN, {"email": alice.email, "password": "sesame-open-4711"})

    assert "sesame-open-4711" not in answer.content.decode()


def test_account_made_past_us_needs_an_address_of_an_allowed_domain(settings: Any) -> None:
    email, password = f"{uuid4().hex[:12]}@elsewhere.example", "correct horse"
    auth.admin_create_user(email, password)
    settings.FAIRDB_ALLOWED_EMAIL_DOMAINS = ["hospital.example"]

    answer = Client().post(SIGN_IN, {"email": email, "password": password})

    assert answer.status_code == 400
    assert "Accounts here are for addresses of hospital.example" in answer.content.decode()
    assert not User.objects.filter(email=email).exists()


@pytest.mark.parametrize("staff", [True, False])
def test_account_that_the_operator_made_may_have_any_address(settings: Any, staff: bool) -> None:
    settings.FAIRDB_ALLOWED_EMAIL_DOMAINS = ["hospital.example"]

    assert sign_in(make_person("guest", staff=staff))


def test_staff_made_at_supabase_may_have_any_address(settings: Any) -> None:
    email, password = f"{uuid4().hex[:12]}@elsewhere.example", "correct horse"
    auth.admin_create_user(email, password, staff=True)
    settings.FAIRDB_ALLOWED_EMAIL_DOMAINS = ["hospital.example"]

    assert Client().post(SIGN_IN, {"email": email, "password": password}).status_code == 302


def test_session_key_changes_at_sign_in(alice: Any) -> None:
    client = Client()
    session = client.session
    session["before"] = True
    session.save()
    before = session.session_key

    sign_in(alice, client)

    assert client.session.session_key != before
    assert not Session.objects.filter(session_key=before).exists()


def test_session_of_another_person_is_not_taken_over(people: Any) -> None:
    client = sign_in(people.alice)
    session = client.session
    session["of_alice"] = True
    session.save()

    sign_in(people.bob, client)

    assert "of_alice" not in client.session
    assert client.get("/probe/public/").json() == {"user": people.bob.email}


def test_signing_in_again_ends_the_session_there_was(alice: Any) -> None:
    client = sign_in(alice)
    key, row = client.session.session_key, row_of(client)
    tokens = tokens_of(row)

    sign_in(alice, client)

    assert client.session.session_key != key
    assert not SupabaseSession.objects.filter(id=row.id).exists()
    with pytest.raises(SessionEnded):
        auth.refresh(tokens["refresh"])


def test_session_cookie_is_out_of_reach_of_scripts_and_other_sites(alice: Any) -> None:
    cookie = sign_in(alice).cookies["sessionid"]

    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"


@pytest.mark.parametrize(
    "elsewhere",
    [
        "https://evil.example/",
        "//evil.example/",
        "///evil.example",
        r"\\evil.example",
        "/\\evil.example",
        "http:evil.example",
        "javascript:alert(1)",
        " https://evil.example",
        "https://testserver@evil.example/",
    ],
)
def test_next_never_leaves_the_site(alice: Any, elsewhere: str) -> None:
    form = {"email": alice.email, "password": alice.password, "next": elsewhere}

    assert Client().post(SIGN_IN, form)["Location"] == reverse("datasets:dashboard")
    assert Client().post(SIGN_IN, form | {"next": ""}, query_params={"next": elsewhere})[
        "Location"
    ] == reverse("datasets:dashboard")


def test_next_on_the_site_is_followed(alice: Any) -> None:
    answer = Client().post(
        SIGN_IN, {"email": alice.email, "password": alice.password, "next": "/probe/page/?a=1"}
    )

    assert answer["Location"] == "/probe/page/?a=1"


def test_signed_in_person_is_sent_on_from_the_doors(alice: Any) -> None:
    client = sign_in(alice)

    for name in ("accounts:sign-in", "accounts:register"):
        assert client.get(reverse(name))["Location"] == reverse("datasets:dashboard")


def test_sign_out_ends_the_session_here_and_at_supabase(alice: Any) -> None:
    client = sign_in(alice)
    row = row_of(client)
    tokens = tokens_of(row)

    answer = client.post(reverse("accounts:sign-out"))

    assert answer["Location"] == reverse("landing")
    assert client.get("/probe/page/").status_code == 302
    assert not SupabaseSession.objects.filter(id=row.id).exists()
    with pytest.raises(SessionEnded):
        auth.get_account(tokens["access"])
    with pytest.raises(SessionEnded):
        auth.refresh(tokens["refresh"])


def test_sign_out_leaves_other_browsers_signed_in(alice: Any) -> None:
    here, there = sign_in(alice), sign_in(alice)

    here.post(reverse("accounts:sign-out"))

    assert there.get("/probe/tables/").status_code == 200


def test_sign_out_twice_is_no_error(alice: Any) -> None:
    client = sign_in(alice)

    assert client.post(reverse("accounts:sign-out")).status_code == 302
    assert client.post(reverse("accounts:sign-out")).status_code == 302


def test_sign_out_works_while_supabase_is_away(alice: Any, settings: Any) -> None:
    client = sign_in(alice)
    settings.SUPABASE_URL = "http://127.0.0.1:9"

    client.post(reverse("accounts:sign-out"))

    assert client.get("/probe/page/").status_code == 302


def test_sign_out_takes_a_post(alice: Any) -> None:
    client = sign_in(alice)

    assert client.get(reverse("accounts:sign-out")).status_code == 405
    assert client.get("/probe/page/").status_code == 200


def test_supabase_away_is_said_on_the_sign_in_page(alice: Any, settings: Any) -> None:
    settings.SUPABASE_URL = "http://127.0.0.1:9"

    answer = Client().post(SIGN_IN, {"email": alice.email, "password": alice.password})

    assert answer.status_code == 503
    assert "does not answer just now" in answer.content.decode()


def test_new_session_salt_ends_the_sessions_of_a_person(alice: Any) -> None:
    client = sign_in(alice)

    User.objects.filter(id=alice.user.id).update(session_salt="another")

    assert client.get("/probe/page/").status_code == 302


def test_deactivated_person_is_out_at_once(alice: Any) -> None:
    client = sign_in(alice)

    User.objects.filter(id=alice.user.id).update(is_active=False)

    assert client.get("/probe/page/").status_code == 302


def test_session_whose_tokens_are_gone_is_no_session(alice: Any) -> None:
    client = sign_in(alice)

    row_of(client).delete()

    assert client.get("/probe/page/").status_code == 302
    assert "_auth_user_id" not in client.session


def test_row_of_another_person_is_of_no_use(people: Any) -> None:
    alices, bobs = sign_in(people.alice), sign_in(people.bob)
    session = bobs.session
    session["supabase_session"] = alices.session["supabase_session"]
    session.save()

    assert bobs.get("/probe/tables/").status_code == 302


def test_user_of_django_has_no_password(alice: Any) -> None:
    assert not alice.user.has_usable_password()
    assert not alice.user.check_password(alice.password)
    assert "password" not in {field.name for field in User._meta.get_fields()}
