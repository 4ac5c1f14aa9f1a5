"""With DATABASE_URL that server is used, once Supabase's roles and schema were laid into it."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

import psycopg2
import pytest

from fairdb_site.errors import Refused, Unavailable
from fairdb_site.local import gateway_process
from fairdb_site.local import stack as local_stack
from fairdb_site.local.postgres import Postgres
from fairdb_site.local.state import folder_lock, local_state
from fairdb_site.tests.local.conftest import MakeFolder
from fairdb_site.tests.local.stacks import query, sign_up

PASSWORD = "a b:c/d@e?f#g%"


@pytest.fixture(scope="module")
def plain_server(make_folder: MakeFolder) -> str:
    """Start a PostgreSQL as somebody may have one, its superuser named postgres; give its URL."""
    folder = make_folder()
    state = local_state(folder)
    with folder_lock(folder):
        Postgres(folder).start(state.superuser_password)
    admin = state.database_url("supabase_admin", "postgres")
    query(admin, "create role postgres superuser login password %s", PASSWORD)
    query(admin, "create role reader login password 'reader'")
    host = quote(str(state.socket_dir), safe="")
    return f"postgresql://postgres:{quote(PASSWORD, safe='')}@{host}/postgres"


@pytest.fixture
def database_url(plain_server: str) -> Iterator[str]:
    """Make an empty database there without any of Supabase's roles; give its URL."""

    def clean() -> None:
        with closing(psycopg2.connect(plain_server)) as server:
            server.autocommit = True
            cursor = server.cursor()
            cursor.execute("drop database if exists plain with (force)")
            for role in ("authenticator", "supabase_auth_admin"):
                cursor.execute(f"drop role if exists {role}")
            for role in ("anon", "authenticated", "service_role"):
                cursor.execute(f"drop role if exists {role}")

    clean()
    with closing(psycopg2.connect(plain_server)) as server:
        server.autocommit = True
        server.cursor().execute("create database plain")
    yield plain_server.removesuffix("/postgres") + "/plain"
    clean()


@pytest.fixture
def folder(make_folder: MakeFolder) -> Iterator[Path]:
    folder = make_folder()
    yield folder
    local_stack.stop(folder)


def test_server_without_the_roles_is_refused_with_the_mend(folder: Path, database_url: str) -> None:
    with pytest.raises(Refused, match=r"manage\.py local bootstrap"):
        local_stack.ensure_started(folder, database_url=database_url)
    assert gateway_process.running(folder) is None


def test_bootstrapped_server_carries_the_gateway(folder: Path, database_url: str) -> None:
    local_stack.bootstrap(folder, database_url=database_url)
    handle = local_stack.ensure_started(folder, database_url=database_url)
    assert handle.started == ("gateway",)
    assert sign_up(handle.state, "external@example.org") == 200
    assert query(database_url, "select email from auth.users") == [("external@example.org",)]
    assert Postgres(folder).running() is None
    assert not Postgres(folder).data.exists()
    assert local_stack.ensure_started(folder, database_url=database_url).started == ()


def test_bootstrap_may_be_repeated(folder: Path, database_url: str) -> None:
    for _ in range(2):
        local_stack.bootstrap(folder, database_url=database_url)
        query(database_url, "insert into auth.users (id) values (gen_random_uuid())")
    assert query(database_url, "select count(*) from auth.users") == [(2,)]


def test_bootstrap_leaves_a_superuser_named_postgres_as_it_is(
    folder: Path, database_url: str
) -> None:
    role = "select * from pg_authid where rolname = 'postgres'"
    before = query(database_url, role)
    local_stack.bootstrap(folder, database_url=database_url)
    assert query(database_url, role) == before
    settings = "select count(*) from pg_db_role_setting where setrole = 'postgres'::regrole"
    assert query(database_url, settings) == [(0,)]


def test_role_that_may_not_make_roles_is_refused(folder: Path, database_url: str) -> None:
    reader = database_url.replace(f"postgres:{quote(PASSWORD, safe='')}@", "reader:reader@")
    with pytest.raises(Refused, match="superuser's DATABASE_URL"):
        local_stack.bootstrap(folder, database_url=reader)
    assert query(database_url, "select to_regrole('anon')") == [(None,)]  # nothing half done


def test_unknown_spelling_of_the_scheme_is_djangos(folder: Path, database_url: str) -> None:
    local_stack.bootstrap(folder, database_url=database_url.replace("postgresql:", "psql:"))
    assert query(database_url, "select to_regrole('anon') is not null") == [(True,)]


def test_server_that_does_not_answer_is_a_plain_message(folder: Path) -> None:
    url = "postgresql://postgres:secret-word@127.0.0.1:1/postgres"
    for action in (local_stack.ensure_started, local_stack.bootstrap):
        with pytest.raises(Unavailable) as caught:
            action(folder, database_url=url)
        assert "secret-word" not in str(caught.value)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("url", ["mysql://a:secret-word@b/c", "postgresql://a:secret-word@b/c?x=y"])
def test_url_that_is_not_postgresqls_is_a_plain_message(folder: Path, url: str) -> None:
    with pytest.raises(Refused, match="DATABASE_URL") as caught:
        local_stack.ensure_started(folder, database_url=url)
    assert "secret-word" not in str(caught.value)


def test_status_tells_of_the_server_without_its_password(folder: Path, database_url: str) -> None:
    local_stack.bootstrap(folder, database_url=database_url)
    status = local_stack.status(folder, database_url=database_url)
    assert status.postgres.running
    assert status.postgres.version
    assert "DATABASE_URL" in status.postgres.where
    assert quote(PASSWORD, safe="") not in status.postgres.where
    gone = local_stack.status(folder, database_url="postgresql://x@127.0.0.1:1/x")
    assert not gone.postgres.running


def test_gateway_moves_between_servers_with_the_setting(
    running: Path, folder: Path, database_url: str
) -> None:
    try:
        local_stack.ensure_started(running)
        local_stack.bootstrap(running, database_url=database_url)
        moved = local_stack.ensure_started(running, database_url=database_url)
        assert moved.started == ("gateway",)
        assert sign_up(moved.state, "moved@example.org") == 200
        assert query(database_url, "select count(*) from auth.users") == [(1,)]
        back = local_stack.ensure_started(running)
        assert back.started == ("gateway",)
    finally:
        local_stack.stop(running, ("gateway",))
