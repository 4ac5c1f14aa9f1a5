"""A small dataset of Alice's, and her browser."""

from typing import Any

import pytest
from django.test import Client

from accounts.tests.doors import sign_in
from datasets.tests.correcting.rows import COLUMNS
from datasets.tests.stored import Stored, store_dataset


@pytest.fixture
def stored(alice: Any) -> Stored:
    return store_dataset(alice.user.id, COLUMNS, columns_a_part=5)


@pytest.fixture
def client(alice: Any) -> Client:
    return sign_in(alice)
