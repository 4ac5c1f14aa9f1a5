"""Whatever comes in, the answer is the right refusal: never a 500, never another's rights."""

import http.client
import json
import logging
from typing import Any
from uuid import uuid4

import pytest

from fairdb_site.tests.gateway.served import Served


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
