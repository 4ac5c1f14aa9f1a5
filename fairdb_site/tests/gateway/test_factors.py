"""Second factors: enrolling, proving, what they open and close, removing."""

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import jwt
import pyotp
import pytest

from fairdb_site.tests.gateway.served import Served, Session
from fairdb_site.tests.gateway.test_accounts import outcome


def enrol(gateway: Served, token: str, name: str = "phone", **more: Any) -> Any:
    body = {"factor_type": "totp", "friendly_name": name, **more}
    return gateway.auth("/factors", body, token=token)


def code_of(secret: str, step: int = 0) -> str:
    """The code of now, or of so many time steps later."""
    return pyotp.TOTP(secret).at(int(time.time()), counter_offset=step)


def challenge(gateway: Served, token: str, factor: str) -> Any:
    return gateway.auth(f"/factors/{factor}/challenge", {}, token=token)


def prove(gateway: Served, token: str, factor: str, code: str) -> Any:
    body = {"challenge_id": challenge(gateway, token, factor).json()["id"], "code": code}
    return gateway.auth(f"/factors/{factor}/verify", body, token=token)


def remove(gateway: Served, token: str, factor: str) -> Any:
    return gateway.request("DELETE", f"/auth/v1/factors/{factor}", token=token)


def protected(gateway: Served) -> tuple[Session, dict[str, Any], dict[str, Any]]:
    """Somebody with a proven factor: who, the factor, the tokens of the session that proved it."""
    person = gateway.sign_up()
    factor = enrol(gateway, person.access_token).json()
    answer = prove(gateway, person.access_token, factor["id"], code_of(factor["totp"]["secret"]))
    assert answer.status_code == 200
    return person, factor, answer.json()


def claims(token: str) -> dict[str, Any]:
    return dict(jwt.decode(token, options={"verify_signature": False}))


def test_new_factor_shows_its_secret_once_and_does_not_count_yet(gateway: Served) -> None:
    person = gateway.sign_up()

    made = enrol(gateway, person.access_token, issuer="FAIRDatabase").json()
    shown = gateway.request("GET", "/auth/v1/user", token=person.access_token).json()

    totp = made["totp"]
    parsed = pyotp.parse_uri(totp["uri"])
    assert (parsed.issuer, parsed.name, parsed.secret) == (
        "FAIRDatabase",
        person.email,
        totp["secret"],
    )
    assert totp["qr_code"].startswith("<svg")
    assert "#" not in totp["qr_code"]
    (factor,) = shown["factors"]
    assert set(factor) == {
        "id",
        "friendly_name",
        "factor_type",
        "status",
        "created_at",
        "updated_at",
    }
    assert (factor["id"], factor["status"]) == (made["id"], "unverified")
    assert claims(gateway.sign_in(person.email, person.password).json()["access_token"])["aal"] == (
        "aal1"
    )


def test_right_code_raises_the_session_and_ends_the_others(gateway: Served) -> None:
    person = gateway.sign_up()
    other = gateway.sign_in(person.email, person.password).json()
    left = enrol(gateway, person.access_token, "left").json()
    factor = enrol(gateway, person.access_token).json()

    answer = prove(gateway, person.access_token, factor["id"], code_of(factor["totp"]["secret"]))

    body = answer.json()
    old, new = claims(person.access_token), claims(body["access_token"])
    assert new["session_id"] == old["session_id"]
    assert (old["aal"], new["aal"]) == ("aal1", "aal2")
    assert [entry["method"] for entry in new["amr"]] == ["totp", "password"]
    assert [(f["id"], f["status"]) for f in body["user"]["factors"]] == [(factor["id"], "verified")]
    assert left["id"] != factor["id"]
    assert outcome(gateway.refresh(other["refresh_token"])) == (400, "refresh_token_not_found")
    refreshed = gateway.refresh(body["refresh_token"]).json()
    assert claims(refreshed["access_token"])["aal"] == "aal2"


def test_refresh_token_from_before_the_factor_opens_nothing(gateway: Served) -> None:
    person, _, body = protected(gateway)

    assert outcome(gateway.refresh(person.refresh_token)) == (400, "refresh_token_not_found")
    assert gateway.refresh(body["refresh_token"]).status_code == 200


