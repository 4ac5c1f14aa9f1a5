"""A database and a gateway for these tests on the run's own cluster, apart from the platform's."""

import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg2
import pytest

from fairdb_site.local.state import SUPERUSER, LocalState, read_state
from fairdb_site.tests.gateway.served import DATABASE, Served, Session, serve

_FUNCTIONS = Path(__file__).with_name("functions.sql")


@pytest.fixture(scope="session")
def state(stack: Path) -> LocalState:
    state = read_state(stack)
    with closing(psycopg2.connect(state.database_url(SUPERUSER, "postgres"))) as server:
        server.autocommit = True
        server.cursor().execute(f"create database {DATABASE} owner postgres")
    with (
        closing(psycopg2.connect(state.database_url("postgres", DATABASE))) as database,
        database,
        database.cursor() as cursor,
    ):
        cursor.execute(_FUNCTIONS.read_text())
    return state


@pytest.fixture(scope="session")
def outbox() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="outbox-") as folder:
        yield Path(folder)


@pytest.fixture(scope="session")
def gateway(state: LocalState, outbox: Path) -> Iterator[Served]:
    with serve(state, DATABASE, outbox) as served:
        yield served


@pytest.fixture(scope="session")
def careful_gateway(state: LocalState, outbox: Path) -> Iterator[Served]:
    """A gateway where an address counts only once it is confirmed."""
    with serve(state, DATABASE, outbox, autoconfirm=False) as served:
        yield served


@pytest.fixture(scope="session")
def strict_gateway(state: LocalState, outbox: Path) -> Iterator[Served]:
    """A gateway that wants a new password proven by the current one, in a session of today."""
    wanted = {"current_password_required": True, "reauthentication_required": True}
    with serve(state, DATABASE, outbox, **wanted) as served:
        yield served


@pytest.fixture(scope="session")
def user(gateway: Served) -> Session:
    """Somebody signed in, whom no test changes."""
    return gateway.sign_up()
