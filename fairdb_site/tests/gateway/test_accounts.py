"""Accounts: confirmation by mail, what sign-up gives away, changes, paging."""

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import uuid4

import jwt
import pytest

from fairdb_site.local.state import LocalState
from fairdb_site.tests.gateway.served import DATABASE, Served, Session, serve

PASSWORD = "a password"


def new_email() -> str:
    return f"{uuid4().hex}@example.org"


def verify(gateway: Served, mail: dict[str, Any]) -> Any:
    return gateway.auth("/verify", {"token_hash": mail["token_hash"], "type": mail["type"]})


def outcome(response: Any) -> tuple[int, str]:
    return response.status_code, response.json().get("code", "")


def test_address_counts_once_it_is_confirmed(careful_gateway: Served) -> None:
    email = new_email()

    made = careful_gateway.auth("/signup", {"email": email, "password": PASSWORD})
    too_early = careful_gateway.sign_in(email, PASSWORD)
    (mail,) = careful_gateway.mails(email)
    confirmed = verify(careful_gateway, mail)

    assert made.status_code == 200
    assert "access_token" not in made.json()
    assert outcome(too_early) == (400, "email_not_confirmed")
    assert confirmed.json()["user"]["email_confirmed_at"]
    assert careful_gateway.sign_in(email, PASSWORD).status_code == 200
    assert outcome(verify(careful_gateway, mail)) == (403, "otp_expired")


def test_second_sign_up_does_not_tell_that_the_address_is_known(careful_gateway: Served) -> None:
    email = new_email()
    first = careful_gateway.auth("/signup", {"email": email, "password": PASSWORD})
    verify(careful_gateway, careful_gateway.mails(email)[0])

    second = careful_gateway.auth("/signup", {"email": email, "password": "another one"})

    assert second.status_code == 200
    assert second.json()["email"] == email
    assert second.json()["id"] != first.json()["id"]
    assert careful_gateway.sign_in(email, PASSWORD).status_code == 200
    assert len(careful_gateway.mails(email)) == 1


def test_repeated_sign_up_before_confirmation_keeps_the_first_password(
    careful_gateway: Served,
) -> None:
    email = new_email()
    careful_gateway.auth("/signup", {"email": email, "password": PASSWORD})
    careful_gateway.auth("/signup", {"email": email, "password": "a stranger's"})
    first, second = careful_gateway.mails(email)

    assert outcome(verify(careful_gateway, first)) == (403, "otp_expired")
    assert verify(careful_gateway, second).status_code == 200
    assert careful_gateway.sign_in(email, PASSWORD).status_code == 200
    assert careful_gateway.sign_in(email, "a stranger's").status_code == 400


def test_parallel_sign_ups_with_one_address_make_one_account(gateway: Served) -> None:
    email = new_email()

    def sign_up(_: int) -> tuple[int, str]:
        return outcome(gateway.auth("/signup", {"email": email, "password": PASSWORD}))

    with ThreadPoolExecutor(8) as threads:
        outcomes = sorted(threads.map(sign_up, range(8)))

    assert outcomes == [(200, "")] + [(422, "user_already_exists")] * 7
    assert gateway.sql("select count(*) from auth.users where email = %s", email) == [(1,)]


def test_closed_sign_up_still_lets_the_service_role_make_accounts(
    state: LocalState, tmp_path: Path
) -> None:
    with serve(state, DATABASE, tmp_path, signup_enabled=False) as gateway:
        refused = gateway.auth("/signup", {"email": new_email(), "password": PASSWORD})
        made = gateway.admin("POST", "/admin/users", {"email": new_email()})
        settings = gateway.request("GET", "/auth/v1/settings").json()

    assert outcome(refused) == (422, "signup_disabled")
    assert made.status_code == 200
    assert settings["disable_signup"] is True


def test_recovery_does_not_tell_who_has_an_account(gateway: Served) -> None:
    person = gateway.sign_up()

    known = gateway.auth("/recover", {"email": person.email})
    unknown = gateway.auth("/recover", {"email": "nobody@example.org"})

    assert (known.status_code, known.json()) == (unknown.status_code, unknown.json()) == (200, {})
    assert gateway.mails("nobody@example.org") == []


