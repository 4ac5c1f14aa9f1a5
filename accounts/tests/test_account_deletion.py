"""An account is deleted with all that is held of it, also by a process that was killed."""

import io
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.db import connection
from django.test import Client

from accounts import audit
from accounts.models import AccountDeletion, AuditAction, AuditOrigin, SupabaseSession, User
from accounts.own import deletion
from accounts.tests.doors import row_of, sign_in
from datasets.models import Dataset
from datasets.tests.stored import Columns, Stored, run, store_dataset
from fairdb_site.errors import NotFound, SignInRequired
from fairdb_site.supabase import auth
from fairdb_site.supabase.errors import WrongCredentials

DELETE = "/accounts/delete/"
COLUMNS: Columns = {"age": ("integer", [31, 47, 58]), "sex": ("text", ["f", "m", "f"])}


@pytest.fixture
def stored(alice: Any) -> Stored:
    found = store_dataset(alice.user.id, COLUMNS)
    assert alice.rpc("get_all_tables")  # with a token that lives for an hour, whatever happens
    return found


def delete(person: Any, client: Client | None = None) -> Any:
    return (client or sign_in(person)).post(DELETE, {"old": person.password}, follow=True)


def tables_of(stored: Stored) -> int:
    [(count,)] = run("select count(*) from pg_class where relname = any(%s)", [stored.parts])
    return int(count)


def is_gone(person: Any, stored: Stored) -> bool:
    with pytest.raises(NotFound):
        auth.admin_get_user(person.user.id)
    left = (
        User.objects.filter(pk=person.user.pk),
        SupabaseSession.objects.filter(user=person.user.pk),
        AuditOrigin.objects.filter(account=person.user.pk),
        AccountDeletion.objects.filter(account=person.user.pk),
        Dataset.objects.filter(user_id=person.user.pk),
    )
    sessions = [session.get_decoded() for session in Session.objects.all()]
    return (
        not any(found.exists() for found in left)
        and not tables_of(stored)
        and not any(found.get("_auth_user_id") == str(person.user.pk) for found in sessions)
    )


def test_all_of_an_account_goes(alice: Any, stored: Stored) -> None:
    answer = delete(alice)

    assert "Your account is deleted" in answer.content.decode()
    assert is_gone(alice, stored)


def test_page_says_what_goes(alice: Any, stored: Stored) -> None:
    page = sign_in(alice).get(DELETE).content.decode()

    assert "1 dataset with 3 rows" in page


def test_wrong_password_deletes_nothing(alice: Any, stored: Stored) -> None:
    client = sign_in(alice)

    answer = client.post(DELETE, {"old": "not this one"})

    assert answer.status_code == 400
    assert "not your password" in answer.content.decode()
    assert client.get("/probe/tables/").json()["tables"]


def test_looking_at_the_page_deletes_nothing(alice: Any, stored: Stored) -> None:
    sign_in(alice).get(DELETE)

    assert tables_of(stored)


def test_others_keep_theirs(alice: Any, bob: Any, stored: Stored) -> None:
    theirs = store_dataset(bob.user.id, COLUMNS)
    client = sign_in(bob)

    delete(alice)

    assert tables_of(theirs)
    assert len(client.get("/probe/tables/").json()["tables"]) == 1


def test_trail_keeps_what_happened_and_not_to_whom(alice: Any, stored: Stored) -> None:
    delete(alice)

    event, *_ = audit.events(account=alice.user.pk, most=10)
    assert event.action == AuditAction.ACCOUNT_DELETED
    assert event.actor_name == str(alice.user.pk)
    assert (event.address, event.device) == ("", "")


def test_address_is_free_for_a_new_account_that_owns_nothing(alice: Any, stored: Stored) -> None:
    delete(alice)

    again = auth.admin_create_user(alice.email, alice.password)

    assert again.id != alice.user.id
    assert sign_in(alice).get("/probe/tables/").json() == {"tables": []}


@pytest.mark.parametrize("step", ["_shut_out", "_drop_holdings", "_forget"])
def test_reaper_finishes_what_was_killed(
    alice: Any,
    stored: Stored,
    step: str,
    typed: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def killed(account: Any) -> None:
        raise KeyboardInterrupt

    client = sign_in(alice)
    with monkeypatch.context() as patched:
        patched.setattr(deletion, step, killed)
        with pytest.raises(KeyboardInterrupt):
            deletion.account_delete(account=alice.user.pk, by=alice.user.pk)

    assert client.get("/probe/tables/").status_code == 302
    assert alice_sees_nothing(alice)
    assert typed("reap_uploads") == 0
    assert is_gone(alice, stored)


def test_whoever_is_on_the_way_out_cannot_sign_in(
    alice: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deletion, "_drop_holdings", lambda account: False)

    done = deletion.account_delete(account=alice.user.pk, by=None)

    assert not done
    with pytest.raises(WrongCredentials):
        auth.sign_in(alice.email, alice.password)


def test_data_is_invisible_to_programs_at_once(
    alice: Any, stored: Stored, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deletion, "deletion_finish", lambda account: False)

    deletion.account_delete(account=alice.user.pk, by=None)

    assert alice_sees_nothing(alice)


def test_load_that_is_alive_is_waited_for(alice: Any, stored: Stored) -> None:
    with connection.cursor() as cursor:
        cursor.execute("update _fd.datasets set state = 'loading' where id = %s", [str(stored.id)])
    with holding_the_lock_of(stored):
        assert not deletion.account_delete(account=alice.user.pk, by=None)
        assert tables_of(stored)

    assert deletion.deletions_finish()[0] >= 1
    assert is_gone(alice, stored)


def test_supabase_away_delays_the_end_and_not_the_beginning(
    alice: Any, stored: Stored, settings: Any
) -> None:
    url = settings.SUPABASE_URL
    client = sign_in(alice)
    row = row_of(client)
    settings.SUPABASE_URL = "http://127.0.0.1:1"
    assert not deletion.account_delete(account=alice.user.pk, by=None)
    settings.SUPABASE_URL = url

    assert not SupabaseSession.objects.filter(id=row.id).exists()
    assert alice_sees_nothing(alice)
    assert deletion.deletion_finish(alice.user.pk)


def test_command_deletes_an_account_and_asks_first(
    alice: Any, stored: Stored, typed: Any, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO())
    assert typed("delete_account", alice.email) == 1
    assert "Nothing was changed" in capsys.readouterr().err

    assert typed("delete_account", alice.email, "--yes") == 0
    assert is_gone(alice, stored)


def alice_sees_nothing(alice: Any) -> bool:
    try:
        return not alice.rpc("get_all_tables")
    except SignInRequired:  # the account is gone at Supabase
        return True


def holding_the_lock_of(stored: Stored) -> Any:
    """Hold what a living load holds, on a connection of its own."""
    from contextlib import contextmanager

    @contextmanager
    def held() -> Any:
        other = connection.copy()
        try:
            with other.cursor() as cursor:
                cursor.execute("select pg_advisory_lock(hashtextextended(%s, 0))", [str(stored.id)])
            yield
        finally:
            other.close()

    return held()