def test_code_of_another_time_does_not_fit(gateway: Served) -> None:
    person = gateway.sign_up()
    factor = enrol(gateway, person.access_token).json()
    secret = factor["totp"]["secret"]

    old = prove(gateway, person.access_token, factor["id"], code_of(secret, -3))
    future = prove(gateway, person.access_token, factor["id"], code_of(secret, 3))
    fits = prove(gateway, person.access_token, factor["id"], code_of(secret, 0))

    assert outcome(old) == outcome(future) == (422, "mfa_verification_failed")
    assert fits.status_code == 200


def test_code_opens_one_session_once(gateway: Served) -> None:
    person, factor, _ = protected(gateway)
    secret = factor["totp"]["secret"]
    token = gateway.sign_in(person.email, person.password).json()["access_token"]
    ((step,),) = gateway.sql(
        "select otp_code::int from auth.mfa_challenges where factor_id = %s", factor["id"]
    )
    codes = [pyotp.TOTP(secret).generate_otp(taken) for taken in (step, step - 1)]
    used = [prove(gateway, token, factor["id"], code) for code in codes]
    following = code_of(secret, 1)
    challenges = [challenge(gateway, token, factor["id"]).json()["id"] for _ in range(6)]

    def at_once(challenge_id: str) -> int:
        body = {"challenge_id": challenge_id, "code": following}
        path = f"/factors/{factor['id']}/verify"
        return gateway.auth(path, body, token=token).status_code

    with ThreadPoolExecutor(6) as threads:
        outcomes = sorted(threads.map(at_once, challenges))

    assert {outcome(answer) for answer in used} == {(422, "mfa_verification_failed")}
    assert outcomes == [200, 422, 422, 422, 422, 422]


@pytest.mark.parametrize("code", ["000000x", "é" * 6, "", " "])
def test_what_is_no_code_is_refused(gateway: Served, code: str) -> None:
    person = gateway.sign_up()
    factor = enrol(gateway, person.access_token).json()

    answer = prove(gateway, person.access_token, factor["id"], code)

    assert answer.status_code == (422 if code else 400)


def test_challenge_is_good_for_five_minutes_and_for_its_own_factor(gateway: Served) -> None:
    person = gateway.sign_up()
    token = person.access_token
    first, second = (enrol(gateway, token, name).json() for name in ("a", "b"))
    asked = challenge(gateway, token, first["id"]).json()
    body = {"challenge_id": asked["id"], "code": code_of(first["totp"]["secret"])}

    foreign = gateway.auth(f"/factors/{second['id']}/verify", body, token=token)
    gateway.sql(
        "update auth.mfa_challenges set created_at = created_at - interval '301 seconds' "
        "where id = %s",
        asked["id"],
    )
    late = gateway.auth(f"/factors/{first['id']}/verify", body, token=token)

    assert asked["type"] == "totp"
    assert asked["expires_at"] > time.time()
    assert outcome(foreign) == (422, "mfa_factor_not_found")
    assert outcome(late) == (422, "mfa_challenge_expired")


def test_used_challenge_is_of_no_further_use(gateway: Served) -> None:
    person, factor, body = protected(gateway)
    ((used,),) = gateway.sql(
        "select id::text from auth.mfa_challenges where factor_id = %s", factor["id"]
    )
    fields = {"challenge_id": used, "code": code_of(factor["totp"]["secret"], 1)}

    again = gateway.auth(f"/factors/{factor['id']}/verify", fields, token=body["access_token"])

    assert outcome(again) == (422, "mfa_ip_address_mismatch")
    assert person.id == body["user"]["id"]


def test_session_without_the_factor_changes_no_factor_and_no_password(gateway: Served) -> None:
    person, factor, raised = protected(gateway)
    token = gateway.sign_in(person.email, person.password).json()["access_token"]
    new = {"password": "another password"}

    further = enrol(gateway, token, "second")
    removed = remove(gateway, token, factor["id"])
    changed = gateway.request("PUT", "/auth/v1/user", token=token, json=new)
    allowed = gateway.request("PUT", "/auth/v1/user", token=raised["access_token"], json=new)

    assert outcome(further) == (403, "insufficient_aal")
    assert outcome(removed) == (422, "insufficient_aal")
    assert outcome(changed) == (401, "insufficient_aal")
    assert allowed.status_code == 200


