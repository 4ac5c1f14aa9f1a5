"""Whatever comes in, the answer is the right refusal: never a 500, never another's rights."""

import base64
import http.client
import json
import logging
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


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1", 200),
        ("localhost:54321", 200),
        ("evil.example", 400),
        ("127.0.0.1.evil.example", 400),
        ("127.0.0.1@evil.example", 400),
        ("[::1", 400),
        ("", 400),
    ],
)
def test_name_of_another_host_is_refused(gateway: Served, host: str, status: int) -> None:
    answer = gateway.http.get("/auth/v1/health", headers={"host": host})

    assert answer.status_code == status


def test_web_pages_elsewhere_get_no_leave(gateway: Served) -> None:
    headers = {"origin": "https://evil.example", "access-control-request-method": "POST"}

    answers = [
        gateway.request("OPTIONS", "/rest/v1/rpc/caller", headers=headers),
        gateway.rpc("caller", headers=headers),
    ]

    assert [answer.status_code for answer in answers] == [501, 200]
    assert not [name for answer in answers for name in answer.headers if "access-control" in name]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/rest/v1/notes", 501),
        ("POST", "/rest/v1/notes", 501),
        ("GET", "/rest/v1/", 501),
        ("GET", "/rest/v1/rpc/", 501),
        ("GET", "/rest/v1/rpc/a/b", 501),
        ("GET", "/auth/v1/authorize", 501),
        ("POST", "/auth/v1/otp", 501),
        ("GET", "/auth/v1/verify", 501),
        ("POST", "/auth/v1/user", 501),
        ("DELETE", "/auth/v1/admin/users", 501),
        ("GET", "/auth/v1/admin/users/x/factors", 400),
        ("DELETE", "/auth/v1/admin/users/x/factors/x", 400),
        ("POST", "/storage/v1/bucket", 501),
        ("GET", "/", 501),
        ("PUT", "/rest/v1/rpc/caller", 501),
        ("DELETE", "/rest/v1/rpc/caller", 501),
        ("GET", "/rest/v1/rpc/%00", 400),
        ("GET", "/rest/v1/rpc/%ff", 404),
        ("GET", "/rest/v1/rpc/no_arguments%3Fa=1", 404),
        ("GET", "/rest/v1/rpc/no_arguments%23", 404),
        ("GET", "/rest/v1/rpc/caller%22%3B--", 404),
        ("GET", "/auth/v1/admin/users/not-a-uuid", 400),
        ("GET", "/auth/v1/admin/users?page=x", 400),
        ("POST", "/auth/v1/recover?redirect_to=%00", 400),
        ("GET", "/auth/v1/admin/users?per_page=-1", 400),
        ("GET", "/auth/v1/admin/users?page=99999999999999999999", 400),
        ("POST", "/auth/v1/token?grant_type=id_token", 400),
        ("POST", "/auth/v1/token", 400),
    ],
)
def test_what_is_not_served_is_refused_in_json(
    gateway: Served, method: str, path: str, status: int
) -> None:
    answer = gateway.request(method, path, key=gateway.config.secret_key)

    assert answer.status_code == status
    assert isinstance(answer.json()["code"], str)


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("a=1&b=%00", 400),
        ("a=1&%00=1", 400),
        ("a=%ff", 400),
        ("a=1&select=%00", 400),
        ("a=", 400),
        ("a=1'", 400),
        ("a=1;select 1", 400),
        ("a=99999999999", 400),
        ("a=1&order=a", 501),
        ("a=1&select=", 501),
        ("a=1&and=(a.eq.1)", 501),
        ("a=1&columns=a", 501),
        ("a=1&x.limit=1", 404),
        ("a=1&a->b=eq.1", 404),
        ("a=1&c=in.x", 404),
        ("&".join(["a=1"] * 500), 200),
    ],
)
def test_odd_query_string_is_refused(gateway: Served, query: str, status: int) -> None:
    answer = gateway.request("GET", f"/rest/v1/rpc/add_numbers?{query}")

    assert answer.status_code == status


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 404),
        (b"{", 400),
        (b"{'a': 1}", 400),
        (b'{"a": NaN}', 400),
        (b'{"a": "\xff"}', 400),
        (b'{"a": "\x00"}', 400),
        (b'{"a": "\\u0000"}', 400),
        (b'{"a": "\\ud800"}', 400),
        (b'{"a": [1]}', 400),
        (b'{"a": 1.5}', 400),
        (b'{"a": 1, "a\\u0000": 1}', 404),
        (b'{"a": 1, "\\ud800": 1}', 400),
        (b'{"a": 1, "": 2}', 404),
        (b'{"a": ' + b"9" * 5000 + b"}", 400),
        (b"[" * 100_000, 400),
        (b"[]", 404),
        (b"1", 404),
        (b"null", 404),
        (b'{"a": null}', 200),
    ],
)
def test_odd_body_of_a_function_call_is_refused(gateway: Served, body: bytes, status: int) -> None:
    answer = gateway.request("POST", "/rest/v1/rpc/add_numbers", content=body)

    assert answer.status_code == status


@pytest.mark.parametrize("media", ["text/plain", "text/csv", "application/x-www-form-urlencoded"])
def test_body_that_is_not_json_is_refused(gateway: Served, media: str) -> None:
    answer = gateway.request(
        "POST", "/rest/v1/rpc/add_numbers", content=b"a=1", headers={"content-type": media}
    )

    assert (answer.status_code, answer.json()["code"]) == (400, "PGRST102")


