"""The embedded PostgreSQL starts, stops and comes back, whatever was killed or left behind."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg2
import pytest

from fairdb_site.errors import FairdbError, Refused
from fairdb_site.local import processes
from fairdb_site.local.postgres import Postgres
from fairdb_site.local.processes import Process
from fairdb_site.local.state import BOOTSTRAPPED, local_state
from fairdb_site.tests.local.conftest import MakeFolder
from fairdb_site.tests.local.stacks import IS_ROOT, query, start_postgres, stop_postgres


@pytest.fixture
def bystander() -> Iterator[subprocess.Popen[bytes]]:
    """Some live process that is nobody's PostgreSQL."""
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    yield child
    child.communicate()
    assert child.returncode == 1  # ended by its closed input (EOFError), by no signal


def server(folder: Path) -> Process:
    found = Postgres(folder).running()
    assert found
    return found


def kill_server(folder: Path) -> None:
    """Kill the postmaster as the kernel would."""
    process = server(folder)
    processes.end_processes([process], [(signal.SIGKILL, 10)])
    assert Postgres(folder).running() is None


def test_data_outlives_a_restart(running: Path) -> None:
    state = local_state(running)
    query(state.database_url(), "create table outlives_restart as select 42 as answer")
    stop_postgres(running)
    with pytest.raises(psycopg2.OperationalError):
        query(state.database_url(), "select 1")
    start_postgres(running)
    assert query(state.database_url(), "select answer from outlives_restart") == [(42,)]


def test_a_second_start_finds_the_first(running: Path) -> None:
    before = server(running)
    start_postgres(running)
    assert server(running) == before


def test_server_listens_on_a_private_unix_socket_alone(running: Path) -> None:
    state = local_state(running)
    settings = dict(query(state.database_url(), "select name, setting from pg_settings"))
    assert settings["listen_addresses"] == ""
    assert settings["max_connections"] == "200"
    assert int(settings["max_locks_per_transaction"]) >= 1024
    socket_dir = state.socket_dir.stat()
    assert socket_dir.st_mode & 0o777 == 0o700
    assert Postgres(running).socket.stat().st_mode & 0o777 == 0o700
    with socket.socket() as client:
        assert client.connect_ex(("127.0.0.1", 5432)) != 0 or _is_another_server()


def _is_another_server() -> bool:
    """A PostgreSQL of the machine's own may have the port; it does not know our password."""
    with pytest.raises(psycopg2.OperationalError):
        psycopg2.connect(host="127.0.0.1", user="supabase_admin", password="x", dbname="fairdb")
    return True


def test_server_is_unprivileged_and_its_folder_private(running: Path) -> None:
    data = Postgres(running).data
    owner = os.stat(f"/proc/{server(running).pid}").st_uid
    assert owner == data.stat().st_uid != 0
    assert (owner == os.geteuid()) is not IS_ROOT
    assert data.stat().st_mode & 0o777 == 0o700


def test_text_is_utf8_in_the_builtin_locale(running: Path) -> None:
    facts = query(
        local_state(running).database_url(),
        "select pg_encoding_to_char(encoding), datlocprovider, datlocale from pg_database "
        "where datname in ('fairdb', 'template1', 'template0')",
    )
    assert set(facts) == {("UTF8", "b", "C.UTF-8")}


@pytest.mark.parametrize("role", ["postgres", "supabase_admin", "authenticator"])
def test_a_wrong_password_is_turned_away(running: Path, role: str) -> None:
    state = local_state(running)
    for password in ("", "wrong"):
        with pytest.raises(psycopg2.OperationalError, match="password"):
            psycopg2.connect(
                host=str(state.socket_dir), user=role, password=password, dbname="fairdb"
            )


