"""Fixtures of the accounts' tests: the tests' own pages beside the platform's, refusals at once."""

from typing import Any

import pytest

from accounts import pace


@pytest.fixture(autouse=True)
def _probe_pages(db_ready: None, settings: Any) -> None:
    settings.ROOT_URLCONF = "accounts.tests.probe_urls"


@pytest.fixture(autouse=True)
def _refused_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let refused sign-ins wait for nothing, but where that is what is tested."""
    monkeypatch.setattr(pace, "REFUSED_AFTER", 0.0)
