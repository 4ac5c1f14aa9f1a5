"""Uploaded files on their way in: streamed to disk, and no further than the limit."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import SkipFile, TemporaryFileUploadHandler
from django.http import HttpRequest

from fairdb_site.errors import Refused

FIRST_PIECE = 1 << 20
"""Bytes of a chosen file that a page sends ahead to have its columns listed."""

LARGEST_PIECE = 1 << 24
"""Bytes that it sends where the first do not hold all names: enough for 100,000 long ones."""

TOO_LARGE = "fairdb.upload_too_large"
"""In `request.META`: a file of this request went past the limit and was dropped."""


class LimitedUploadHandler(TemporaryFileUploadHandler):
    """Writes each file to disk; one over FAIRDB_MAX_UPLOAD_BYTES is dropped, not stored.

    So is any file of somebody who is not signed in: a form is parsed for its CSRF token before
    sign-in is asked for, and strangers could fill the disk. The rest of the request is still read,
    so that the typed fields arrive and the person gets an answer instead of a broken connection.
    """

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        """Begin a file; raise SkipFile where nobody is signed in."""
        user = getattr(self.request, "user", None)
        if user is None or not user.is_authenticated:
            raise SkipFile
        super().new_file(*args, **kwargs)

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes | None:
        """Take a piece of the file; raise SkipFile past the limit."""
        if start + len(raw_data) > settings.FAIRDB_MAX_UPLOAD_BYTES:
            assert self.request is not None
            self.request.META[TOO_LARGE] = True
            self.file.close()  # which removes it
            raise SkipFile
        self.file.write(raw_data)
        return None

    def file_complete(self, file_size: int) -> UploadedFile[Any] | None:
        """Give the file, unless it was dropped."""
        if self.file.closed:
            return None
        return super().file_complete(file_size)


def too_large(request: HttpRequest) -> bool:
    """Return whether a file of this request went past the limit."""
    return TOO_LARGE in request.META


def path_of(uploaded: UploadedFile[Any]) -> str:
    """Return where an uploaded file lies; it is gone when the request ends."""
    path: str = uploaded.temporary_file_path()  # type: ignore[attr-defined]
    return path


def piece_of(request: HttpRequest) -> bytes:
    """Return the beginning of a file that a page sent as a raw body; it is kept in memory alone.

    Raises Refused for a form, whose files would go to disk.
    """
    if request.content_type != "application/octet-stream":
        raise Refused("Send the first bytes of the file as application/octet-stream.")
    piece: bytes = request.read(LARGEST_PIECE)
    return piece