def test_peoples_values_are_in_no_log(running: Path) -> None:
    url = local_state(running).database_url()
    query(url, "create table if not exists once (name text primary key)")
    query(url, "insert into once values ('secret-value-1') on conflict do nothing")
    for statement in (
        "insert into once values ('secret-value-1')",
        "select 'secret-value-2'::integer",
        "select secret-value-3 from",
        "do $$ begin raise exception 'secret-value-4'; end $$",
    ):
        with pytest.raises(psycopg2.Error):
            query(url, statement)
    assert "secret-value" not in Postgres(running).log.read_text()


def test_killed_server_comes_back_with_what_was_committed(running: Path) -> None:
    state = local_state(running)
    query(state.database_url(), "create table outlives_kill as select generate_series(1, 1000)")
    kill_server(running)
    assert (Postgres(running).data / "postmaster.pid").exists()  # of a dead server
    assert Postgres(running).socket.exists()
    start_postgres(running)
    assert query(state.database_url(), "select count(*) from outlives_kill") == [(1000,)]


def test_killed_server_whose_backend_works_on_comes_back(running: Path) -> None:
    url = local_state(running).database_url()
    first = server(running)
    busy = psycopg2.connect(url)
    pid = busy.info.backend_pid

    def work() -> None:
        with pytest.raises(psycopg2.Error), busy.cursor() as cursor:
            cursor.execute("select count(*) from generate_series(1, 1000000000000)")

    worker = threading.Thread(target=work)
    worker.start()
    assert processes.wait_until(lambda: _is_active(url, pid), 20)
    kill_server(running)
    start_postgres(running)
    assert server(running) != first
    assert processes.find_process(pid) is None
    worker.join(20)
    assert not worker.is_alive()
    busy.close()


def _is_active(url: str, pid: int) -> bool:
    return query(url, "select state from pg_stat_activity where pid = %s", pid) == [("active",)]


def test_pid_reused_by_another_program_is_not_taken_for_the_server(
    running: Path, bystander: subprocess.Popen[bytes]
) -> None:
    kill_server(running)
    _put_pid(running, bystander.pid)
    assert Postgres(running).running() is None
    state = start_postgres(running)
    assert query(state.database_url(), "select 1") == [(1,)]


def test_pid_reused_by_another_clusters_server_is_not_taken_for_ours(
    running: Path, neighbour: Path
) -> None:
    start_postgres(neighbour)
    other = server(neighbour)
    kill_server(running)
    _put_pid(running, other.pid)
    assert Postgres(running).running() is None
    start_postgres(running)
    stop_postgres(running)
    assert server(neighbour) == other


def test_pid_of_a_zombie_is_a_dead_server(running: Path) -> None:
    kill_server(running)
    zombie = subprocess.Popen([sys.executable, "-c", ""])
    os.waitid(os.P_PID, zombie.pid, os.WEXITED | os.WNOWAIT)  # ended, and not collected
    _put_pid(running, zombie.pid)
    state = start_postgres(running)
    assert query(state.database_url(), "select 1") == [(1,)]
    zombie.wait()


def _put_pid(folder: Path, pid: int) -> None:
    """Write another process's number where the dead server's was."""
    file = Postgres(folder).data / "postmaster.pid"
    lines = file.read_text().split("\n")
    file.write_text("\n".join([str(pid), *lines[1:]]))


@pytest.mark.parametrize("text", ["", "not a number\n", "999999999999999999999\n"])
def test_spoilt_pid_file_is_no_obstacle(running: Path, text: str) -> None:
    kill_server(running)
    (Postgres(running).data / "postmaster.pid").write_text(text)
    start_postgres(running)
    assert server(running)


def test_a_copied_state_folder_runs_beside_its_original(running: Path, neighbour: Path) -> None:
    original = server(running)
    stop_postgres(neighbour)
    # as a copy of a running cluster has it: the pid of the original's live server
    pid_file = Postgres(running).data / "postmaster.pid"
    shutil.copy(pid_file, Postgres(neighbour).data)
    state = start_postgres(neighbour)
    query(state.database_url(), "create table only_in_the_copy ()")
    stop_postgres(neighbour)
    assert server(running) == original
    found = query(local_state(running).database_url(), "select to_regclass('only_in_the_copy')")
    assert found == [(None,)]


