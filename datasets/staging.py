"""Uploaded files while they are loaded: sealed in the storage `staged`, and gone afterwards.

Whoever sends a staged file holds an advisory lock of it, from before anything of it exists until it
is removed, or `kept` by a submission, which needs no lock. `reap_staged` takes the files whose lock
is free and which no submission has, so those of killed processes at once and live ones never. The
record holds the file's key, sealed under FAIRDB_TOKEN_KEYS. Without its record a file cannot be
opened by anyone, whatever the storage keeps of it.
"""

import base64
import errno
import logging
import queue
import re
import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import Any, BinaryIO, TypeVar, cast

from django.conf import settings
from django.core.files.base import ContentFile, File
from django.core.files.storage import Storage, storages
from django.db import connection, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.utils import CursorWrapper
from django.utils import timezone

from accounts.resealing import Resealed, reseal_rows
from accounts.sealing import UnsealError, seal, unseal
from datasets.faults import plain_faults
from datasets.models import StagedFile, Submission
from datasets.segments import Sealer, Unsealed, new_key
from fairdb_site.database import renew_if_lost
from fairdb_site.errors import FairdbError, Unavailable

logger = logging.getLogger(__name__)
Kept = TypeVar("Kept")

_NAME = re.compile(r"[0-9a-f]{32}", re.ASCII)  # no other file of the storage is ever removed
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_WAITING = 4  # segments between whoever sends the file and the storage that writes it
_GONE = (
    "The uploaded file is gone, as its upload was interrupted. Nothing was stored. Send it again."
)


class Staged:
    """One uploaded file: written once, opened any number of times, discarded.

    `write`, `finish`, then `open`, each raising a FairdbError that says what to do; `discard` at
    the end, however it ended, which does nothing to a file that was given away by `keep`.
    """

    def __init__(self) -> None:
        """Begin a file: its lock, then its record, then the file itself."""
        self.name = secrets.token_hex(16)
        self._lock: BaseDatabaseWrapper | None = None
        self._writer: _Writer | None = None
        self._key: bytes | None = None  # once it was read from the record
        key = new_key()
        self._sealer = Sealer(key)
        try:
            self._hold()
            with plain_faults("upload"):
                StagedFile.objects.create(name=self.name, sealed_key=_seal_key(key, self.name))
            self._writer = _Writer(self.name)
        except BaseException:
            self.discard()
            raise

    def write(self, data: bytes) -> None:
        """Add to the file."""
        for segment in self._sealer.seal(data):
            self._writing.write(segment)

    def finish(self) -> None:
        """End the file; it can be opened from now on."""
        self._writing.write(self._sealer.finish())
        self._writing.end()

    def open(self) -> BinaryIO:
        """Open the file as it was sent, from its start; later times in any thread."""
        self._hold()  # a database that was restarted has let it go
        self._key = self._key or _key_of(self.name)
        return _opened(self.name, self._key)

    def keep(self, hand_over: Callable[[str], Kept]) -> Kept:
        """Give the whole file to whoever `hand_over` commits a submission of; return what it made.

        From then on the file is held by that submission alone: `open_kept`, `discard_kept`.
        """
        self._hold()
        _key_of(self.name)  # a file that was reaped meanwhile is not given to anybody
        made = hand_over(self.name)
        self._writer = None
        self._let_go()
        return made

    def discard(self) -> None:
        """Remove the file, its record and its lock; what fails is left to `reap_uploads`."""
        if self._writer:
            self._writer.abort()
            self._writer = None
        if self._lock is None:
            return
        try:
            renew_if_lost()
            _remove(self.name)
        except Exception as error:
            logger.warning("a staged file is left to reap_uploads: %s", type(error).__name__)
        finally:
            self._let_go()

    def _let_go(self) -> None:
        lock, self._lock = self._lock, None
        if lock is not None:
            with suppress(Exception):
                lock.close()

    @property
    def _writing(self) -> "_Writer":
        if self._writer is None:
            raise RuntimeError("The file was discarded.")
        return self._writer

    def _hold(self) -> None:
        """Take the lock, on a connection of its own: a load has a transaction on the other."""
        if self._lock is not None:
            if self._lock.is_usable():
                return
            self._lock.close()
        self._lock = connection.copy()
        self._lock.inc_thread_sharing()  # a load reads its file in a thread
        with plain_faults("upload"):
            self._lock.set_autocommit(False)
            with self._lock.cursor() as cursor:
                cursor.execute("set local idle_in_transaction_session_timeout = 0")
                if not _lock(cursor, self.name):
                    raise Unavailable(_GONE)  # it is just being reaped


