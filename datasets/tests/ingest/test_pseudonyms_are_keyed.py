"""Pseudonyms: HMAC-SHA256 under each owner's key, over ids as people mean them."""

import hmac
from hashlib import sha256
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasets.ingest.pseudonyms import key_fingerprint, normalize_id, owner_key, pseudonymize

ALICE = UUID("6f0f9f0c-7d0b-4f43-9a58-1d8f2a3b4c5d")
BOB = UUID("11111111-7d0b-4f43-9a58-1d8f2a3b4c5d")


@given(st.lists(st.text(max_size=9), max_size=20), st.binary(max_size=100))
def test_a_pseudonym_is_the_hmac_of_the_normalized_id(ids: list[str], key: bytes) -> None:
    expected = [hmac.new(key, normalize_id(i).encode(), sha256).hexdigest() for i in ids]

    assert pseudonymize(ids, key) == expected


def test_one_owner_meets_the_same_pseudonym_again_and_another_owner_does_not() -> None:
    alice, bob = owner_key("master", ALICE), owner_key("master", BOB)

    assert pseudonymize(["P1", "P2", "P1"], alice)[0] == pseudonymize(["P1"], alice)[0]
    assert pseudonymize(["P1"], alice) != pseudonymize(["P1"], bob)
    assert pseudonymize(["P1"], owner_key("other master", ALICE)) != pseudonymize(["P1"], alice)
    assert owner_key("master", ALICE) == owner_key(b"master", ALICE)


@pytest.mark.parametrize("spelling", [" P1", "P1\t", "\u00a0P1\n"])
def test_white_space_around_an_id_does_not_count(spelling: str) -> None:
    key = owner_key("master", ALICE)

    assert pseudonymize([spelling], key) == pseudonymize(["P1"], key)


def test_two_ways_to_write_an_accent_are_one_id() -> None:
    key = owner_key("master", ALICE)

    assert pseudonymize(["Jose\u0301"], key) == pseudonymize(["José"], key)


def test_an_empty_id_has_a_pseudonym_too() -> None:
    key = owner_key("master", ALICE)

    assert pseudonymize([None], key) == pseudonymize([""], key) == pseudonymize(["  "], key)


def test_a_fingerprint_tells_keys_apart_without_giving_them_away() -> None:
    assert key_fingerprint("one") == key_fingerprint(b"one") != key_fingerprint("two")
    assert len(key_fingerprint("one")) == 16
    assert key_fingerprint("one") != hmac.new(b"one", b"", sha256).hexdigest()[:16]
