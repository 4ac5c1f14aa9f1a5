"""What an upload leaves on the server's disk, and whose uploads reach it at all."""

import errno
import io
import os
import stat
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, ClassVar
from uuid import uuid4

import pytest
from cryptography.fernet import Fernet
from django.core.files.base import File
from django.core.files.storage import FileSystemStorage, Storage, storages
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.wsgi import get_wsgi_application
from django.db import connection, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.test import Client

from accounts.tests.doors import let_it_expire, next_of, row_of, sign_in, tokens_of
from conftest import Person
from datasets.ingest.pipeline import dataset_import
from datasets.models import Dataset, StagedFile
from datasets.services import reap_uploads
from datasets.staging import Staged
from datasets.tests.loading.queue import load_by_page
from datasets.uploads import StagingUploadHandler
from fairdb_site.errors import Unavailable
from fairdb_site.supabase import auth

NEW = "/datasets/new/"
HERE = "datasets.tests.test_uploads_on_disk"
ROWS = b"id,age\n" + b"".join(b"P%06d,30\n" % n for n in range(90_000))  # several segments


class Watched(FileSystemStorage):
    """A folder that remembers what was written to it."""

    begun: ClassVar[list[str]] = []

    def _save(self, name: str, content: "File[bytes]") -> Any:
        self.begun.append(name)
        return super()._save(name, content)  # type: ignore[misc]


class Full(FileSystemStorage):
    """A folder on a disk that is full after one segment."""

    def _save(self, name: str, content: "File[bytes]") -> str:
        Path(self.path(name)).parent.mkdir(exist_ok=True)
        with Path(self.path(name)).open("wb") as file:
            file.write(next(iter(content.chunks())))
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


class Elsewhere(FileSystemStorage):
    """A storage as those of objects are: reads what it is to keep, in pieces of its own."""

    def _save(self, name: str, content: "File[bytes]") -> Any:
        content.seek(0)
        pieces = iter(lambda: content.read(100_003), b"")
        return super()._save(name, File(io.BytesIO(b"".join(pieces))))  # type: ignore[misc]

    def listdir(self, path: str) -> tuple[list[str], list[str]]:
        raise NotImplementedError


@pytest.fixture
def folder(db_ready: None, settings: Any, tmp_path: Path) -> Path:
    """The folder of staged files, for this test alone; nothing is left to reap of others."""
    reap_uploads()
    staged_in(settings, tmp_path / "staged", Watched)
    Watched.begun.clear()
    return tmp_path / "staged"


def staged_in(settings: Any, folder: Path, storage: type[Storage]) -> None:
    options = settings.STORAGES["staged"]["OPTIONS"] | {"location": folder}
    backend = f"{HERE}.{storage.__name__}"
    settings.STORAGES = settings.STORAGES | {"staged": {"BACKEND": backend, "OPTIONS": options}}


def left_in(folder: Path) -> list[str]:
    """Return what there is of staged files: in the folder, and on record."""
    files = [path.name for path in folder.iterdir()] if folder.exists() else []
    return files + [record.name for record in StagedFile.objects.filter(name__in=Watched.begun)]


def table(content: bytes = b"id,age\n1,30\n") -> SimpleUploadedFile:
    return SimpleUploadedFile("table.csv", content)


def staged(content: bytes = ROWS) -> Staged:
    file = Staged()
    file.write(content)
    file.finish()
    return file


def abandon(file: Staged) -> None:
    """Let go of a file as a killed process does."""
    assert file._lock is not None
    file._lock.close()
    with transaction.atomic(), connection.cursor() as cursor:  # wait until the server noticed
        cursor.execute(
            "select pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"staged file {file.name}"]
        )


def read_in_thread(file: Staged) -> bytes:
    """Read a file as the thread of a load does; it has a connection of its own."""
    try:
        return file.open().read()
    finally:
        connection.close()


def terminate_connection(used: BaseDatabaseWrapper | None) -> None:
    """End a connection as an operator does."""
    assert used is not None
    with used.cursor() as cursor:
        cursor.execute("select pg_backend_pid()")
        [pid] = cursor.fetchone()
    operator = connection.copy()
    with operator.cursor() as cursor:
        cursor.execute("select pg_terminate_backend(%s, 10000)", [pid])
    operator.close()


