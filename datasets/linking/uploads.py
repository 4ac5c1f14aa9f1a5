"""Uploaded files of views that are marked `memory_only`: small, and never on disk."""

from __future__ import annotations

from io import BytesIO
from typing import Any, Final

from django.core.files.uploadedfile import InMemoryUploadedFile, UploadedFile
from django.core.files.uploadhandler import FileUploadHandler, SkipFile, StopFutureHandlers
from django.http import HttpRequest

from fairdb_site.http import is_memory_only

MOST_BYTES: Final = 1 << 20
"""Bytes that the files of one request may have together."""


_TOO_LARGE: Final = "fairdb.memory_upload_too_large"  # in `request.META`


class InMemoryUploadHandler(FileUploadHandler):
    """Holds the files of `memory_only` views in memory; leaves those of others to the next handler.

    Files past MOST_BYTES are dropped, and so are those of somebody who is not signed in.
    """

    _file: BytesIO | None = None
    _taken = 0  # bytes of this request

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        """Begin a file; keep the handlers that write to disk from hearing of it."""
        self._file = None
        if self.request is None or not is_memory_only(self.request):
            return
        user = getattr(self.request, "user", None)
        if user is None or not user.is_authenticated:
            raise SkipFile
        super().new_file(*args, **kwargs)
        self._file = BytesIO()
        raise StopFutureHandlers

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes | None:
        """Take a piece of the file; raise SkipFile past the limit."""
        if self._file is None:
            return raw_data
        self._taken += len(raw_data)
        if self._taken > MOST_BYTES:
            assert self.request is not None
            self.request.META[_TOO_LARGE] = True
            raise SkipFile
        self._file.write(raw_data)
        return None

    def file_complete(self, file_size: int) -> UploadedFile[Any] | None:
        """Give the file, which begins at its start."""
        if self._file is None:
            return None
        self._file.seek(0)
        return InMemoryUploadedFile(
            file=self._file,
            field_name=self.field_name,
            name=self.file_name or "",
            content_type=self.content_type or "",
            size=file_size,
            charset=self.charset,
            content_type_extra=self.content_type_extra,
        )


def too_large(request: HttpRequest) -> bool:
    """Return whether a file of this request went past the limit."""
    return _TOO_LARGE in request.META