def open_kept(name: str) -> BinaryIO:
    """Open a file that a submission holds, as it was sent, from its start.

    Raises Unavailable where it is gone, or its key or its storage are.
    """
    return _opened(name, _key_of(name))


def discard_kept(name: str) -> None:
    """Remove a file that no submission holds any more; what fails is left to `reap_uploads`."""
    if name and not Submission.objects.filter(staged=name).exists():
        _reaped(name)


def reap_staged() -> int:
    """Remove the files that nobody works on and no submission holds; return how many.

    A file without a record (one of a database that was restored, say) goes when nothing was
    written to it for FAIRDB_STAGED_HOURS.
    """
    removed = 0
    for name in list(StagedFile.objects.order_by("created_at").values_list("name", flat=True)):
        with transaction.atomic(), connection.cursor() as cursor:
            # looked for once the lock is had: a file is kept before its sender lets go of it
            if _lock(cursor, name) and not Submission.objects.filter(staged=name).exists():
                removed += _reaped(name)
    return removed + sum(map(_reaped, _strays()))


def staged_reseal() -> Resealed:
    """Put the keys of staged files under the first of FAIRDB_TOKEN_KEYS; loads go on meanwhile."""
    return reseal_rows(StagedFile, "sealed_key")


def storage_probe() -> str:
    """Write a small file to the storage, read it back and remove it; return what failed, or "".

    The file is named as staged files are, so that the reaper finds one that could not be removed.
    """
    name, content = secrets.token_hex(16), secrets.token_bytes(64)
    doing = "written"
    try:
        saved = _storage().save(name, ContentFile(content))
        doing = "read back"
        with _storage().open(saved, "rb") as file:
            came_back = file.read()
        doing = "removed"
        _storage().delete(saved)
        is_left = _storage().exists(saved)
    except Exception as error:  # every storage has errors of its own
        return f"{doing} ({_kind_of(error)})"
    if saved != name:
        return "written under the names they are given"
    if came_back != content:
        return "read back as they were written"
    return doing if is_left else ""


def _reaped(name: str) -> bool:
    try:
        with transaction.atomic():
            _remove(name)
    except Exception as error:  # every storage has errors of its own
        logger.warning("a staged file could not be removed: %s", type(error).__name__)
        return False
    return True


def _strays() -> Iterator[str]:
    """Yield old files of ours without a record; a storage that cannot list its files has none."""
    storage = _storage()
    oldest = timezone.now() - timedelta(hours=settings.FAIRDB_STAGED_HOURS)
    try:
        _, files = storage.listdir("")
    except (NotImplementedError, FileNotFoundError):
        return
    ours = [name for name in files if _NAME.fullmatch(name)]
    known = set(StagedFile.objects.filter(name__in=ours).values_list("name", flat=True))
    for name in ours:
        with suppress(FileNotFoundError):
            if name not in known and storage.get_modified_time(name) < oldest:
                yield name


def _remove(name: str) -> None:
    """Remove the file, then its record, without which nobody would look for the file again."""
    _storage().delete(name)
    StagedFile.objects.filter(name=name).delete()


def _lock(cursor: CursorWrapper, name: str) -> bool:
    """Take the file's lock for this transaction; False where somebody has it."""
    cursor.execute(
        "select pg_try_advisory_xact_lock(hashtextextended(%s, 0))", [f"staged file {name}"]
    )
    return bool(cursor.fetchone()[0])