# Who gets as far as the disk --------------------------------------------------------------------


@pytest.mark.parametrize("page", [NEW, "/accounts/sign-in/", "/accounts/register/"])
def test_stranger_with_a_csrf_token_writes_nothing(folder: Path, page: str) -> None:
    stranger = Client(enforce_csrf_checks=True)
    stranger.get("/accounts/sign-in/")
    token = stranger.cookies["csrftoken"].value

    answer = stranger.post(page, {"csrfmiddlewaretoken": token, "file": table()})

    assert answer.status_code in {302, 400}
    assert Watched.begun == []


def test_somebody_whose_session_has_ended_writes_nothing(folder: Path, alice: Person) -> None:
    client = sign_in(alice)
    row_of(client).delete()

    assert load_by_page(client, {"title": "T", "file": table()}).status_code == 302
    assert Watched.begun == []


@pytest.mark.parametrize("ended_at", ["here", "Supabase"])
def test_a_session_that_ends_during_an_upload_loses_nothing_that_was_typed(
    folder: Path, alice: Person, monkeypatch: pytest.MonkeyPatch, ended_at: str
) -> None:
    client = sign_in(alice)
    row = row_of(client)
    receive = StagingUploadHandler.receive_data_chunk

    def end_session(self: Any, data: bytes, start: int) -> bytes | None:
        if start == 0 and ended_at == "here":
            row.delete()
        elif start == 0:
            auth.sign_out(tokens_of(row)["access"])
            let_it_expire(row)
        return receive(self, data, start)

    monkeypatch.setattr(StagingUploadHandler, "receive_data_chunk", end_session)
    form = {"title": "My cohort", "origin": "Registry", "file": table(ROWS)}
    answer = load_by_page(client, form, headers={"referer": f"http://testserver{NEW}"})

    assert next_of(answer) == NEW
    assert "what you typed is kept" in client.get(answer["Location"]).content.decode()
    assert not Dataset.objects.filter(user_id=alice.user.pk).exists()
    assert left_in(folder) == []
    again = sign_in(alice, client).get(NEW).content.decode()
    assert 'value="My cohort"' in again
    assert 'value="Registry"' in again
    assert "Files and passwords have to be given anew." in again


