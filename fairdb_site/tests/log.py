"""The log as the platform writes it, for tests of any app."""

import io
import logging
from collections.abc import Iterator

import pytest

from fairdb_site.logs import ValueFreeFormatter


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """What the platform's own handlers write, as the settings made them."""
    written = io.StringIO()
    loggers = [logging.getLogger(name) for name in ("", "fairdb_site", "datasets", "django.server")]
    ours = {
        handler
        for logger in loggers
        for handler in logger.handlers
        if isinstance(handler, logging.StreamHandler)
        and isinstance(handler.formatter, ValueFreeFormatter)
    }
    before = [(handler, handler.setStream(written)) for handler in ours]
    yield written
    for handler, stream in before:
        handler.setStream(stream)
