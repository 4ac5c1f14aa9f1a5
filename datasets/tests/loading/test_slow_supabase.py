"""Supabase that is slow to make a table: waited for, and where it takes too long, nothing stays."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from django.db import connection

from conftest import Person
from datasets.services import reap_uploads
from datasets.tests.loading.tables import load_csv
from datasets.tests.stored import run
from fairdb_site.errors import Unavailable
from fairdb_site.local.state import SUPERUSER, local_state
from fairdb_site.supabase import clients


class SlowSupabase:
    """Holds up whoever makes a part: it asks whether its owner has an account, and waits there."""

    def __init__(self, stack: Path) -> None:
        self._holder = psycopg2.connect(local_state(stack).database_url(SUPERUSER))

    def __call__(self, step: str, done: int, total: int) -> None:
        """Begin once everything else of the load is done (a load's `progress`)."""
        if step == "creating":
            self._holder.cursor().execute("lock table auth.users in access exclusive mode")

    def go_on(self) -> None:
        """Let the held one go on."""
        self._holder.rollback()

    def go_on_to_the_end(self) -> None:
        """Let the held one go on, and wait until it has ended."""
        self.go_on()
        pause, cursor = threading.Event(), self._holder.cursor()
        for _ in range(200):
            cursor.execute(
                "select count(*) from pg_stat_activity where usename = 'authenticator'"
                " and state <> 'idle' and datname = current_database()"
            )
            busy = cursor.fetchone()
            self._holder.rollback()  # a transaction sees the same activity all along
            if busy == (0,):
                return
            pause.wait(0.05)
        pytest.fail("the table is still being made")

    def close(self) -> None:
        self._holder.close()


@pytest.fixture
def slow(stack: Path, db_ready: None) -> Iterator[SlowSupabase]:
    slow = SlowSupabase(stack)
    yield slow
    slow.close()


def test_table_is_waited_for_longer_than_other_answers(
    alice: Person, tmp_path: Path, settings: Any, slow: SlowSupabase
) -> None:
    settings.FAIRDB_SUPABASE_TIMEOUT = 0.2
    timer = threading.Timer(0.6, slow.go_on)
    timer.start()

    receipt = load_csv(alice, tmp_path, "id,age\nP1,1\n", progress=slow)

    timer.join()
    assert receipt.rows == 1


def test_table_made_after_nobody_waited_any_more_is_reaped(
    alice: Person,
    tmp_path: Path,
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
    slow: SlowSupabase,
) -> None:
    settings.FAIRDB_SUPABASE_TIMEOUT = 0.2
    monkeypatch.setattr(clients, "SERVICE_ROLE_PATIENCE", 0.3)

    with pytest.raises(Unavailable, match="does not answer"):
        load_csv(alice, tmp_path, "id,age\nP1,1\n", progress=slow)
    slow.go_on_to_the_end()

    assert parts_of(alice)
    reap_uploads()
    assert not parts_of(alice)
    assert not run('select id from "_fd".datasets where user_id = %s', [alice.user.pk])


def parts_of(person: Person) -> list[tuple[Any, ...]]:
    """Return the tables in the data schema whose rows can only be this person's."""
    with connection.cursor() as cursor:
        cursor.execute(
            "select conrelid::regclass::text from pg_constraint"
            " where contype = 'c' and pg_get_constraintdef(oid) like %s",
            [f"%{person.user.pk}%"],
        )
        return list(cursor.fetchall())
