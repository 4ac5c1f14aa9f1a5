"""The doctor tries the storage of staged files: one that fails in any way is found."""

import errno
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import InMemoryStorage
from django.test import override_settings

from fairdb_site.doctor.staging_checks import examine_staging

pytestmark = pytest.mark.usefixtures("db_ready")


class Broken(InMemoryStorage):
    """A storage that fails at one of the things it is asked for."""

    def __init__(self, fails_to: str) -> None:
        super().__init__()
        self.fails_to = fails_to

    def _save(self, name: str, content: Any) -> str:
        if self.fails_to == "save":
            raise OSError(errno.ENOSPC, "No space left on device")
        given = f"{name}-1" if self.fails_to == "name" else name
        return str(super()._save(given, content))  # type: ignore[misc]  # not in the stubs

    def _open(self, name: str, mode: str = "rb") -> Any:
        if self.fails_to == "open":
            raise ConnectionError
        if self.fails_to == "read":
            return ContentFile(b"")
        return super()._open(name, mode)  # type: ignore[misc]

    def delete(self, name: str) -> None:
        if self.fails_to != "delete":
            super().delete(name)


@pytest.mark.parametrize(
    ("fails_to", "says"),
    [
        ("save", "They cannot be written (ENOSPC)"),
        ("name", "written under the names they are given"),
        ("open", "read back (ConnectionError)"),
        ("read", "read back as they were written"),
        ("delete", "They cannot be removed"),
    ],
)
def test_a_storage_that_cannot_hold_staged_files_is_found(fails_to: str, says: str) -> None:
    backend = {"BACKEND": f"{__name__}.Broken", "OPTIONS": {"fails_to": fails_to}}
    with override_settings(STORAGES=settings.STORAGES | {"staged": backend}):
        (finding,) = examine_staging()

    assert says in finding.problem
    assert "FAIRDB_STAGING_STORAGE" in finding.mend


def test_a_folder_that_takes_no_staged_files_is_found(tmp_path: Path) -> None:
    taken = tmp_path / "taken"
    taken.write_text("a file where the folder should be")
    backend = settings.STORAGES["staged"] | {"OPTIONS": {"location": taken}}
    with override_settings(STORAGES=settings.STORAGES | {"staged": backend}):
        (finding,) = examine_staging()

    assert "written" in finding.problem
    assert str(taken) in finding.mend


def test_what_was_held_to_try_the_storage_is_gone(tmp_path: Path) -> None:
    backend = settings.STORAGES["staged"] | {"OPTIONS": {"location": tmp_path}}
    with override_settings(STORAGES=settings.STORAGES | {"staged": backend}):
        assert list(examine_staging()) == []

    assert list(tmp_path.iterdir()) == []
