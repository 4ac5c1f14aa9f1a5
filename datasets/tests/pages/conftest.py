"""A large table to look at, and a signed-in client for tests without a browser."""

from collections.abc import Iterator
from typing import Any

import pytest

from accounts.tests.doors import sign_in
from conftest import make_person
from datasets.tests.loading.queue import working
from datasets.tests.pages.tables import Loaded, load_table


@pytest.fixture
def client_of() -> Any:
    """Return a function that signs a person in and gives their client."""
    return sign_in


@pytest.fixture
def worker(db_ready: None) -> Iterator[None]:
    """Have what is sent loaded meanwhile."""
    with working():
        yield


@pytest.fixture(scope="session")
def cohort(db_ready: None) -> Loaded:
    """A table of someone's for tests that only read it: 120 rows, an id, 34 more columns."""
    return load_table(make_person("reader"))


@pytest.fixture
def own_cohort(alice: Any) -> Loaded:
    """The same table, Alice's only one, for tests that count or change what she has."""
    return load_table(alice)
