"""Tokens that nobody signed, that are old, or that are another's: they open nothing."""

import base64
import json
import time
from typing import Any
from uuid import uuid4

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
)

from fairdb_site.tests.gateway.served import Served, Session


def claims_of(gateway: Served, person: Session, **changes: Any) -> dict[str, Any]:
    now = int(time.time())
    claims = {
        "iss": gateway.config.issuer,
        "aud": "authenticated",
        "sub": person.id,
        "role": "authenticated",
        "session_id": str(uuid4()),
        "iat": now,
        "exp": now + 600,
        **changes,
    }
    return {name: value for name, value in claims.items() if value is not None}


def signed(gateway: Served, claims: dict[str, Any]) -> str:
    return jwt.encode(claims, gateway.config.signing_key_pem, "ES256")


def part(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


FORGERIES = [
    ("alg none", "PGRST301"),
    ("HS256 with the public key", "PGRST301"),
    ("HS256 with the project's secret", "PGRST301"),
    ("another key", "PGRST301"),
    ("changed claims", "PGRST301"),
    ("two parts", "PGRST301"),
    ("no json", "PGRST301"),
    ("deeply nested header", "PGRST301"),
    ("secret key as token", "PGRST301"),
    ("expired", "PGRST303"),
    ("not yet valid", "PGRST303"),
    ("another issuer", "PGRST303"),
    ("another audience", "PGRST303"),
    ("no expiry", "PGRST303"),
]


def forge(kind: str, gateway: Served, person: Session) -> str:
    key, claims = gateway.config.signing_key_pem, claims_of(gateway, person, role="service_role")
    public = load_pem_private_key(key.encode(), None).public_key()
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    head, _, signature = person.access_token.split(".")
    now = int(time.time())
    hmac_head = part({"alg": "HS256", "typ": "JWT"})
    hmac_body = f"{hmac_head}.{part(claims)}".encode()
    by_public_key = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256)
    return {
        "alg none": f"{part({'alg': 'none', 'typ': 'JWT'})}.{part(claims)}.",
        # PyJWT refuses to make this one, so it is made by hand
        "HS256 with the public key": hmac_body.decode()
        + "."
        + base64.urlsafe_b64encode(by_public_key.sign(hmac_body, pem)).rstrip(b"=").decode(),
        "HS256 with the project's secret": jwt.encode(claims, gateway.config.hs256_secret),
        "another key": jwt.encode(claims, ec.generate_private_key(ec.SECP256R1()), "ES256"),
        "changed claims": f"{head}.{part(claims)}.{signature}",
        "two parts": "a.b",
        "no json": "a.b.c",
        "deeply nested header": f"{base64.urlsafe_b64encode(b'[' * 20_000).decode()}.e30.c2ln",
        "secret key as token": gateway.config.secret_key,
        "expired": signed(gateway, claims | {"exp": now - 60}),
        "not yet valid": signed(gateway, claims | {"nbf": now + 600}),
        "another issuer": signed(gateway, claims | {"iss": "http://127.0.0.1:1/auth/v1"}),
        "another audience": signed(gateway, claims | {"aud": "others"}),
        "no expiry": signed(gateway, {name: claims[name] for name in claims if name != "exp"}),
    }[kind]


@pytest.mark.parametrize(("kind", "code"), FORGERIES)
def test_forged_token_opens_nothing(gateway: Served, user: Session, kind: str, code: str) -> None:
    token = forge(kind, gateway, user)

    rest = gateway.rpc("only_service", token=token)
    account = gateway.request("GET", "/auth/v1/user", token=token)
    admin = gateway.request("GET", "/auth/v1/admin/users", token=token)

    assert (rest.status_code, rest.json()["code"]) == (401, code)
    assert (account.status_code, account.json()["code"]) == (403, "bad_jwt")
    assert (admin.status_code, admin.json()["code"]) == (403, "bad_jwt")


def test_expired_token_is_told_as_postgrest_and_gotrue_tell_it(
    gateway: Served, user: Session
) -> None:
    token = forge("expired", gateway, user)

    rest = gateway.rpc("caller", token=token).json()
    account = gateway.request("GET", "/auth/v1/user", token=token).json()

    assert rest == {"code": "PGRST303", "message": "JWT expired", "details": None, "hint": None}
    assert "JWT expired" in account["message"]


@pytest.mark.parametrize("role", ["postgres", "supabase_auth_admin", "nobody", ""])
def test_token_opens_no_role_that_authenticator_may_not_take(
    gateway: Served, user: Session, role: str
) -> None:
    token = signed(gateway, claims_of(gateway, user, role=role))

    answer = gateway.rpc("setting", {"name": "role"}, token=token)

    if role:
        expected = (400, "22023") if role == "nobody" else (403, "42501")
        assert (answer.status_code, answer.json()["code"]) == expected
    else:
        assert answer.json() == "anon"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"sub": None}, (403, "session_not_found")),
        ({"sub": "no uuid"}, (400, "validation_failed")),
        ({"sub": str(uuid4())}, (403, "session_not_found")),
        ({"session_id": None}, (403, "session_not_found")),
        ({}, (403, "session_not_found")),
    ],
)
def test_token_without_a_session_shows_no_account(
    gateway: Served, user: Session, changes: dict[str, Any], expected: tuple[int, str]
) -> None:
    token = signed(gateway, claims_of(gateway, user, **changes))

    answer = gateway.request("GET", "/auth/v1/user", token=token)

    assert (answer.status_code, answer.json()["code"]) == expected


def test_api_keys_alone_are_no_account(gateway: Served) -> None:
    for key in (gateway.config.publishable_key, gateway.config.secret_key):
        shown = gateway.request("GET", "/auth/v1/user", key=key)
        bare = gateway.http.get("/auth/v1/user", headers={"apikey": key})
        assert (shown.status_code, bare.status_code) == (403, 401)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", ""),
        ("POST", ""),
        ("GET", "/{id}"),
        ("PUT", "/{id}"),
        ("DELETE", "/{id}"),
        ("GET", "/{id}/factors"),
        ("DELETE", "/{id}/factors/{id}"),
    ],
)
def test_accounts_of_others_are_for_the_service_role_alone(
    gateway: Served, user: Session, method: str, path: str
) -> None:
    url = f"/auth/v1/admin/users{path.format(id=user.id)}"
    body: dict[str, Any] = {"json": {"email": "a@example.org"}} if method == "POST" else {}

    anonymous = gateway.request(method, url, **body)
    signed_in = gateway.request(method, url, token=user.access_token, **body)
    bare = gateway.http.request(method, url, headers={"apikey": gateway.config.secret_key}, **body)

    assert (anonymous.status_code, anonymous.json()["code"]) == (403, "not_admin")
    assert (signed_in.status_code, signed_in.json()["code"]) == (403, "not_admin")
    assert bare.status_code == 401


@pytest.mark.parametrize("key", ["", "x", "sb_secret_", "é", "sb_publishable_x\tx"])
def test_wrong_api_key_opens_nothing(gateway: Served, user: Session, key: str) -> None:
    headers = httpx.Headers({"authorization": f"Bearer {user.access_token}"}, encoding="utf-8")
    headers["apikey"] = key

    answers = [
        gateway.http.post("/rest/v1/rpc/caller", headers=headers, json={}),
        gateway.http.get("/auth/v1/user", headers=headers),
    ]

    assert {answer.status_code for answer in answers} == {401}
    assert "API key" in answers[0].json()["message"]
