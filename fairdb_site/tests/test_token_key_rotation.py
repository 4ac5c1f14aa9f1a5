"""`manage.py rotate_token_key`: another key seals, nobody is signed out, nothing typed is lost."""

import io
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.conf import settings as django_settings
from django.contrib.sessions.models import Session
from django.core.management import CommandError, call_command

from accounts.models import AuditAction, AuditEvent, SupabaseSession
from accounts.sealing import seal
from accounts.sessions import SessionTokens
from accounts.tests.doors import let_it_expire, row_of, sign_in, tokens_of
from datasets.models import StagedFile
from datasets.staging import Staged
from fairdb_site import token_key_rotation
from fairdb_site.local.state import local_state, read_state
from fairdb_site.local.token_keys import KeptTokenKeys

PAGE, FORM = "/probe/tables/", "/probe/page/"
PROJECT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _at_once(db_ready: None, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave nothing to be sealed anew of all the tests before, nor wait for other servers."""
    for model in (SupabaseSession, Session, StagedFile):
        model.objects.all().delete()
    settings.ROOT_URLCONF = "accounts.tests.probe_urls"
    monkeypatch.setattr(token_key_rotation, "SETTLED_AFTER", 0.0)


def rotate() -> Any:
    out = io.StringIO()
    call_command("rotate_token_key", "--json", stdout=out)
    return json.loads(out.getvalue())


def keys_kept() -> list[str]:
    return list(read_state(django_settings.FAIRDB_LOCAL_DIR).token_keys)


def new_key() -> str:
    return Fernet.generate_key().decode()


def opens(key: str, sealed: bytes | memoryview) -> bool:
    try:
        Fernet(key).decrypt(bytes(sealed))
    except Exception:
        return False
    return True


# -- The embedded default's own key ---------------------------------------------------------------


def test_session_goes_on_under_the_new_key(alice: Any) -> None:
    client, (before,) = sign_in(alice), keys_kept()

    told = rotate()

    (after,) = keys_kept()
    assert after != before
    assert told["is_new_key"]
    assert told["resealed"]["sessions"] >= 1
    assert not told["next_step"]
    assert opens(after, row_of(client).sealed_tokens)
    assert not opens(before, row_of(client).sealed_tokens)
    assert client.get(PAGE).status_code == 200
    let_it_expire(row_of(client))
    assert client.get(PAGE).status_code == 200
    newest = AuditEvent.objects.filter(action=AuditAction.TOKEN_KEY_CHANGED).latest("id")
    assert (newest.actor, newest.outcome) == (None, "done")


def test_server_that_runs_meanwhile_needs_no_restart(alice: Any) -> None:
    client, before = sign_in(alice), keys_kept()
    code = (
        "import django; django.setup(); from fairdb_site import token_key_rotation as rotation; "
        "rotation.SETTLED_AFTER = 0; rotation.token_key_rotate()"
    )

    subprocess.run([sys.executable, "-c", code], check=True, cwd=PROJECT, timeout=120)

    assert keys_kept() != before
    assert client.get(PAGE).status_code == 200
    assert sign_in(alice).get(PAGE).status_code == 200
    assert opens(keys_kept()[0], row_of(client).sealed_tokens)


def test_request_that_read_its_session_before_goes_on(alice: Any) -> None:
    row = row_of(sign_in(alice))

    rotate()

    now = SupabaseSession.objects.get(id=row.id)
    assert SessionTokens(row).access_token() == tokens_of(now)["access"]


def test_what_was_typed_is_still_there(alice: Any) -> None:
    client = sign_in(alice)
    SupabaseSession.objects.filter(user=alice.user).delete()
    client.post(FORM, {"title": "An owl"})

    assert rotate()["resealed"]["typed_input"] >= 1

    sign_in(alice, client, next_page=FORM)
    assert client.get(FORM).json() == {"kept": {"title": "An owl"}}


def test_second_factor_that_is_being_set_up_goes_on(alice: Any) -> None:
    client = sign_in(alice)
    row, session = row_of(client), client.session
    place = f"new_factor {row.id}"
    session["new_factor"] = seal({"secret": "abc"}, place=place).decode()
    session.save()

    assert rotate()["resealed"]["typed_input"] >= 1

    assert opens(keys_kept()[0], client.session["new_factor"].encode())
    assert client.get(PAGE).status_code == 200


def test_upload_under_way_goes_on() -> None:
    staged = Staged()
    try:
        staged.write(b"id,value\n")

        assert rotate()["resealed"]["staged_files"] >= 1

        staged.write(b"1,2\n")
        staged.finish()
        assert staged.open().read() == b"id,value\n1,2\n"
        record = StagedFile.objects.get(name=staged.name)
        assert opens(keys_kept()[0], record.sealed_key)
    finally:
        staged.discard()


def test_command_that_was_killed_is_run_again(alice: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    client = sign_in(alice)

    def killed() -> Any:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setitem(token_key_rotation._SEALED, "typed_input", killed)
        with pytest.raises(KeyboardInterrupt):
            rotate()
    assert len(keys_kept()) == 2
    assert client.get(PAGE).status_code == 200

    rotate()

    assert len(keys_kept()) == 1
    assert client.get(PAGE).status_code == 200


def test_keys_do_not_show_in_what_python_prints() -> None:
    keys = django_settings.FAIRDB_TOKEN_KEYS

    assert isinstance(keys, KeptTokenKeys)
    assert keys[0] not in repr(keys)


def test_keys_last_seen_stand_where_the_file_is_gone(tmp_path: Path) -> None:
    state = local_state(tmp_path)
    keys = KeptTokenKeys(state)
    (tmp_path / "state.json").unlink()

    assert list(keys) == [state.token_key]


# -- Keys of the setting --------------------------------------------------------------------------


def test_of_one_key_it_says_to_put_a_new_one_first(settings: Any) -> None:
    settings.FAIRDB_TOKEN_KEYS = [new_key()]

    told = rotate()

    assert "put a new one before it in FAIRDB_TOKEN_KEYS" in told["next_step"]
    assert told["resealed"] == {}


@pytest.fixture
def both(settings: Any) -> Iterator[tuple[str, list[str]]]:
    """Give a new first key and the ones before; at the end those seal again, for other tests."""
    old, new = list(settings.FAIRDB_TOKEN_KEYS), new_key()
    settings.FAIRDB_TOKEN_KEYS = [new, *old]
    yield new, old
    settings.FAIRDB_TOKEN_KEYS = [*old, new]
    for reseal in token_key_rotation._SEALED.values():
        reseal()


def test_of_two_keys_the_first_seals_all_and_the_second_can_go(
    alice: Any, settings: Any, both: tuple[str, list[str]]
) -> None:
    new, old = both
    settings.FAIRDB_TOKEN_KEYS = old
    client = sign_in(alice)
    settings.FAIRDB_TOKEN_KEYS = [new, *old]

    told = rotate()

    assert told["next_step"].startswith("Everything is sealed under the first key.")
    assert not told["is_new_key"]
    assert keys_kept() == old
    settings.FAIRDB_TOKEN_KEYS = [new]
    assert client.get(PAGE).status_code == 200


def test_it_says_so_where_a_server_goes_on_sealing_with_the_old_key(
    alice: Any, settings: Any, both: tuple[str, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    new, old = both
    settings.FAIRDB_TOKEN_KEYS = old
    row = row_of(sign_in(alice))
    settings.FAIRDB_TOKEN_KEYS = [new, *old]

    def seal_as_before(seconds: float) -> None:
        SupabaseSession.objects.filter(id=row.id).update(sealed_tokens=row.sealed_tokens)

    with monkeypatch.context() as patched:
        patched.setattr("time.sleep", seal_as_before)
        with pytest.raises(CommandError, match="Restart all servers with the same keys"):
            rotate()


def test_session_that_no_key_opens_is_counted_and_ends(alice: Any) -> None:
    client = sign_in(alice)
    foreign = Fernet(new_key()).encrypt(b"{}")
    SupabaseSession.objects.filter(id=row_of(client).id).update(sealed_tokens=foreign)

    assert rotate()["unopened"] >= 1

    assert client.get(PAGE).status_code == 302


def test_words_tell_what_was_done_and_no_key() -> None:
    out = io.StringIO()

    call_command("rotate_token_key", stdout=out)

    assert "A new key seals from now on" in out.getvalue()
    assert "Sealed anew: sessions" in out.getvalue()
    assert keys_kept()[0] not in out.getvalue()
