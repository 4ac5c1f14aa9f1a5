"""A user's identity on Django's own connection lasts one transaction and leaves nothing behind."""

from uuid import uuid4

import pytest
from django.db import connection, transaction

from conftest import Person
from datasets.tests.stored import run, store_dataset
from fairdb_site.database import as_user

WHO = (
    "select current_user::text, auth.uid(),"
    " coalesce(current_setting('request.jwt.claims', true), '')"
)


def who() -> tuple[str, object, str]:
    with connection.cursor() as cursor:
        cursor.execute(WHO)
        row: tuple[str, object, str] = cursor.fetchone()
        return row


def test_inside_the_user_is_who_they_are(alice: Person) -> None:
    with as_user(alice.user.id):
        role, uid, _ = who()

    assert (role, uid) == ("authenticated", alice.user.id)


def test_afterwards_the_connection_is_as_before(alice: Person) -> None:
    before = who()

    with as_user(alice.user.id):
        pass
    assert who() == before

    with pytest.raises(ZeroDivisionError), as_user(alice.user.id):
        raise ZeroDivisionError
    assert who() == before


def test_one_user_after_another_is_each_themselves(alice: Person, bob: Person) -> None:
    seen = []
    for person in (alice, bob, alice):
        with as_user(person.user.id):
            seen.append(who()[1])

    assert seen == [alice.user.id, bob.user.id, alice.user.id]


def test_it_refuses_to_nest(alice: Person, bob: Person) -> None:
    with (
        pytest.raises(RuntimeError, match="inside another"),
        as_user(alice.user.id),
        as_user(bob.user.id),
    ):
        pass
    with (
        pytest.raises(RuntimeError, match="inside another"),
        transaction.atomic(),
        as_user(alice.user.id),
    ):
        pass

    assert who()[0] == "postgres"


def test_a_generator_keeps_the_identity_while_it_is_read(alice: Person) -> None:
    def rows() -> object:
        with as_user(alice.user.id):
            yield who()[1]
            yield who()[1]

    assert list(rows()) == [alice.user.id, alice.user.id]  # type: ignore[call-overload]
    assert who()[0] == "postgres"


def test_other_settings_of_the_session_are_left_alone(alice: Person) -> None:
    with connection.cursor() as cursor:
        cursor.execute("set session work_mem = '7MB'")
        with as_user(alice.user.id):
            cursor.execute("show work_mem")
            assert cursor.fetchone() == ("7MB",)
        cursor.execute("show work_mem")
        assert cursor.fetchone() == ("7MB",)
        cursor.execute("reset work_mem")


def test_an_identity_left_in_the_session_does_not_slip_through(alice: Person) -> None:
    """`request.jwt.claim.sub` would win over the claims in auth.uid()."""
    with connection.cursor() as cursor:
        cursor.execute("select set_config('request.jwt.claim.sub', %s, false)", [str(uuid4())])
    try:
        with (
            pytest.raises(RuntimeError, match="did not take"),
            as_user(alice.user.id),
        ):
            pass
    finally:
        with connection.cursor() as cursor:
            cursor.execute("select set_config('request.jwt.claim.sub', '', false)")


@pytest.mark.parametrize(
    ("snapshot", "level"), [(False, "read committed"), (True, "repeatable read")]
)
def test_a_snapshot_sees_one_moment(alice: Person, snapshot: bool, level: str) -> None:
    with as_user(alice.user.id, snapshot=snapshot), connection.cursor() as cursor:
        cursor.execute("show transaction_isolation")
        assert cursor.fetchone() == (level,)


def test_operators_reach_the_rows_of_an_account_that_is_closed_to_its_owner(bob: Person) -> None:
    run(
        "update auth.users set banned_until = now() + interval '1 hour' where id = %s",
        [bob.user.id],
    )
    stored = store_dataset(bob.user.id)

    with as_user(bob.user.id):
        assert run(f"select count(*) from {stored.qualified}") == [(3,)]
