"""What nobody catches is logged by kind and frames, without what it says."""

import gc
import io
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import OperationalError

from accounts.tests.probe_urls import SENTINEL
from fairdb_site.uncaught import log_uncaught

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """What the platform's own handler writes, with our hooks in place of pytest's."""
    [handler] = logging.getLogger("fairdb_site").handlers[:1]
    assert isinstance(handler, logging.StreamHandler)
    monkeypatch.setattr(handler, "stream", written := io.StringIO())
    for module, hook in (
        (sys, "excepthook"),
        (sys, "unraisablehook"),
        (threading, "excepthook"),
    ):
        monkeypatch.setattr(module, hook, getattr(module, hook))  # put back afterwards
    log_uncaught()
    return written


def quotes_a_cell(kind: type[BaseException] = ValueError) -> None:
    try:
        int(SENTINEL)
    except ValueError as error:
        raise kind(f"Failing row contains ({SENTINEL})") from error


class _BreaksWhenCollected:
    def __del__(self) -> None:
        quotes_a_cell()

    def __repr__(self) -> str:
        return SENTINEL


def in_a_thread() -> None:
    thread = threading.Thread(target=quotes_a_cell, name=SENTINEL)
    thread.start()
    thread.join()


def in_a_finalizer() -> None:
    _BreaksWhenCollected()
    gc.collect()


def at_the_top() -> None:
    try:
        quotes_a_cell()
    except ValueError as error:
        sys.excepthook(type(error), error, error.__traceback__)


@pytest.mark.parametrize("breaks", [at_the_top, in_a_thread, in_a_finalizer])
def test_what_nobody_catches_is_logged_without_its_words(
    log: io.StringIO, capfd: pytest.CaptureFixture[str], breaks: Callable[[], None]
) -> None:
    breaks()

    said = log.getvalue()
    assert "CRITICAL fairdb_site.uncaught [" in said
    assert "in quotes_a_cell" in said
    assert said.endswith("ValueError\n")
    assert SENTINEL not in said + capfd.readouterr().err


def test_a_thread_may_end_itself(log: io.StringIO) -> None:
    thread = threading.Thread(target=sys.exit)
    thread.start()
    thread.join()

    assert log.getvalue() == ""


def test_ctrl_c_is_printed_as_ever_but_for_what_it_came_in_between(
    log: io.StringIO, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        quotes_a_cell(KeyboardInterrupt)
    except KeyboardInterrupt as error:
        error.args = ()
        sys.excepthook(type(error), error, error.__traceback__)

    printed = capsys.readouterr().err
    assert printed.startswith("Traceback (most recent call last):\n")
    assert printed.endswith("\nKeyboardInterrupt\n")
    assert SENTINEL not in printed
    assert log.getvalue() == ""


def test_a_shell_says_what_was_wrong(
    log: io.StringIO, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "ps1", ">>> ", raising=False)

    sys.excepthook(NameError, NameError("name 'x' is not defined"), None)

    assert capsys.readouterr().err == "NameError: name 'x' is not defined\n"
    assert log.getvalue() == ""


def test_setting_django_up_is_enough(tmp_path: Path) -> None:
    """Which wsgi, asgi and manage.py all do."""
    program = "import django; django.setup(); int(input())"

    ended = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env=os.environ | {"DJANGO_SETTINGS_MODULE": "fairdb_site.settings"},
        input=SENTINEL,
        capture_output=True,
        text=True,
        check=False,
    )

    assert ended.returncode == 1
    assert "nobody caught this: ValueError" in ended.stderr
    assert SENTINEL not in ended.stderr


@pytest.mark.parametrize("kind", [ImproperlyConfigured, ImportError, OperationalError])
def test_what_is_wrong_with_an_installation_is_said(
    kind: type[Exception], log: io.StringIO, capsys: pytest.CaptureFixture[str]
) -> None:
    sys.excepthook(kind, kind("what is wrong"), None)

    assert "what is wrong" in capsys.readouterr().err
    assert not log.getvalue()


def test_the_same_kind_of_error_that_came_of_a_value_is_not(
    log: io.StringIO, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(OperationalError) as broken:
        quotes_a_cell(OperationalError)

    sys.excepthook(broken.type, broken.value, broken.tb)

    assert SENTINEL not in log.getvalue() + capsys.readouterr().err
    assert "OperationalError" in log.getvalue()