class _Writer:
    """Hands segments to the storage, which asks for them in a thread: `save` is all storages do."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._segments: queue.Queue[bytes | None] = queue.Queue(_WAITING)
        self._failure: Exception | None = None
        self._ended = False
        self._taken_all = False
        self._thread = threading.Thread(target=self._save, daemon=True)
        self._thread.start()

    def write(self, segment: bytes) -> None:
        """Add a segment; waits while the storage is behind."""
        self._segments.put(segment)
        self._raise_failure()

    def end(self) -> None:
        """Wait until the storage has the whole file."""
        self._stop()
        self._raise_failure()

    def abort(self) -> None:
        """End the file where it is, if it has not ended."""
        if not self._ended:
            self._failure = self._failure or _Aborted()
            self._stop()

    def _stop(self) -> None:
        self._segments.put(None)
        self._ended = True
        self._thread.join()

    def _raise_failure(self) -> None:
        if self._failure is not None:
            with _plain_storage_errors():
                raise self._failure

    def _save(self) -> None:
        try:
            saved = _storage().save(self._name, _Content(self._content()))
            if saved != self._name:
                _storage().delete(saved)
                raise OSError("the storage gave the file another name")
        except Exception as error:
            self._failure = self._failure or error
            for _ in self._segments_taken():
                pass  # whoever sends the file must not wait for a storage that has given up
        finally:
            connection.close()  # this thread's own, where the storage used one

    def _content(self) -> Iterator[bytes]:
        yield from self._segments_taken()
        if isinstance(self._failure, _Aborted):
            raise self._failure

    def _segments_taken(self) -> Iterator[bytes]:
        while not self._taken_all:
            segment = self._segments.get()
            if segment is None:
                self._taken_all = True
            else:
                yield segment


class _Aborted(Exception):
    """The file will not be whole, so the storage shall not keep it."""


class _Content(File):  # type: ignore[type-arg]  # no generic when it runs
    """A file that a storage can read once, from its start; its size is not known before."""

    def __init__(self, segments: Iterator[bytes]) -> None:
        super().__init__(cast("Any", None))
        self._segments = segments
        self._left = b""

    def chunks(self, chunk_size: int | None = None) -> Iterator[bytes]:
        """Yield the segments as they come."""
        return self._segments

    def read(self, size: int | None = -1, /) -> bytes:
        """Return `size` bytes, fewer only at the end; all that is left where `size` is negative."""
        pieces, got = [self._left], len(self._left)
        while (size is None or size < 0 or got < size) and (
            piece := next(self._segments, None)
        ) is not None:
            pieces.append(piece)
            got += len(piece)
        data = b"".join(pieces)
        end = got if size is None or size < 0 else size
        self._left = data[end:]
        return data[:end]

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """Do nothing at the start, where storages go before they read."""
        if offset or whence:
            raise OSError("an upload is read once, from its start")
        return 0


@contextmanager
def _plain_storage_errors() -> Iterator[None]:
    """Turn what a storage raises into a plain error; its words may name places of the server."""
    try:
        yield
    except FairdbError:
        raise
    except FileNotFoundError:
        raise Unavailable(_GONE) from None
    except Exception as error:
        logger.warning("the storage of staged files failed: %s", _kind_of(error))
        if isinstance(error, OSError) and error.errno in _FULL:
            raise Unavailable(
                "The server has no room for this file. Nothing was stored. Ask its operator for "
                "space, or try again later."
            ) from None
        raise Unavailable(
            "The server cannot hold uploaded files just now. Nothing was stored. Try again in a "
            "minute."
        ) from None


def _kind_of(error: Exception) -> str:
    """Return the system's name of what happened (ENOSPC), else the error's own."""
    code = error.errno if isinstance(error, OSError) else None
    return errno.errorcode.get(code or 0, type(error).__name__)


def _storage() -> Storage:
    return storages["staged"]


def _opened(name: str, key: bytes) -> BinaryIO:
    with _plain_storage_errors():
        return Unsealed(cast("BinaryIO", _storage().open(name, "rb")), key)


def _place(name: str) -> str:
    return f"staged file {name}"


def _key_of(name: str) -> bytes:
    """Return the file's key, as its record has it."""
    renew_if_lost()
    with plain_faults("load"):
        record = StagedFile.objects.filter(name=name).first()
    if record is None:
        raise Unavailable(_GONE)
    try:
        return base64.b64decode(unseal(record.sealed_key, place=_place(name))["key"])
    except UnsealError:
        raise Unavailable(
            "The server's keys were changed while the file was held. Nothing was stored. "
            "Send the file again."
        ) from None


def _seal_key(key: bytes, name: str) -> bytes:
    return seal({"key": base64.b64encode(key).decode()}, place=_place(name))