def test_removed_factor_lowers_the_session_at_its_next_refresh(gateway: Served) -> None:
    person, factor, body = protected(gateway)

    removed = remove(gateway, body["access_token"], factor["id"])
    refreshed = gateway.refresh(body["refresh_token"]).json()

    assert removed.json() == {"id": factor["id"]}
    lowered = claims(refreshed["access_token"])
    assert (lowered["aal"], [entry["method"] for entry in lowered["amr"]]) == ("aal1", ["password"])
    assert refreshed["user"]["factors"] == []
    assert enrol(gateway, refreshed["access_token"]).status_code == 200
    assert person.id == refreshed["user"]["id"]


def test_unproven_factor_is_removed_without_one(gateway: Served) -> None:
    person = gateway.sign_up()
    factor = enrol(gateway, person.access_token).json()

    assert remove(gateway, person.access_token, factor["id"]).status_code == 200
    assert outcome(remove(gateway, person.access_token, factor["id"])) == (
        404,
        "mfa_factor_not_found",
    )


def test_factor_of_somebody_else_is_not_there(gateway: Served) -> None:
    _, factor, _ = protected(gateway)
    stranger = gateway.sign_up()
    body = {"challenge_id": str(uuid4()), "code": "000000"}

    answers = [
        challenge(gateway, stranger.access_token, factor["id"]),
        gateway.auth(f"/factors/{factor['id']}/verify", body, token=stranger.access_token),
        remove(gateway, stranger.access_token, factor["id"]),
    ]

    assert {outcome(answer) for answer in answers} == {(404, "mfa_factor_not_found")}


def test_names_are_taken_once_and_ten_factors_are_the_most(gateway: Served) -> None:
    person = gateway.sign_up()
    made = [enrol(gateway, person.access_token, f"app {n}") for n in range(10)]

    twice = enrol(gateway, person.access_token, "app 3")
    eleventh = enrol(gateway, person.access_token, "app 10")
    gateway.sql(
        "update auth.mfa_factors set created_at = created_at - interval '301 seconds' "
        "where user_id = %s",
        person.id,
    )
    after_they_were_left = enrol(gateway, person.access_token, "app 3")

    assert {answer.status_code for answer in made} == {200}
    assert outcome(twice) == (422, "mfa_factor_name_conflict")
    assert outcome(eleventh) == (422, "too_many_enrolled_mfa_factors")
    assert after_they_were_left.status_code == 200


@pytest.mark.parametrize(
    "more",
    [{"factor_type": "phone"}, {"factor_type": "webauthn"}, {"issuer": "x" * 201}],
)
def test_factors_of_other_kinds_and_sizes_are_refused(
    gateway: Served, user: Session, more: dict[str, str]
) -> None:
    assert outcome(enrol(gateway, user.access_token, **more)) == (400, "validation_failed")


def test_service_role_lists_and_removes_factors(gateway: Served) -> None:
    person, factor, body = protected(gateway)
    path = f"/admin/users/{person.id}/factors"

    (listed,) = gateway.admin("GET", path).json()
    removed = gateway.admin("DELETE", f"{path}/{factor['id']}")
    again = gateway.admin("DELETE", f"{path}/{factor['id']}")

    assert (listed["id"], listed["status"]) == (factor["id"], "verified")
    assert removed.json()["id"] == factor["id"]
    assert outcome(again) == (404, "mfa_factor_not_found")
    refreshed = gateway.refresh(body["refresh_token"]).json()
    assert claims(refreshed["access_token"])["aal"] == "aal1"


@pytest.mark.parametrize("table", ["mfa_factors", "mfa_challenges", "mfa_amr_claims"])
def test_tables_of_factors_are_closed_to_the_api_roles(gateway: Served, table: str) -> None:
    ((secured, *granted),) = gateway.sql(
        "select relrowsecurity, has_table_privilege('anon', oid, 'select'),"
        " has_table_privilege('authenticated', oid, 'select'),"
        " has_table_privilege('service_role', oid, 'select')"
        " from pg_class where oid = %s::regclass",
        f"auth.{table}",
    )
    assert (secured, granted) == (True, [False, False, False])
