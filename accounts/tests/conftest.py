"""Fixtures of the accounts' tests: the tests' own pages beside the platform's."""

from typing import Any

import pytest


@pytest.fixture(autouse=True)
def _probe_pages(db_ready: None, settings: Any) -> None:
    settings.ROOT_URLCONF = "accounts.tests.probe_urls"
