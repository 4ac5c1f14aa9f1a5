"""Throwaway state folders: whatever a test starts in one is stopped and removed after it."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fairdb_site.local import stack as local_stack
from fairdb_site.tests.local.stacks import start_postgres

MakeFolder = Callable[..., Path]


@pytest.fixture(scope="session")
def ground() -> Iterator[Path]:
    """A short folder that every account may pass through."""
    folder = Path(os.path.realpath(tempfile.mkdtemp(prefix="fl-", dir="/tmp")))
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
    return make_folder()


@pytest.fixture
def running(shared: Path) -> Path:
    """The shared cluster's state folder, its PostgreSQL running; a test may stop or kill it."""
    start_postgres(shared)
    return shared


@pytest.fixture(scope="session")
def neighbour(shared: Path, make_folder: MakeFolder) -> Path:
    """Another state folder with a cluster of its own: a copy of the shared one's, as it was."""
    start_postgres(shared)
    folder = make_folder()
    subprocess.run(["cp", "-a", str(shared), str(folder)], check=True)
    return folder
