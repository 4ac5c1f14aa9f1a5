"""Throwaway state folders: whatever a test starts in one is stopped and removed after it."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from conftest import memory_or_disk
from fairdb_site.local import stack as local_stack
from fairdb_site.local.state import BOOTSTRAPPED, local_state
from fairdb_site.tests.local.stacks import start_postgres, stop_postgres

MakeFolder = Callable[..., Path]
Plant = Callable[[Path], Path]


@pytest.fixture(scope="session")
def ground() -> Iterator[Path]:
    """A short folder that every account may pass through; in memory where there is room."""
    folder = Path(os.path.realpath(tempfile.mkdtemp(prefix="fl-", dir=memory_or_disk())))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def make_folder(ground: Path) -> Iterator[MakeFolder]:
    """Name state folders that are not there yet; reset them in the end."""
    made: list[Path] = []

    def make(name: str = "s", *, parent: Path | None = None) -> Path:
        place = Path(tempfile.mkdtemp(prefix="t", dir=parent or ground))
        place.chmod(0o711)
        made.append(place / name)
        return place / name

    yield make
    for folder in made:
        local_stack.reset(folder)


@pytest.fixture(scope="session")
def shared(make_folder: MakeFolder) -> Path:
    """The state folder of the one cluster that most tests use, each starting it as it needs."""
    folder = make_folder()
    start_postgres(folder)
    return folder


@pytest.fixture
def running(shared: Path) -> Path:
    """The shared cluster's state folder, its PostgreSQL running; a test may stop or kill it."""
    start_postgres(shared)
    return shared


@pytest.fixture(scope="session")
def seed(shared: Path, make_folder: MakeFolder) -> Path:
    """A state folder whose cluster never runs: to be copied, which is cheaper than initdb."""
    stop_postgres(shared)
    folder = make_folder()
    subprocess.run(["cp", "-a", str(shared), str(folder)], check=True)
    return folder


@pytest.fixture(scope="session")
def plant(seed: Path) -> Plant:
    """Give a state folder a cluster at the place that it chooses, with the seed's passwords."""

    def plant(folder: Path) -> Path:
        cluster = local_state(folder).cluster_dir
        subprocess.run(["cp", "-a", str(seed / "cluster" / "data"), str(cluster)], check=True)
        for name in ("state.json", BOOTSTRAPPED):
            shutil.copy(seed / name, folder / name)
        return folder

    return plant


@pytest.fixture(scope="session")
def neighbour(make_folder: MakeFolder, plant: Plant) -> Path:
    """Another state folder with a cluster of its own."""
    return plant(make_folder())
