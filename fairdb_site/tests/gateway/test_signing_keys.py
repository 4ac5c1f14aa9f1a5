"""A signing key that was rotated: two are published, one signs, and nobody is signed out."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from fairdb_site.local.gateway.keys import Keys
from fairdb_site.local.state import LocalState
from fairdb_site.tests.gateway.served import DATABASE, Served, Session, serve


def new_key() -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def kid_of(token: str) -> str:
    return str(jwt.get_unverified_header(token)["kid"])


def signed_with(key: str, gateway: Served, person: Session) -> str:
    """The person's token as this key would have signed it."""
    claims: dict[str, Any] = jwt.decode(person.access_token, options={"verify_signature": False})
    alone = replace(gateway.config, signing_key_pem=key, former_signing_key_pem=None)
    return Keys(alone).sign(claims)


def test_tokens_of_the_former_key_are_good_and_new_ones_are_of_the_new_key(
    state: LocalState, tmp_path: Path
) -> None:
    former = new_key()
    with serve(state, DATABASE, tmp_path, former_signing_key_pem=former) as gateway:
        person = gateway.sign_up()
        old = signed_with(former, gateway, person)

        called = gateway.rpc("caller", token=old)
        shown = gateway.request("GET", "/auth/v1/user", token=old)
        refreshed = gateway.refresh(person.refresh_token).json()["access_token"]
        published = gateway.http.get("/auth/v1/.well-known/jwks.json").json()["keys"]

    assert called.json()["uid"] == shown.json()["id"] == person.id
    assert kid_of(refreshed) == kid_of(person.access_token) != kid_of(old)
    assert {key["kid"] for key in published} == {kid_of(old), kid_of(refreshed)}
    assert not any("d" in key for key in published)
    for token in (old, refreshed):
        keys = jwt.PyJWKSet.from_dict({"keys": published})
        jwt.decode(token, keys[kid_of(token)], algorithms=["ES256"], audience="authenticated")


@pytest.mark.parametrize("named", [True, False], ids=["by its name", "by the name of the new one"])
def test_token_of_a_key_before_the_former_opens_nothing(
    state: LocalState, tmp_path: Path, named: bool
) -> None:
    forgotten = new_key()
    with serve(state, DATABASE, tmp_path, former_signing_key_pem=new_key()) as gateway:
        person = gateway.sign_up()
        token = signed_with(forgotten, gateway, person)
        if not named:
            claims = jwt.decode(token, options={"verify_signature": False})
            token = jwt.encode(
                claims, forgotten, "ES256", headers={"kid": kid_of(person.access_token)}
            )

        answer = gateway.rpc("caller", token=token)

    assert (answer.status_code, answer.json()["code"]) == (401, "PGRST301")