def test_mail_is_a_private_file_with_a_link_that_works_once(gateway: Served) -> None:
    person = gateway.sign_up()
    gateway.auth("/recover", {"email": person.email})

    (mail,) = gateway.mails(person.email)
    files = list(Path(gateway.config.outbox).iterdir())

    assert set(mail) == {"to", "subject", "text", "type", "token_hash", "link", "created_at"}
    assert mail["link"] in mail["text"]
    assert mail["link"].startswith("http://127.0.0.1:8000/accounts/confirm/?token_hash=")
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    stored = gateway.sql(
        "select token_hash from auth.one_time_tokens where user_id = %s", person.id
    )
    assert mail["token_hash"] not in str(stored)


@pytest.mark.parametrize(
    ("redirect_to", "page"),
    [
        ("http://127.0.0.1:8000/recover?x=1", "http://127.0.0.1:8000/recover?x=1&token_hash="),
        ("http://localhost:9000/go", "http://localhost:9000/go?token_hash="),
        ("https://elsewhere.example/steal", "http://127.0.0.1:8000/accounts/confirm/?token_hash="),
        ("javascript:alert(1)", "http://127.0.0.1:8000/accounts/confirm/?token_hash="),
        ("http://[", "http://127.0.0.1:8000/accounts/confirm/?token_hash="),
    ],
)
def test_link_leads_to_no_other_machine(gateway: Served, redirect_to: str, page: str) -> None:
    person = gateway.sign_up()

    gateway.request(
        "POST",
        "/auth/v1/recover",
        params={"redirect_to": redirect_to},
        json={"email": person.email},
    )

    assert gateway.mails(person.email)[0]["link"].startswith(page)


def test_link_is_of_no_use_after_an_hour(gateway: Served) -> None:
    person = gateway.sign_up()
    gateway.auth("/recover", {"email": person.email})
    gateway.sql(
        "update auth.one_time_tokens set created_at = created_at - interval '61 minutes' "
        "where user_id = %s",
        person.id,
    )

    assert outcome(verify(gateway, gateway.mails(person.email)[0])) == (403, "otp_expired")


def test_link_of_one_kind_is_not_good_for_another(gateway: Served) -> None:
    person = gateway.sign_up()
    gateway.auth("/recover", {"email": person.email})
    (mail,) = gateway.mails(person.email)

    wrong = gateway.auth("/verify", {"token_hash": mail["token_hash"], "type": "signup"})

    assert outcome(wrong) == (403, "otp_expired")
    assert verify(gateway, mail).status_code == 200


def test_accounts_are_listed_in_pages(gateway: Served) -> None:
    people = [gateway.sign_up() for _ in range(3)]

    pages = [gateway.admin("GET", f"/admin/users?page={page}&per_page=2") for page in (1, 2)]

    listed = [user["id"] for page in pages for user in page.json()["users"]]
    assert listed[:3] == [person.id for person in reversed(people)]
    assert gateway.admin("GET", "/admin/users?page=99999").json()["users"] == []


def test_passwords_are_stored_as_argon2id(gateway: Served) -> None:
    person = gateway.sign_up()

    ((stored,),) = gateway.sql("select encrypted_password from auth.users where id = %s", person.id)

    assert stored.startswith("$argon2id$")
    assert person.password not in stored


def test_other_roles_read_no_account(gateway: Served) -> None:
    tables = "users", "sessions", "refresh_tokens", "one_time_tokens"
    allowed = gateway.sql(
        "select r, t from unnest(%s) r, unnest(%s) t "
        "where has_table_privilege(r, 'auth.' || t, 'select, insert, update, delete')",
        ["anon", "authenticated", "service_role", "authenticator"],
        list(tables),
    )

    assert allowed == []


def test_hs256_project_signs_and_checks_with_its_secret_alone(
    state: LocalState, gateway: Served, tmp_path: Path
) -> None:
    with serve(state, DATABASE, tmp_path, algorithm="HS256") as project:
        person = project.sign_up()
        claims = jwt.decode(
            person.access_token,
            project.config.hs256_secret,
            algorithms=["HS256"],
            audience="authenticated",
            issuer=project.config.issuer,
        )
        mine = project.rpc("caller", token=person.access_token)
        foreign = project.rpc("caller", token=gateway.sign_up().access_token)
        jwks = project.request("GET", "/auth/v1/.well-known/jwks.json").json()

    assert claims["sub"] == mine.json()["uid"] == person.id
    assert outcome(foreign) == (401, "PGRST301")
    assert jwks == {"keys": []}