@pytest.mark.parametrize(
    ("accept", "status"),
    [
        ("application/json", 200),
        ("text/html, */*;q=0.1", 200),
        ("text/html", 406),
        ("application/vnd.pgrst.plan+json", 406),
        ("application/vnd.pgrst.object+json;nulls=stripped", 501),
        ("", 406),
        (";;;", 406),
    ],
)
def test_form_of_the_answer_is_negotiated(gateway: Served, accept: str, status: int) -> None:
    answer = gateway.rpc("add_numbers", {"a": 1}, headers={"accept": accept})

    assert answer.status_code == status


GOOD = {"email": "odd@example.org", "password": "a password"}


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b"[]", 400),
        (b"null", 400),
        (b'{"email": NaN}', 400),
        (b"\xff", 400),
        (b"[" * 100_000, 400),
        (b'{"email": "\\u0000@example.org", "password": "a password"}', 400),
        (b'{"email": "\\ud800@example.org", "password": "a password"}', 400),
        (b'{"email": "a@example.org", "password": "a password", "data": {"\\u0000": 1}}', 400),
        (b'{"email": "a@example.org", "password": "a password", "data": {"a": ["\\ud800"]}}', 400),
        (json.dumps(GOOD | {"email": 1}).encode(), 400),
        (json.dumps(GOOD | {"email": ["a@example.org"]}).encode(), 400),
        (json.dumps(GOOD | {"email": "a@b@c"}).encode(), 400),
        (json.dumps(GOOD | {"email": "a b@example.org"}).encode(), 400),
        (json.dumps(GOOD | {"email": "a@example.org\n"}).encode(), 400),
        (json.dumps(GOOD | {"email": "a" * 300 + "@example.org"}).encode(), 400),
        (json.dumps(GOOD | {"email": "'; drop table auth.users; --@example.org"}).encode(), 400),
        (json.dumps(GOOD | {"password": 123456}).encode(), 400),
        (json.dumps(GOOD | {"password": None}).encode(), 400),
        (json.dumps(GOOD | {"password": "x" * 73}).encode(), 400),
        (json.dumps(GOOD | {"password": "é" * 5}).encode(), 422),
        (json.dumps(GOOD | {"data": "text"}).encode(), 400),
    ],
)
def test_odd_sign_up_is_refused(gateway: Served, body: bytes, status: int) -> None:
    answer = gateway.request("POST", "/auth/v1/signup", content=body)

    assert answer.status_code == status
    assert isinstance(answer.json()["code"], str)


def test_body_over_the_limit_is_refused_unread(gateway: Served) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", gateway.config.port, timeout=30)
    connection.putrequest("POST", "/auth/v1/signup")
    connection.putheader("apikey", gateway.config.publishable_key)
    connection.putheader("content-length", str(1 << 30))
    connection.endheaders()

    assert connection.getresponse().status == 413
    connection.close()


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/token?grant_type=password", {}),
        ("/token?grant_type=password", {"email": "a@example.org"}),
        ("/token?grant_type=password", {"email": "a@example.org", "password": "x" * 100_000}),
        ("/token?grant_type=password", {"email": "x" * 100_000, "password": "x"}),
        ("/token?grant_type=refresh_token", {}),
        ("/token?grant_type=refresh_token", {"refresh_token": 1}),
        ("/token?grant_type=refresh_token", {"refresh_token": "x" * 100_000}),
        ("/recover", {}),
        ("/resend", {}),
        ("/resend", {"type": "sms"}),
        ("/invite", {"email": "x"}),
        ("/invite", {"email": "a@example.org", "data": []}),
        ("/factors", {"factor_type": 1}),
        ("/recover", {"email": "x"}),
        ("/verify", {}),
        ("/verify", {"type": "sms", "token_hash": "x"}),
        ("/verify", {"type": "recovery"}),
        ("/verify", {"type": {"a": 1}, "token_hash": "x"}),
        ("/admin/users", {}),
        ("/admin/users", {"email": "a@example.org", "ban_duration": "-1h"}),
        ("/admin/users", {"email": "a@example.org", "ban_duration": "9" * 30 + "h"}),
        ("/admin/users", {"email": "a@example.org", "email_confirm": "yes"}),
        ("/admin/users", {"email": "a@example.org", "app_metadata": []}),
    ],
)
def test_odd_fields_are_a_400(gateway: Served, path: str, body: dict[str, Any]) -> None:
    answer = gateway.admin("POST", path, body)

    assert answer.status_code == 400
    assert isinstance(answer.json()["code"], str)


def test_log_holds_no_value_of_a_request(gateway: Served, caplog: pytest.LogCaptureFixture) -> None:
    secret = uuid4().hex
    caplog.set_level(logging.DEBUG)

    person = gateway.sign_up(
        email=f"{secret}@example.org", password=f"{secret}", data={"a": secret}
    )
    gateway.sign_in(f"{secret}@example.org", f"{secret}x")
    gateway.request("GET", f"/rest/v1/rpc/add_numbers?a={secret}", token=person.access_token)
    gateway.request("GET", f"/rest/v1/rpc/{secret}")
    gateway.request("GET", f"/{secret}", headers={"x-own": secret})
    gateway.rpc("fail", {"code": "XX000", "message": secret})

    own = [record for record in caplog.records if not record.name.startswith(("httpx", "httpcore"))]
    text = "\n".join(record.getMessage() + str(record.exc_text) for record in own)
    assert "POST /auth/v1/signup 200" in text
    assert "GET /rest/v1/rpc/{name} 400" in text
    assert secret not in text
    assert person.access_token not in text
    assert person.refresh_token not in text
