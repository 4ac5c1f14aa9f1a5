"""Refresh tokens rotate, stolen ones end the session, sign-out ends what it says."""

from concurrent.futures import ThreadPoolExecutor

import httpx
import jwt
import pytest

from fairdb_site.tests.gateway.served import Served, Session


def error_code(response: httpx.Response) -> str:
    return str(response.json()["code"])


def age(gateway: Served, token: str, seconds: int = 60) -> None:
    """Make the last use of a refresh token older."""
    gateway.sql(
        "update auth.refresh_tokens set updated_at = updated_at - make_interval(secs => %s) "
        "where token = %s",
        seconds,
        token,
    )


def shows_user(gateway: Served, person: Session) -> int:
    return gateway.request("GET", "/auth/v1/user", token=person.access_token).status_code


def test_each_refresh_gives_the_next_token_of_the_same_session(gateway: Served) -> None:
    person = gateway.sign_up()

    first = gateway.refresh(person.refresh_token).json()
    second = gateway.refresh(first["refresh_token"]).json()

    tokens = {person.refresh_token, first["refresh_token"], second["refresh_token"]}
    sessions = {
        jwt.decode(token, options={"verify_signature": False})["session_id"]
        for token in (person.access_token, first["access_token"], second["access_token"])
    }
    assert (len(tokens), len(sessions)) == (3, 1)
    assert second["user"]["id"] == person.id


def test_parallel_refreshes_with_one_token_all_get_the_same_next_one(gateway: Served) -> None:
    person = gateway.sign_up()

    with ThreadPoolExecutor(20) as threads:
        answers = list(threads.map(gateway.refresh, [person.refresh_token] * 20))

    assert {answer.status_code for answer in answers} == {200}
    (current,) = {answer.json()["refresh_token"] for answer in answers}
    assert gateway.refresh(current).status_code == 200
    assert gateway.sql(
        "select count(*) from auth.refresh_tokens where user_id = %s", person.id
    ) == [(3,)]


def test_old_token_within_ten_seconds_gives_the_current_one(gateway: Served) -> None:
    person = gateway.sign_up()
    second = gateway.refresh(person.refresh_token).json()["refresh_token"]
    third = gateway.refresh(second).json()["refresh_token"]

    again = gateway.refresh(person.refresh_token)

    assert again.status_code == 200
    assert again.json()["refresh_token"] == third


def test_parent_of_the_current_token_is_forgiven_at_any_time(gateway: Served) -> None:
    person = gateway.sign_up()
    second = gateway.refresh(person.refresh_token).json()["refresh_token"]
    age(gateway, person.refresh_token, 86_400)

    again = gateway.refresh(person.refresh_token)

    assert again.status_code == 200
    assert again.json()["refresh_token"] == second


def test_old_token_after_ten_seconds_kills_the_session(gateway: Served) -> None:
    person = gateway.sign_up()
    other = gateway.sign_in(person.email, person.password).json()
    second = gateway.refresh(person.refresh_token).json()["refresh_token"]
    third = gateway.refresh(second).json()["refresh_token"]
    age(gateway, person.refresh_token)

    stolen = gateway.refresh(person.refresh_token)

    assert (stolen.status_code, error_code(stolen)) == (400, "refresh_token_already_used")
    for token in (person.refresh_token, second, third):
        answer = gateway.refresh(token)
        assert (answer.status_code, error_code(answer)) == (400, "refresh_token_not_found")
    assert shows_user(gateway, person) == 403
    assert gateway.refresh(other["refresh_token"]).status_code == 200


@pytest.mark.parametrize(
    ("scope", "first", "second"), [("global", 403, 403), ("local", 403, 200), ("others", 200, 403)]
)
def test_sign_out_ends_the_sessions_of_its_scope(
    gateway: Served, scope: str, first: int, second: int
) -> None:
    person = gateway.sign_up()
    other = gateway.sign_in(person.email, person.password).json()

    answer = gateway.request("POST", f"/auth/v1/logout?scope={scope}", token=person.access_token)

    assert answer.status_code == 204
    assert shows_user(gateway, person) == first
    response = gateway.request("GET", "/auth/v1/user", token=other["access_token"])
    assert response.status_code == second
    refreshed = [gateway.refresh(token) for token in (person.refresh_token, other["refresh_token"])]
    assert [answer.status_code for answer in refreshed] == [
        200 if status == 200 else 400 for status in (first, second)
    ]


def test_unknown_scope_of_sign_out_is_refused(gateway: Served, user: Session) -> None:
    answer = gateway.request("POST", "/auth/v1/logout?scope=all", token=user.access_token)

    assert (answer.status_code, error_code(answer)) == (400, "validation_failed")


def test_ban_ends_refresh_and_sign_in_until_it_is_lifted(gateway: Served) -> None:
    person = gateway.sign_up()

    gateway.admin("PUT", f"/admin/users/{person.id}", {"ban_duration": "1h30m"})
    banned = [
        gateway.sign_in(person.email, person.password),
        gateway.refresh(person.refresh_token),
        gateway.request("GET", "/auth/v1/user", token=person.access_token),
    ]
    guess = gateway.sign_in(person.email, "a guess")
    gateway.admin("PUT", f"/admin/users/{person.id}", {"ban_duration": "none"})

    assert [(answer.status_code, error_code(answer)) for answer in banned] == [
        (400, "user_banned"),
        (400, "user_banned"),
        (403, "user_banned"),
    ]
    assert error_code(guess) == "invalid_credentials"
    assert gateway.sign_in(person.email, person.password).status_code == 200


def test_new_password_ends_all_sessions_but_the_one_that_set_it(gateway: Served) -> None:
    person = gateway.sign_up()
    other = gateway.sign_in(person.email, person.password).json()

    changed = gateway.request(
        "PUT", "/auth/v1/user", token=person.access_token, json={"password": "another one"}
    )

    assert changed.status_code == 200
    assert shows_user(gateway, person) == 200
    assert gateway.refresh(other["refresh_token"]).status_code == 400
    assert gateway.sign_in(person.email, person.password).status_code == 400
    assert gateway.sign_in(person.email, "another one").status_code == 200


def test_password_set_by_the_service_role_ends_all_sessions(gateway: Served) -> None:
    person = gateway.sign_up()

    gateway.admin("PUT", f"/admin/users/{person.id}", {"password": "another one"})

    assert shows_user(gateway, person) == 403
    assert gateway.sign_in(person.email, "another one").status_code == 200


def test_deleted_account_has_no_sessions(gateway: Served) -> None:
    person = gateway.sign_up()

    gateway.admin("DELETE", f"/admin/users/{person.id}")

    assert shows_user(gateway, person) == 403
    assert error_code(gateway.refresh(person.refresh_token)) == "refresh_token_not_found"
