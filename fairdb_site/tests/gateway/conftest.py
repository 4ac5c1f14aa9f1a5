"""One cluster and one gateway for these tests, apart from the run's common stack."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg2
import pytest

from fairdb_site.local import stack as local_stack
from fairdb_site.local.state import LocalState
from fairdb_site.tests.gateway.served import Served, Session, serve

_FUNCTIONS = Path(__file__).with_name("functions.sql")


@pytest.fixture(scope="session")
def gateway_folder() -> Iterator[Path]:
    folder = Path(os.path.realpath(tempfile.mkdtemp(prefix="fg-", dir="/tmp")))
    folder.chmod(0o711)  # the server may run as another user
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def state(gateway_folder: Path) -> Iterator[LocalState]:
    """A running stack; its own gateway is a process, those of `serve` are threads here."""
    folder = gateway_folder / "local"
    handle = local_stack.ensure_started(folder)
    connection = psycopg2.connect(handle.state.database_url("postgres"))
    with connection, connection.cursor() as cursor:
        cursor.execute(_FUNCTIONS.read_text())
    connection.close()
    yield handle.state
    local_stack.reset(folder)


@pytest.fixture(scope="session")
def gateway(state: LocalState, gateway_folder: Path) -> Iterator[Served]:
    with serve(state, gateway_folder) as served:
        yield served


@pytest.fixture(scope="session")
def careful_gateway(state: LocalState, gateway_folder: Path) -> Iterator[Served]:
    """A gateway where an address counts only once it is confirmed."""
    with serve(state, gateway_folder, autoconfirm=False) as served:
        yield served


@pytest.fixture(scope="session")
def user(gateway: Served) -> Session:
    """Somebody signed in, whom no test changes."""
    return gateway.sign_up()
