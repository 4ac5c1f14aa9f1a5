"""Whoever starts the stack: several at once, one that is killed half-way, an ordinary user."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from fairdb_site.local import processes
from fairdb_site.local import stack as local_stack
from fairdb_site.local.postgres import Postgres
from fairdb_site.local.state import local_state
from fairdb_site.tests.local.conftest import MakeFolder, Plant
from fairdb_site.tests.local.stacks import (
    IS_ROOT,
    ORDINARY,
    PROJECT,
    lend_python,
    query,
    sign_up,
    start_postgres,
)

pytestmark = pytest.mark.dear

Moment = Callable[[Path], bool]


def start_elsewhere(folder: Path, action: str = "up") -> "subprocess.Popen[str]":
    """Start the stack, or with `bootstrap` its PostgreSQL alone, from another process."""
    return subprocess.Popen(
        [sys.executable, "-m", "fairdb_site.local", action, "--json", "--folder", str(folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=PROJECT,
    )


def servers_of(folder: Path) -> list[processes.Process]:
    """Return every postmaster and gateway of a state folder."""
    data, config = str(Postgres(folder).data), str(folder / "gateway.json")
    return [p for p in processes.all_processes() if {data, config} & set(p.arguments)]


def test_four_starts_at_once_make_one_stack(make_folder: MakeFolder) -> None:
    folder = make_folder()
    starters = [start_elsewhere(folder) for _ in range(4)]
    started, addresses = [], set()
    for starter in starters:
        out, err = starter.communicate(timeout=120)
        assert starter.returncode == 0, err
        started += json.loads(out)["started"]
        addresses.add(json.loads(out)["supabase_url"])
    assert sorted(started) == ["gateway", "postgres"]
    assert len(addresses) == 1
    assert len(servers_of(folder)) == 2
    local_stack.reset(folder)


@pytest.mark.parametrize(
    "moment",
    [
        pytest.param(lambda folder: any(folder.glob("cluster/data.new-*/base")), id="in initdb"),
        pytest.param(lambda folder: Postgres(folder).running() is not None, id="in bootstrap"),
    ],
)
def test_cluster_whose_maker_was_killed_is_finished_by_the_next_start(
    make_folder: MakeFolder, moment: Moment
) -> None:
    folder = make_folder()
    kill_at(moment, start_elsewhere(folder, "bootstrap"), folder)
    state = start_postgres(folder)
    assert query(state.database_url(), "select count(*) from auth.users") == [(0,)]
    assert len(servers_of(folder)) == 1
    local_stack.reset(folder)


@pytest.mark.parametrize(
    "moment",
    [
        pytest.param(lambda folder: (folder / "gateway.json").exists(), id="before it runs"),
        pytest.param(lambda folder: (folder / "gateway.pid").exists(), id="before it answers"),
    ],
)
def test_gateway_whose_starter_was_killed_is_there_once_after_the_next_start(
    make_folder: MakeFolder, plant: Plant, moment: Moment
) -> None:
    folder = plant(make_folder())
    kill_at(moment, start_elsewhere(folder), folder)
    state = local_stack.ensure_started(folder).state
    assert len(servers_of(folder)) == 2
    assert sign_up(state, "survivor@example.org") == 200
    local_stack.reset(folder)


def test_stack_outlives_whoever_started_it(make_folder: MakeFolder, plant: Plant) -> None:
    folder = plant(make_folder())
    starter = subprocess.Popen(
        [sys.executable, "-c", START_AND_STAY, str(folder)], stdout=subprocess.PIPE, cwd=PROJECT
    )
    assert starter.stdout
    assert starter.stdout.read(1) == b"!"
    starter.kill()
    starter.communicate()
    assert local_stack.ensure_started(folder).started == ()
    local_stack.reset(folder)


START_AND_STAY = """
import sys, time
from pathlib import Path
from fairdb_site.local.stack import ensure_started
ensure_started(Path(sys.argv[1]))
print("!", end="", flush=True)
time.sleep(600)
"""


def kill_at(moment: Moment, starter: "subprocess.Popen[str]", folder: Path) -> None:
    """Kill a starter as soon as the state folder shows how far it is."""
    assert processes.wait_until(lambda: moment(folder) or starter.poll() is not None, 120)
    starter.kill()
    starter.communicate()
    assert starter.returncode == -signal.SIGKILL


@pytest.fixture(scope="module")
def as_ordinary_user(
    make_folder: MakeFolder,
) -> Iterator[Callable[..., "subprocess.CompletedProcess[str]"]]:
    """Run the command as an account of few rights, without a home."""
    if not IS_ROOT:
        pytest.skip("only root can become somebody else; all other tests ran as an ordinary user")
    place = make_folder()
    place.mkdir(mode=0o755)
    lent = lend_python(place)
    if lent is None:
        pytest.skip("the project or its packages lie where no other account can read")
    python, environment = lent

    def run(*arguments: str, **more: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [python, "-m", "fairdb_site.local", *arguments],
            capture_output=True,
            text=True,
            cwd="/",
            env=environment | {"HOME": "/nonexistent", "PATH": os.defpath} | more,
            timeout=120,
            check=False,
            user=ORDINARY.pw_uid,
            group=ORDINARY.pw_gid,
            extra_groups=[],
        )

    yield run
    shutil.rmtree(place)


@pytest.fixture
def home(make_folder: MakeFolder) -> Path:
    """A folder of the ordinary user's own that nobody else can enter."""
    home = make_folder()
    home.mkdir(mode=0o700)
    os.chown(home, ORDINARY.pw_uid, ORDINARY.pw_gid)
    return home


