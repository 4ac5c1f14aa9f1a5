"""`local rotate-signing-key` while people are signed in: no session ends."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jwt
import pytest

from accounts.models import AuditAction, AuditEvent
from fairdb_site.local import commands
from fairdb_site.local import stack as local_stack
from fairdb_site.local.commands import run
from fairdb_site.local.state import LocalState
from fairdb_site.supabase import auth
from fairdb_site.supabase.clients import Supabase
from fairdb_site.supabase.tokens import signing_keys, verify_access_token
from fairdb_site.tests.local.conftest import MakeFolder, Plant
from fairdb_site.tests.local.stacks import query
from fairdb_site.tests.supabase_servers import point_at

WHO_AM_I = """
create function public.who_am_i() returns uuid language sql stable return auth.uid();
grant execute on function public.who_am_i() to authenticated;
"""


@pytest.fixture
def state(make_folder: MakeFolder, plant: Plant, settings: Any) -> Iterator[LocalState]:
    """A stack of its own, which the platform uses."""
    folder = plant(make_folder())
    state = local_stack.ensure_started(folder).state
    query(state.database_url(), WHO_AM_I)
    settings.SUPABASE_PUBLISHABLE_KEY = state.publishable_key
    point_at(settings, state.supabase_url)
    yield state
    local_stack.stop(folder)
    signing_keys.forget()


def rotate(folder: Path) -> Any:
    text = run("rotate-signing-key", folder, database_url=None, as_json=True, yes=False)
    return json.loads(text)


def who_am_i(session: auth.Session) -> Any:
    return Supabase(session.access_token).safe_rpc_call("who_am_i", {})


def test_session_goes_on_when_the_signing_key_changes(state: LocalState) -> None:
    session = auth.sign_up("somebody@example.org", "correct horse battery staple")
    assert session is not None
    verify_access_token(session.access_token)  # so the platform knows the old key alone

    answer = rotate(state.folder)
    refreshed = auth.refresh(session.refresh_token)

    assert answer == {"rotated": True, "restarted": True}
    kids = {jwt.get_unverified_header(s.access_token)["kid"] for s in (session, refreshed)}
    assert len(kids) == 2
    for known in (session, refreshed):
        assert verify_access_token(known.access_token).user_id == session.account.id
        assert who_am_i(known) == str(session.account.id)


def test_key_changes_while_nothing_runs(make_folder: MakeFolder) -> None:
    assert rotate(make_folder()) == {"rotated": True, "restarted": False}


def test_change_is_on_record(
    db_ready: None, typed: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commands, "run", lambda *arguments, **named: "")  # this run's own stack
    before = AuditEvent.objects.filter(action=AuditAction.SIGNING_KEY_CHANGED).count()

    assert typed("local", "rotate-signing-key") == 0

    after = AuditEvent.objects.filter(action=AuditAction.SIGNING_KEY_CHANGED).count()
    assert after == before + 1
