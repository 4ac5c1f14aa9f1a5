"""Access tokens are taken only if our Supabase issued them, for our people, for now."""

import base64
import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import uuid4

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from fairdb_site.errors import Unavailable
from fairdb_site.local.gateway.keys import Keys
from fairdb_site.supabase import auth, tokens
from fairdb_site.supabase.errors import TokenExpired
from fairdb_site.supabase.tokens import InvalidToken, SigningKeys, verify_access_token
from fairdb_site.tests.supabase_servers import another_gateway, answering, gateway_config, say


def claims_of(token: str) -> dict[str, Any]:
    claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return claims


def signed(claims: dict[str, Any]) -> str:
    return Keys(gateway_config()).sign(claims)


@pytest.mark.parametrize(
    ("said", "read"), [("aal2", "aal2"), ("aal1", "aal1"), (None, "aal1"), ("aal9", "aal1")]
)
def test_second_factor_counts_only_where_the_token_says_so(
    alice: Any, said: str | None, read: str
) -> None:
    claims = {k: v for k, v in (claims_of(alice.access_token) | {"aal": said}).items() if v}

    assert verify_access_token(signed(claims)).assurance == read


def test_token_of_a_sign_in_is_taken(alice: Any) -> None:
    claims = verify_access_token(alice.access_token)

    assert claims.user_id == alice.user.id
    assert str(claims.session_id) == claims_of(alice.access_token)["session_id"]
    assert claims.expires_at.timestamp() == claims_of(alice.access_token)["exp"]


def test_expired_token_is_told_apart(alice: Any) -> None:
    with pytest.raises(TokenExpired):
        verify_access_token(signed(claims_of(alice.access_token) | {"exp": time.time() - 60}))


def test_clocks_may_differ_a_little(alice: Any) -> None:
    token = signed(claims_of(alice.access_token) | {"exp": int(time.time()) - 10})

    assert verify_access_token(token).user_id == alice.user.id


@pytest.mark.parametrize(
    "wrong",
    [
        {"aud": "somebody else"},
        {"iss": "https://other-project.supabase.co/auth/v1"},
        {"sub": "not a uuid"},
        {"sub": None},
        {"exp": None},
        {"nbf": time.time() + 3600},
    ],
)
def test_token_with_a_wrong_claim_is_refused(alice: Any, wrong: dict[str, Any]) -> None:
    claims = {k: v for k, v in (claims_of(alice.access_token) | wrong).items() if v is not None}

    with pytest.raises(InvalidToken):
        verify_access_token(signed(claims))


def forged_by_another_key(token: str) -> str:
    kid = jwt.get_unverified_header(token)["kid"]
    key = ec.generate_private_key(ec.SECP256R1())
    return jwt.encode(claims_of(token), key, "ES256", headers={"kid": kid})


def forged_with_another_algorithm(token: str) -> str:
    kid = jwt.get_unverified_header(token)["kid"]
    key = rsa.generate_private_key(65537, 2048)
    return jwt.encode(claims_of(token), key, "RS256", headers={"kid": kid})


def forged_without_signature(token: str) -> str:
    header = base64.urlsafe_b64encode(b'{"alg":"none","typ":"JWT"}').rstrip(b"=").decode()
    return ".".join([header, token.split(".")[1], ""])


def forged_payload(token: str) -> str:
    header, _, signature = token.split(".")
    payload = json.dumps(claims_of(token) | {"sub": str(uuid4())}).encode()
    return ".".join([header, base64.urlsafe_b64encode(payload).rstrip(b"=").decode(), signature])


def forged_with_a_shared_secret(token: str) -> str:
    return jwt.encode(claims_of(token), "x" * 32, "HS256")


def forged_with_an_unknown_key(token: str) -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    return jwt.encode(claims_of(token), key, "ES256", headers={"kid": str(uuid4())})


@pytest.mark.parametrize(
    "forge",
    [
        forged_by_another_key,
        forged_with_another_algorithm,
        forged_without_signature,
        forged_payload,
        forged_with_a_shared_secret,
        forged_with_an_unknown_key,
        lambda token: "not a token",
        lambda token: "",
    ],
)
def test_forged_token_is_refused(alice: Any, forge: Any) -> None:
    with pytest.raises(InvalidToken):
        verify_access_token(forge(alice.access_token))


def test_project_with_a_shared_secret_is_asked(alice: Any, settings: Any, tmp_path: Path) -> None:
    with another_gateway(settings, tmp_path, algorithm="HS256") as config:
        token = auth.sign_in(alice.email, alice.password).access_token
        assert jwt.get_unverified_header(token)["alg"] == "HS256"

        assert verify_access_token(token).user_id == alice.user.id
        with pytest.raises(InvalidToken):
            verify_access_token(forged_with_a_shared_secret(token))
        auth.sign_out(token)
        with pytest.raises(InvalidToken):
            verify_access_token(token)
        expired = Keys(config).sign(claims_of(token) | {"exp": int(time.time()) - 3600})
        with pytest.raises(TokenExpired):
            verify_access_token(expired)


def test_unknown_keys_do_not_hammer_supabase(settings: Any) -> None:
    keys = SigningKeys()
    with answering(settings, say(200, '{"keys":[]}', "application/json")) as asked:
        for _ in range(50):
            with pytest.raises(InvalidToken):
                keys.key(str(uuid4()))

    assert len(asked) == 1


def test_parallel_first_looks_fetch_the_keys_once(alice: Any, settings: Any) -> None:
    kid = jwt.get_unverified_header(alice.access_token)["kid"]
    body = json.dumps(Keys(gateway_config()).jwks)
    keys, barrier = SigningKeys(), threading.Barrier(10)

    def look(_: int) -> Any:
        barrier.wait()
        return keys.key(kid)

    with (
        answering(settings, say(200, body, "application/json")) as asked,
        ThreadPoolExecutor(10) as pool,
    ):
        assert len(list(pool.map(look, range(10)))) == 10

    assert len(asked) == 1


def test_new_signing_key_is_fetched_when_a_token_names_it(settings: Any) -> None:
    key = jwt.algorithms.ECAlgorithm.to_jwk(
        ec.generate_private_key(ec.SECP256R1()).public_key(), as_dict=True
    )
    published = {"keys": [key | {"kid": "first", "alg": "ES256"}]}
    keys = SigningKeys()

    def publish(handler: Any) -> None:
        say(200, json.dumps(published), "application/json")(handler)

    with answering(settings, publish) as asked:
        keys.key("first")
        published["keys"].append(key | {"kid": "rotated", "alg": "ES256"})

        assert keys.key("rotated").algorithm_name == "ES256"
        assert keys.key("first").algorithm_name == "ES256"

    assert len(asked) == 2


def test_stale_keys_serve_while_supabase_does_not_answer(
    alice: Any, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = SigningKeys()
    kid = jwt.get_unverified_header(alice.access_token)["kid"]
    keys.key(kid)
    monkeypatch.setattr(tokens, "_KEYS_FRESH_FOR", 0)
    monkeypatch.setattr(keys, "_ask_again_at", 0)
    settings.SUPABASE_URL = "http://127.0.0.1:9"

    assert keys.key(kid).key_id == kid


def test_no_keys_at_all_is_unavailable(settings: Any) -> None:
    settings.SUPABASE_URL = "http://127.0.0.1:9"

    with pytest.raises(Unavailable):
        SigningKeys().key("any")