def test_ordinary_user_runs_it_as_oneself(as_ordinary_user: Any, home: Path) -> None:
    folder = home / "it's here"

    def run(*arguments: str) -> Any:
        done = as_ordinary_user(*arguments, "--json", "--folder", str(folder))
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    try:
        assert run("up")["started"] == ["postgres", "gateway"]
        assert run("up")["started"] == []
        running = servers_of(folder)
        assert {os.stat(f"/proc/{p.pid}").st_uid for p in running} == {ORDINARY.pw_uid}
        assert len(running) == 2
        assert folder.stat().st_mode & 0o777 == 0o700
        assert Postgres(folder).cluster == folder / "cluster"
        state = local_state(folder)
        assert sign_up(state, "ordinary@example.org") == 200
        assert run("down")["stopped"] == ["gateway", "postgres"]
        assert run("up")["started"] == ["postgres", "gateway"]
        assert query(state.database_url(), "select count(*) from auth.users") == [(1,)]
        assert run("reset", "--yes")["removed"] is True
        assert not folder.exists()
    finally:
        local_stack.reset(folder)


def test_ordinary_users_cluster_elsewhere_is_in_the_own_data_home(
    as_ordinary_user: Any, home: Path
) -> None:
    folder, data_home = home / 'quo"te', home / "data"
    more = {"XDG_DATA_HOME": str(data_home)}
    try:
        done = as_ordinary_user("bootstrap", "--folder", str(folder), **more)
        assert done.returncode == 0, done.stderr
        assert Postgres(folder).cluster.parent == data_home / "fairdatabase"
        assert Postgres(folder).cluster.stat().st_mode & 0o777 == 0o700
    finally:
        local_stack.reset(folder)
    assert not list(data_home.iterdir())


def test_ordinary_user_is_told_whose_folder_it_is(
    as_ordinary_user: Any, make_folder: MakeFolder
) -> None:
    folder = make_folder()
    local_state(folder)
    done = as_ordinary_user("up", "--folder", str(folder))
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "cannot be used: Permission denied" in done.stderr


def test_root_runs_an_ordinary_users_cluster_as_that_user(
    as_ordinary_user: Any, home: Path
) -> None:
    folder = home / "s"
    try:
        assert as_ordinary_user("bootstrap", "--folder", str(folder)).returncode == 0
        assert as_ordinary_user("down", "--folder", str(folder)).returncode == 0
        start_postgres(folder)
        process = Postgres(folder).running()
        assert process
        assert os.stat(f"/proc/{process.pid}").st_uid == ORDINARY.pw_uid
    finally:
        local_stack.reset(folder)
