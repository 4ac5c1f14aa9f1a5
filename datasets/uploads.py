"""Uploaded files on their way in: sealed as they arrive, whole or not at all, within the limit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, BinaryIO

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import FileUploadHandler, SkipFile
from django.http import HttpRequest, UnreadablePostError

from accounts.second_factor import is_wholly_signed_in
from datasets.staging import Staged
from fairdb_site.database import renew_if_lost
from fairdb_site.errors import FairdbError, Refused

FIRST_PIECE = 1 << 20
"""Bytes of a chosen file that a page sends ahead to have its columns listed."""

LARGEST_PIECE = 1 << 24
"""Bytes that it sends where the first do not hold all names: enough for 100,000 long ones."""

MOST_FILES = 10
"""Files of one form: each holds a connection to the database until all have arrived."""

TOO_LARGE = "fairdb.upload_too_large"
"""In `request.META`: a file of this request went past the limit and was dropped."""

NOT_STAGED = "fairdb.upload_not_staged"
"""In `request.META`: the FairdbError for which a file of this request could not be held."""


class StagedUpload(UploadedFile):  # type: ignore[type-arg]  # no generic when it runs
    """An uploaded file that lies sealed in the storage `staged` until its request ends."""

    def __init__(self, staged: Staged, *args: Any) -> None:
        super().__init__(None, *args)
        self.staged = staged

    def close(self) -> None:
        """Remove the file."""
        self.staged.discard()


class StagingUploadHandler(FileUploadHandler):
    """Stages each file; one over FAIRDB_MAX_UPLOAD_BYTES, or without room, is dropped at once.

    So is any file of somebody who is not signed in: a form is parsed for its CSRF token before
    sign-in is asked for, and strangers could fill the disk. The rest of the request is still read,
    so that the typed fields arrive and the person gets an answer instead of a broken connection.

    A request that ends before its announced length was cut short, and is not to be believed: the
    file may be whole, but what the form says about it (which column holds the ids) is not.
    """

    file: StagedUpload

    def handle_raw_input(
        self,
        input_data: Any,
        META: dict[str, Any],  # noqa: N803 - Django's name
        content_length: int,
        *args: Any,
        **kwargs: Any,
    ) -> None:
        """Count what arrives of the request."""
        self._files = 0
        self._missing = content_length
        if isinstance(input_data, HttpRequest):
            input_data.read = self._counted(input_data.read)  # type: ignore[method-assign]
        else:  # it was read before, whole
            self._missing = 0

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        """Begin a file; raise SkipFile where nobody is signed in, or it cannot be staged."""
        super().new_file(*args, **kwargs)
        assert self.request is not None
        if not is_wholly_signed_in(self.request):
            raise SkipFile
        self._files += 1
        if self._files > MOST_FILES:
            self.request.META[NOT_STAGED] = Refused(
                f"At most {MOST_FILES} files are taken at once. Send the others after them."
            )
            raise SkipFile
        try:
            staged = Staged()
        except FairdbError as error:
            self._not_staged(error)
            raise SkipFile from None
        self.file = StagedUpload(staged, self.file_name, self.content_type, 0, self.charset)
        _at_the_end(self.request, self.file.close)

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes | None:
        """Take a piece of the file; raise SkipFile past the limit, or where there is no room."""
        if start + len(raw_data) > settings.FAIRDB_MAX_UPLOAD_BYTES:
            assert self.request is not None
            self.request.META[TOO_LARGE] = True
            self.file.close()
            raise SkipFile
        try:
            self.file.staged.write(raw_data)
        except FairdbError as error:
            self._not_staged(error)
            raise SkipFile from None
        return None

    def file_complete(self, file_size: int) -> UploadedFile[Any] | None:
        """Give the file, unless it was dropped."""
        assert self.request is not None
        try:
            self.file.staged.finish()
        except FairdbError as error:
            self._not_staged(error)
            return None
        self.file.size = file_size
        return self.file

    def upload_complete(self) -> None:
        """Raise UnreadablePostError where the request was cut short, as by a browser's closing."""
        renew_if_lost()
        if self._missing > 0:
            raise UnreadablePostError("the request ended before its announced length")

    def _not_staged(self, error: FairdbError) -> None:
        assert self.request is not None
        self.request.META[NOT_STAGED] = error
        if hasattr(self, "file"):
            self.file.close()

    def _counted(self, read: Callable[..., bytes]) -> Callable[..., bytes]:
        def counted(*args: Any, **kwargs: Any) -> bytes:
            data = read(*args, **kwargs)
            self._missing -= len(data)
            return data

        return counted


def too_large(request: HttpRequest) -> bool:
    """Return whether a file of this request went past the limit."""
    return TOO_LARGE in request.META


def not_staged(request: HttpRequest) -> FairdbError | None:
    """Return why a file of this request could not be held; None where each was."""
    error: FairdbError | None = request.META.get(NOT_STAGED)
    return error


def opener_of(uploaded: UploadedFile[Any]) -> Callable[[], BinaryIO]:
    """Return what opens an uploaded file anew for each pass; it is gone when the request ends."""
    assert isinstance(uploaded, StagedUpload)
    return uploaded.staged.open


def piece_of(request: HttpRequest) -> bytes:
    """Return the beginning of a file that a page sent as a raw body; it is kept in memory alone.

    Raises Refused for a form, whose files would go to disk.
    """
    if request.content_type != "application/octet-stream":
        raise Refused("Send the first bytes of the file as application/octet-stream.")
    piece: bytes = request.read(LARGEST_PIECE)
    return piece


def _at_the_end(request: HttpRequest, action: Callable[[], None]) -> None:
    """Do something when the request is closed; Django closes only files that arrived whole."""
    close = request.close

    def close_all() -> None:
        try:
            action()
        finally:
            close()

    request.close = close_all  # type: ignore[method-assign]