def test_published_key_checks_tokens(gateway: Served) -> None:
    person = gateway.sign_up()

    jwks = gateway.http.get("/auth/v1/.well-known/jwks.json").json()
    key = jwt.PyJWKSet.from_dict(jwks).keys[0]
    header = jwt.get_unverified_header(person.access_token)

    assert (header["alg"], header["kid"]) == ("ES256", key.key_id)
    assert "d" not in jwks["keys"][0]
    jwt.decode(person.access_token, key, algorithms=["ES256"], audience="authenticated")


def test_new_password_must_be_another_one(gateway: Served) -> None:
    person = gateway.sign_up()
    same = {"password": person.password}

    answer = gateway.request("PUT", "/auth/v1/user", token=person.access_token, json=same)

    assert outcome(answer) == (422, "same_password")


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PUT", "/user", {"email": "another@example.org"}),
        ("PUT", "/user", {"app_metadata": {"staff": True}}),
        ("POST", "/signup", {"email": "a@example.org", "password": PASSWORD, "phone": "+491"}),
        ("POST", "/admin/users", {"email": "a@example.org", "role": "service_role"}),
        ("PUT", "/admin/users/{id}", {"email": "another@example.org"}),
        ("DELETE", "/admin/users/{id}", {"should_soft_delete": True}),
    ],
)
def test_what_is_not_done_with_accounts_is_a_501(
    gateway: Served, user: Session, method: str, path: str, body: dict[str, Any]
) -> None:
    by_admin = path.startswith("/admin")
    key = gateway.config.secret_key if by_admin else gateway.config.publishable_key
    token = key if by_admin else user.access_token

    answer = gateway.request(
        method, f"/auth/v1{path.format(id=user.id)}", json=body, key=key, token=token
    )

    assert outcome(answer) == (501, "not_implemented")
    assert gateway.admin("GET", f"/admin/users/{user.id}").json()["email"] == user.email


def set_password(served: Served, token: str, **more: str) -> Any:
    body = {"password": "another password", **more}
    return served.request("PUT", "/auth/v1/user", token=token, json=body)


def test_current_password_has_to_be_right_where_it_is_sent(gateway: Served) -> None:
    person = gateway.sign_up()

    wrong = set_password(gateway, person.access_token, current_password="not this one")
    right = set_password(gateway, person.access_token, current_password=person.password)

    assert outcome(wrong) == (400, "current_password_invalid")
    assert right.status_code == 200


def test_project_may_ask_for_the_current_password(strict_gateway: Served) -> None:
    person = strict_gateway.sign_up()

    without = set_password(strict_gateway, person.access_token)
    empty = set_password(strict_gateway, person.access_token, current_password="")
    right = set_password(strict_gateway, person.access_token, current_password=person.password)

    assert outcome(without) == outcome(empty) == (400, "current_password_required")
    assert right.status_code == 200


def test_nobody_is_asked_for_it_who_came_by_a_mailed_link(strict_gateway: Served) -> None:
    person = strict_gateway.sign_up()
    strict_gateway.auth("/recover", {"email": person.email})
    (mail,) = strict_gateway.mails(person.email)

    token = verify(strict_gateway, mail).json()["access_token"]

    assert set_password(strict_gateway, token).status_code == 200


def test_project_may_ask_for_a_sign_in_of_the_last_day(strict_gateway: Served) -> None:
    person = strict_gateway.sign_up()
    proof = {"current_password": person.password}
    strict_gateway.sql(
        "update auth.sessions set created_at = now() - interval '25 hours' where user_id = %s",
        person.id,
    )
    fresh = strict_gateway.sign_in(person.email, person.password).json()["access_token"]

    refused = set_password(strict_gateway, person.access_token, **proof)

    assert outcome(refused) == (400, "reauthentication_needed")
    assert set_password(strict_gateway, fresh, **proof).status_code == 200