def test_a_database_connection_that_ends_during_an_upload_is_opened_anew(
    folder: Path, alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    receive = StagingUploadHandler.receive_data_chunk

    def terminate(self: Any, data: bytes, start: int) -> bytes | None:
        if start == 0:
            terminate_connection(connection)
            terminate_connection(self.file.staged._lock)
        return receive(self, data, start)

    monkeypatch.setattr(StagingUploadHandler, "receive_data_chunk", terminate)

    assert load_by_page(sign_in(alice), {"title": "T", "file": table(ROWS)}).status_code == 302
    assert Dataset.objects.get(user_id=alice.user.pk).row_count == 90_000
    assert left_in(folder) == []


# What lies there --------------------------------------------------------------------------------


def test_upload_is_sealed_and_its_owners_alone_while_it_is_loaded(
    folder: Path, alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, seen = dataset_import, list[tuple[int, int, bytes]]()

    def load(**arguments: Any) -> Any:
        if arguments["owner"] == alice.user:  # other tests' loads may wait in the same queue
            (file,) = folder.iterdir()
            of_folder, of_file = (stat.S_IMODE(path.stat().st_mode) for path in (folder, file))
            seen.append((of_folder, of_file, file.read_bytes()))
        return real(**arguments)

    monkeypatch.setattr("datasets.ingest.pipeline.dataset_import", load)
    answer = load_by_page(sign_in(alice), {"title": "T", "file": table(ROWS)})

    assert answer.status_code == 302
    ((of_folder, of_file, content),) = seen
    assert (of_folder, of_file) == (0o700, 0o600)
    assert len(content) > len(ROWS)
    assert b"P0000" not in content
    assert left_in(folder) == []


@pytest.mark.parametrize(("content", "status"), [(ROWS, 302), (b"\x89PNG\r\n\x1a\n", 200)])
def test_nothing_is_left_of_a_file_that_is_loaded_or_refused(
    folder: Path, alice: Person, content: bytes, status: int
) -> None:
    answer = load_by_page(sign_in(alice), {"title": "T", "file": table(content)})

    assert answer.status_code == status
    assert len(Watched.begun) == 1
    assert left_in(folder) == []


def test_nothing_is_left_of_a_file_over_the_limit(
    folder: Path, alice: Person, settings: Any
) -> None:
    settings.FAIRDB_MAX_UPLOAD_BYTES = 500_000
    answer = load_by_page(sign_in(alice), {"title": "T", "file": table(ROWS)})

    assert answer.status_code == 422
    assert len(Watched.begun) == 1
    assert left_in(folder) == []


def test_a_full_disk_is_one_plain_message_and_leaves_nothing(
    folder: Path, alice: Person, settings: Any
) -> None:
    staged_in(settings, folder, Full)
    answer = load_by_page(sign_in(alice), {"title": "My cohort", "file": table(ROWS)})

    assert answer.status_code == 503
    page = answer.content.decode()
    assert "The server has no room for this file. Nothing was stored." in page
    assert "My cohort" in page  # what was typed stays
    assert str(folder) not in page
    assert left_in(folder) == []


def test_any_storage_will_do(folder: Path, alice: Person, settings: Any) -> None:
    staged_in(settings, folder, Elsewhere)
    answer = load_by_page(sign_in(alice), {"title": "T", "file": table(ROWS)})

    assert answer.status_code == 302
    assert Dataset.objects.get(user_id=alice.user.pk).row_count == 90_000
    assert left_in(folder) == []
    assert reap_uploads().files == 0  # it cannot list its files, and need not


# The browser closed -----------------------------------------------------------------------------


def body(content: bytes, **fields: str) -> tuple[bytes, str]:
    """Return a form as browsers send it, the file before the last fields; and its type."""
    mark = uuid4().hex
    parts = [
        f'--{mark}\r\nContent-Disposition: form-data; name="file"; filename="t.csv"\r\n'
        "Content-Type: text/csv\r\n\r\n".encode()
        + content
        + b"\r\n"
    ]
    for name, value in fields.items():
        head = f'--{mark}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n'
        parts.append(f"{head}{value}\r\n".encode())
    return b"".join([*parts, f"--{mark}--\r\n".encode()]), f"multipart/form-data; boundary={mark}"


class Broken(io.BytesIO):
    """A connection that is reset once everything that came has been read."""

    def read(self, size: int | None = -1, /) -> bytes:
        if data := super().read(size):
            return data
        raise ConnectionResetError


@pytest.fixture
def cut_upload(alice: Person) -> Any:
    """Return a function that sends a form of Alice's up to a byte, and gives the status."""
    client, application = sign_in(alice), get_wsgi_application()
    client.get(NEW)
    cookies = "; ".join(f"{name}={morsel.value}" for name, morsel in client.cookies.items())

    def send(form: bytes, kind: str, sent: int, stream: type[io.BytesIO]) -> int:
        answered: list[str] = []

        def start(status: str, *args: Any) -> Any:
            answered.append(status)

        environ = {
            "REQUEST_METHOD": "POST",
            "PATH_INFO": NEW,
            "SERVER_NAME": "testserver",
            "SERVER_PORT": "80",
            "CONTENT_TYPE": kind,
            "CONTENT_LENGTH": str(len(form)),
            "HTTP_COOKIE": cookies,
            # as HTMX sends it: a form without its fields gets past the check, up to the view
            "HTTP_X_CSRFTOKEN": client.cookies["csrftoken"].value,
            "wsgi.url_scheme": "http",
            "wsgi.input": stream(form[:sent]),
            "wsgi.errors": sys.stderr,
        }
        answer: Any = application(environ, start)
        list(answer)
        answer.close()
        return int(answered[0].split()[0])

    return send


@pytest.mark.parametrize("stream", [io.BytesIO, Broken])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_an_upload_cut_short_in_its_file_stores_nothing(
    folder: Path, alice: Person, cut_upload: Any, share: float, stream: type[io.BytesIO]
) -> None:
    form, kind = body(ROWS, title="T", at_once="on")

    assert cut_upload(form, kind, int(len(form) * share), stream) >= 400
    assert left_in(folder) == []
    assert not Dataset.objects.filter(user_id=alice.user.pk).exists()


@pytest.mark.parametrize("stream", [io.BytesIO, Broken])
def test_an_upload_cut_short_behind_its_file_is_not_loaded_with_another_id_column(
    folder: Path, alice: Person, cut_upload: Any, stream: type[io.BytesIO]
) -> None:
    form, kind = body(b"visit,person\n1,P1\n", title="T", at_once="on", id_column="person")

    for sent in (form.index(b'name="title"'), form.index(b'name="id_column"'), len(form) - 1):
        assert cut_upload(form, kind, sent, stream) >= 400
    assert not Dataset.objects.filter(user_id=alice.user.pk).exists()
    assert left_in(folder) == []
    assert cut_upload(form, kind, len(form), io.BytesIO) == 302


# Reaping ----------------------------------------------------------------------------------------


def test_files_of_killed_processes_are_reaped_at_once_and_live_ones_never(folder: Path) -> None:
    live, half, whole = staged(), Staged(), staged()
    half.write(ROWS)
    abandon(half)
    abandon(whole)

    assert reap_uploads().files == 2
    assert live.open().read() == ROWS
    assert left_in(folder) == [live.name] * 2
    live.discard()
    assert left_in(folder) == []


def test_a_reaped_file_is_a_plain_error_to_whoever_still_wants_it(folder: Path) -> None:
    file = staged()
    abandon(file)
    reap_uploads()

    with pytest.raises(Unavailable, match="is gone, as its upload was interrupted"):
        file.open()
    file.discard()


def test_a_restarted_database_does_not_make_a_live_file_look_dead(folder: Path) -> None:
    file = staged()
    for _ in range(2):  # a load reads it twice
        terminate_connection(file._lock)
        with ThreadPoolExecutor(1) as pool:
            assert pool.submit(read_in_thread, file).result() == ROWS
    assert reap_uploads().files == 0
    file.discard()
    assert left_in(folder) == []


def test_files_without_a_record_go_when_they_are_old(folder: Path) -> None:
    folder.mkdir()
    old, young, foreign = (folder / name for name in ("a" * 32, "b" * 32, "not-ours.csv"))
    yesterday = time.time() - 25 * 3600
    for path in (old, young, foreign):
        path.write_bytes(b"?")
    for path in (old, foreign):
        os.utime(path, (yesterday, yesterday))

    assert reap_uploads().files == 1
    assert sorted(folder.iterdir()) == [young, foreign]
    os.utime(young, (yesterday, yesterday))
    assert reap_uploads().files == 1


# Keys -------------------------------------------------------------------------------------------


def test_a_file_opens_after_the_token_keys_were_rotated(folder: Path, settings: Any) -> None:
    before, later, new = staged(), staged(), Fernet.generate_key().decode()
    settings.FAIRDB_TOKEN_KEYS = [new, *settings.FAIRDB_TOKEN_KEYS]
    assert before.open().read() == ROWS

    settings.FAIRDB_TOKEN_KEYS = [new]
    with pytest.raises(Unavailable, match="keys were changed"):
        later.open()
    before.discard()
    later.discard()


def test_a_file_does_not_open_in_the_place_of_another(folder: Path) -> None:
    mine, wrong, others = staged(), staged(), staged()
    Path(storages["staged"].path(mine.name)).write_bytes(
        Path(storages["staged"].path(others.name)).read_bytes()
    )
    StagedFile.objects.filter(name=wrong.name).update(
        sealed_key=StagedFile.objects.get(name=others.name).sealed_key
    )

    with pytest.raises(Unavailable, match="is damaged"):
        mine.open().read()
    with pytest.raises(Unavailable, match="keys were changed"):
        wrong.open()
    for file in (mine, wrong, others):
        file.discard()
