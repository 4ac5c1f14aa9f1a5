"""Supabase's accounts as Django's users."""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth import authenticate
from django.db import IntegrityError, connections, transaction

from accounts.mirror import mirror_account
from accounts.models import User
from accounts.services import account_by_email, account_create
from fairdb_site.errors import NotFound, Refused
from fairdb_site.supabase import auth
from fairdb_site.supabase.auth import Account
from fairdb_site.supabase.clients import make_client
from fairdb_site.supabase.errors import AccountExists


def new_email() -> str:
    return f"mirror-{uuid4().hex[:12]}@example.org"


def account(email: str, **more: Any) -> Account:
    return Account(id=uuid4(), email=email, is_staff=False, is_confirmed=True, **more)


def test_user_has_the_id_that_supabase_gave() -> None:
    made = auth.admin_create_user(new_email(), "correct horse")

    assert mirror_account(made).id == made.id


def test_first_sign_ins_at_the_same_moment_mirror_one_user() -> None:
    email = new_email()
    made = auth.admin_create_user(email, "correct horse")
    barrier = threading.Barrier(8)

    def sign_in(_: int) -> Any:
        barrier.wait()
        try:
            return authenticate(None, username=email, password="correct horse")
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as pool:
        users = list(pool.map(sign_in, range(8)))

    assert {user.id for user in users} == {made.id}
    assert User.objects.filter(email=email).count() == 1


def test_staff_comes_from_app_metadata() -> None:
    assert account_create(email=new_email(), password="correct horse", staff=True).is_staff


def test_staff_in_user_metadata_is_ignored(settings: Any) -> None:
    email = new_email()
    claimed = {"staff": True, "is_staff": True, "role": "service_role"}
    make_client(settings.SUPABASE_PUBLISHABLE_KEY).auth.sign_up(
        {"email": email, "password": "correct horse", "options": {"data": claimed}}
    )

    user = authenticate(None, username=email, password="correct horse")

    assert isinstance(user, User)
    assert not user.is_staff


@pytest.mark.parametrize("claim", ["true", 1, "yes", None])
def test_only_true_makes_staff(claim: Any) -> None:
    from supabase_auth.types import User as GoTrueUser

    person = GoTrueUser(
        id=str(uuid4()),
        app_metadata={"staff": claim},
        user_metadata={},
        aud="authenticated",
        created_at="2026-01-01T00:00:00Z",  # type: ignore[arg-type]
        email=new_email(),
    )

    assert not auth.account_of(person).is_staff


def test_address_that_went_to_another_account_is_taken_from_the_old_user() -> None:
    email = new_email()
    old = mirror_account(account(email))

    new = mirror_account(account(email))

    old.refresh_from_db()
    assert (new.email, old.email) == (email, f"{old.id}@replaced.invalid")


def test_address_that_many_accounts_claim_at_once_is_one_users(db_ready: None) -> None:
    email, barrier = new_email(), threading.Barrier(8)

    def claim(_: int) -> Any:
        barrier.wait()
        try:
            return mirror_account(account(email)).id
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as pool:
        claimed = set(pool.map(claim, range(8)))

    assert len(claimed) == 8
    assert User.objects.filter(id__in=claimed).count() == 8
    assert User.objects.filter(email=email).count() == 1


def test_changed_address_is_mirrored() -> None:
    first = account(new_email())
    user = mirror_account(first)
    moved = Account(first.id, new_email(), is_staff=False, is_confirmed=True)

    mirror_account(moved)

    user.refresh_from_db()
    assert user.email == moved.email


def test_account_without_address_is_refused() -> None:
    with pytest.raises(Refused):
        mirror_account(account(""))


def test_address_has_one_written_form_in_the_database() -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        User.objects.create(id=uuid4(), email="Upper@Example.org")


def test_person_is_found_by_address_in_any_case(alice: Any) -> None:
    assert account_by_email(f" {alice.email.upper()}") == alice.user
    assert User.objects.get_by_natural_key(alice.email.upper()) == alice.user


def test_person_who_never_signed_in_is_found_at_supabase() -> None:
    email = new_email()
    made = auth.admin_create_user(email, "correct horse")

    assert account_by_email(email).id == made.id


def test_unknown_address_is_not_found() -> None:
    for email in (new_email(), "nobody@x.y", "nobody"):
        with pytest.raises(NotFound, match=f"no account with the e-mail address {email}\\."):
            account_by_email(f" {email}")


def test_account_is_found_by_its_id() -> None:
    made = auth.admin_create_user(new_email(), "correct horse", staff=True)

    assert auth.admin_get_user(made.id) == made
    with pytest.raises(NotFound):
        auth.admin_get_user(uuid4())


def test_banned_account_is_mirrored_as_inactive() -> None:
    made = auth.admin_create_user(new_email(), "correct horse")
    assert mirror_account(made).is_active

    assert not mirror_account(auth.admin_update_user(made.id, ban_for="24h")).is_active
    assert mirror_account(auth.admin_update_user(made.id, ban_for="none")).is_active


def test_new_password_is_set_by_the_operator(alice: Any) -> None:
    auth.admin_update_user(alice.user.id, password="battery staple")

    assert authenticate(None, username=alice.email, password="battery staple")
    assert not authenticate(None, username=alice.email, password=alice.password)


def test_account_is_found_beyond_the_first_page(monkeypatch: pytest.MonkeyPatch) -> None:
    emails = [new_email() for _ in range(5)]
    for email in emails:
        auth.admin_create_user(email, "correct horse")
    monkeypatch.setattr(auth, "_USERS_A_PAGE", 2)

    found = auth.admin_find_user(emails[0])

    assert found is not None
    assert found.email == emails[0]


def test_second_account_of_an_address_is_refused(alice: Any) -> None:
    with pytest.raises(AccountExists):
        account_create(email=alice.email.upper(), password="correct horse")


def test_text_that_is_no_address_is_refused() -> None:
    with pytest.raises(Refused, match="not an e-mail address"):
        account_create(email="nobody", password="correct horse")
