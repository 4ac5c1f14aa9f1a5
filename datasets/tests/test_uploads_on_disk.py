"""What an upload leaves on the server's disk, and whose uploads reach it at all."""

import stat
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.files.uploadhandler import TemporaryFileUploadHandler
from django.test import Client

from accounts.tests.doors import row_of, sign_in


@pytest.fixture
def written(
    db_ready: None, settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> list[int]:
    """The modes of the files that uploads write, as they are begun, into a folder of their own."""
    settings.FILE_UPLOAD_TEMP_DIR = str(tmp_path)
    modes: list[int] = []
    begin = TemporaryFileUploadHandler.new_file

    def watched(self: Any, *args: Any, **kwargs: Any) -> None:
        begin(self, *args, **kwargs)
        modes.extend(stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir())

    monkeypatch.setattr(TemporaryFileUploadHandler, "new_file", watched)
    return modes


def table() -> SimpleUploadedFile:
    return SimpleUploadedFile("table.csv", b"id,age\n1,30\n")


@pytest.mark.parametrize("page", ["/datasets/new/", "/accounts/sign-in/", "/accounts/register/"])
def test_stranger_with_a_csrf_token_writes_nothing(written: list[int], page: str) -> None:
    stranger = Client(enforce_csrf_checks=True)
    stranger.get("/accounts/sign-in/")
    token = stranger.cookies["csrftoken"].value

    answer = stranger.post(page, {"csrfmiddlewaretoken": token, "file": table()})

    assert answer.status_code in {302, 400}
    assert written == []


def test_somebody_whose_session_has_ended_writes_nothing(written: list[int], alice: Any) -> None:
    client = sign_in(alice)
    row_of(client).delete()

    assert client.post("/datasets/new/", {"title": "T", "file": table()}).status_code == 302
    assert written == []


def test_upload_is_its_owners_alone_and_gone_with_the_request(
    written: list[int], alice: Any, tmp_path: Path
) -> None:
    answer = sign_in(alice).post("/datasets/new/", {"title": "T", "file": table()})

    assert answer.status_code == 302
    assert written == [0o600]
    answer.close()
    assert list(tmp_path.iterdir()) == []