def test_swept_away_socket_is_made_again(running: Path) -> None:
    state = local_state(running)
    shutil.rmtree(state.socket_dir)
    start_postgres(running)
    assert query(state.database_url(), "select 1") == [(1,)]


def test_stop_ends_open_sessions_and_leaves_no_process(running: Path) -> None:
    process = server(running)
    with closing(psycopg2.connect(local_state(running).database_url())):
        stop_postgres(running)
    assert not processes.still_runs(process)
    data, owner = Postgres(running).data, Postgres(running).owner()
    assert not [p for p in processes.all_processes() if processes.works_in(p, data, owner)]
    assert not Postgres(running).socket.exists()
    assert Postgres(running).stop() is False


def test_cluster_killed_in_initdb_is_made_anew(make_folder: MakeFolder) -> None:
    folder = make_folder()
    cluster = local_state(folder).cluster_dir
    (cluster / "data.new-1" / "base").mkdir(parents=True)
    (cluster / "data.new-1" / "PG_VERSION").write_text("18\n")
    (cluster / "password.new-1").touch()
    (folder / BOOTSTRAPPED).write_text("of an earlier cluster")
    state = start_postgres(folder)
    assert query(state.database_url(), "select current_user::text") == [("postgres",)]
    assert not list(cluster.glob("*.new-*"))
    stop_postgres(folder)


@pytest.mark.parametrize("survivors", ["database", "roles", "nothing"])
def test_cluster_killed_in_bootstrap_is_finished(neighbour: Path, survivors: str) -> None:
    state = start_postgres(neighbour)
    (neighbour / BOOTSTRAPPED).unlink()
    if survivors != "database":
        with closing(
            psycopg2.connect(state.database_url("supabase_admin", "postgres"))
        ) as connection:
            connection.autocommit = True
            connection.cursor().execute("drop database fairdb")
    if survivors == "nothing":
        template = state.database_url("supabase_admin", "template1")
        query(template, "drop schema auth cascade; drop schema extensions cascade")
    start_postgres(neighbour)
    assert query(state.database_url(), "select count(*) from auth.users") == [(0,)]


def test_data_folder_of_another_major_is_refused_and_kept(running: Path) -> None:
    stop_postgres(running)
    version = Postgres(running).data / "PG_VERSION"
    version.write_text("17\n")
    try:
        with pytest.raises(
            Refused, match=r"PostgreSQL 17; .*PostgreSQL 18.*pg_dumpall.*local reset"
        ):
            start_postgres(running)
        assert version.read_text() == "17\n"
    finally:
        version.write_text("18\n")
    start_postgres(running)


def test_server_that_cannot_start_says_why(running: Path) -> None:
    stop_postgres(running)
    control = Postgres(running).data / "global" / "pg_control"
    away = control.rename(control.with_name("away"))
    try:
        with pytest.raises(FairdbError, match=r"did not start: .*global/pg_control") as caught:
            start_postgres(running)
    finally:
        away.rename(control)
    assert "\n" not in caught.value.message


def test_full_disk_is_a_plain_message(make_folder: MakeFolder) -> None:
    place = make_folder().parent
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=12m,mode=711", "tmpfs", str(place)],
        capture_output=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip("mounting a small disk needs root")
    try:
        with pytest.raises(Refused, match=r"could not make its files.* No space left on device"):
            start_postgres(place / "s")
        assert not (place / "s" / "cluster" / "data").exists()
    finally:
        subprocess.run(["umount", str(place)], check=True)


def test_folder_that_may_not_be_written_is_a_plain_message() -> None:
    with pytest.raises(Refused, match=r"cannot be used: .*FAIRDB_LOCAL_DIR"):
        local_state(Path("/proc/fairdb-state"))  # no account, root neither, may write there
