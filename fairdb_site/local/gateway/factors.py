"""Second factors: codes of an authenticator app (TOTP, RFC 6238) that raise a session to aal2."""

import hmac
import io
import time
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import pyotp
import segno
from starlette.responses import JSONResponse, Response

from fairdb_site.local.gateway.calls import Call, auth_error, invalid
from fairdb_site.local.gateway.database import Cursor
from fairdb_site.local.gateway.sessions import is_aal2, lower_sessions, raise_session, signed_in
from fairdb_site.local.gateway.users import User, get_user

_MOST_FACTORS = 10  # hosted default
_CHALLENGE_SECONDS = 300  # hosted default; a factor that nobody challenged is forgotten as soon
_STEP_SECONDS = 30
_STEPS_ASIDE = 1  # by which clocks may differ
_LONGEST = 200  # characters of a name or an issuer: more makes no QR code that can be read


def enroll(call: Call, cursor: Cursor) -> Response:
    """Make a factor of the caller's and show its secret, this once; it counts once it is proven."""
    fields = call.fields(factor_type=str, friendly_name=str, issuer=str)
    if fields["factor_type"] != "totp":
        raise invalid("factor_type needs to be totp")
    name = fields["friendly_name"] or ""
    issuer = fields["issuer"] or urlsplit(call.config.site_url).netloc
    if max(len(name), len(issuer)) > _LONGEST:
        raise invalid(f"Names longer than {_LONGEST} characters are not taken")
    user, session_id = _locked(call, cursor)
    _require_room(cursor, user, session_id, name)
    secret = pyotp.random_base32()
    cursor.execute(
        """
        insert into auth.mfa_factors
          (id, user_id, friendly_name, factor_type, status, created_at, updated_at, secret)
        values (gen_random_uuid(), %s, %s, 'totp', 'unverified', now(), now(), %s)
        returning id::text
        """,
        (user.id, name, secret),
    )
    factor_id = cursor.fetchone()["id"]
    uri = pyotp.TOTP(secret).provisioning_uri(name=user.email, issuer_name=issuer)
    totp = {"qr_code": _qr_code(uri), "secret": secret, "uri": uri}
    return JSONResponse({"id": factor_id, "type": "totp", "friendly_name": name, "totp": totp})


def challenge(call: Call, cursor: Cursor) -> Response:
    """Begin to prove a factor; the answer tells until when."""
    call.fields(channel=str)  # for phones
    user, _ = _locked(call, cursor)
    factor_id = owned_factor(call, user)["id"]
    cursor.execute(
        """
        delete from auth.mfa_challenges
        where factor_id = %s and created_at < now() - make_interval(secs => %s)
        """,
        (factor_id, _CHALLENGE_SECONDS),
    )
    cursor.execute(
        "update auth.mfa_factors set last_challenged_at = now() where id = %s", (factor_id,)
    )
    cursor.execute(
        """
        insert into auth.mfa_challenges (id, factor_id, created_at, ip_address)
        values (gen_random_uuid(), %s, now(), %s)
        returning id::text, extract(epoch from created_at)::bigint + %s as expires_at
        """,
        (factor_id, _address(call), _CHALLENGE_SECONDS),
    )
    return JSONResponse({**cursor.fetchone(), "type": "totp"})


def verify(call: Call, cursor: Cursor) -> Response:
    """Prove a factor with a code; answer with the session's tokens of aal2."""
    fields = call.fields(factor_id=str, challenge_id=str, code=str)
    if not fields["code"]:
        raise invalid("Code needs to be non-empty")
    user, session_id = _locked(call, cursor)
    factor_id = owned_factor(call, user)["id"]
    _require_challenge(call, cursor, factor_id, fields["challenge_id"])
    step = _step_of(_secret(cursor, factor_id), fields["code"])
    # GoTrue takes a code again for as long as it fits. RFC 6238 (5.2) has it taken once, so here
    # nobody gets in by one that was looked at; the challenges keep which steps were used.
    if step is None or step <= _last_step(cursor, factor_id):
        raise auth_error(422, "mfa_verification_failed", "Invalid TOTP code entered")
    cursor.execute(
        "update auth.mfa_challenges set verified_at = now(), otp_code = %s where id = %s",
        (str(step), fields["challenge_id"]),
    )
    cursor.execute(
        """
        update auth.mfa_factors set status = 'verified', updated_at = now()
        where id = %s and status = 'unverified'
        """,
        (factor_id,),
    )
    cursor.execute(
        "delete from auth.mfa_factors where user_id = %s and status = 'unverified'", (user.id,)
    )
    return raise_session(call, cursor, session_id, factor_id)


def unenroll(call: Call, cursor: Cursor) -> Response:
    """Remove a factor of the caller's; one that counts only with a second factor."""
    user, session_id = _locked(call, cursor)
    factor = owned_factor(call, user)
    if factor["status"] == "verified" and not is_aal2(cursor, session_id):
        message = "AAL2 required to unenroll verified factor"
        raise auth_error(422, "insufficient_aal", message)
    remove_factor(cursor, factor["id"])
    return JSONResponse({"id": factor["id"]})


def owned_factor(call: Call, user: User) -> dict[str, Any]:
    """Return the factor that the address names, as clients see it; 404 where it is not `user`'s."""
    try:
        wanted = str(UUID(call.request.path_params["factor_id"]))
    except ValueError:
        raise auth_error(404, "validation_failed", "factor_id must be an UUID") from None
    for factor in user.factors:
        if factor["id"] == wanted:
            return factor
    raise auth_error(404, "mfa_factor_not_found", "Factor not found")


def remove_factor(cursor: Cursor, factor_id: str) -> None:
    """Delete a factor; the sessions it made aal2 are aal1 from their next token on."""
    cursor.execute("delete from auth.mfa_factors where id = %s", (factor_id,))
    lower_sessions(cursor, factor_id)


def _locked(call: Call, cursor: Cursor) -> tuple[User, str]:
    """Return the caller's account and session id.

    One request at a time is at an account's factors: none is miscounted, no code is taken twice.
    """
    user, session_id = signed_in(call, cursor)
    cursor.execute("select from auth.users where id = %s for no key update", (user.id,))
    return get_user(cursor, user.id), session_id


def _require_room(cursor: Cursor, user: User, session_id: str, name: str) -> None:
    """Refuse a further factor where it may not be, after those that were begun and left."""
    cursor.execute(
        """
        delete from auth.mfa_factors f
        where user_id = %s and status = 'unverified'
          and created_at < now() - make_interval(secs => %s)
          and not exists (select from auth.mfa_challenges c where c.factor_id = f.id)
        """,
        (user.id, _CHALLENGE_SECONDS),
    )
    factors = get_user(cursor, user.id).factors
    if any(factor["friendly_name"] == name for factor in factors):
        message = "A factor with this friendly name for this user already exists"
        raise auth_error(422, "mfa_factor_name_conflict", message)
    if len(factors) >= _MOST_FACTORS:
        message = "Maximum number of verified factors reached, unenroll to continue"
        raise auth_error(422, "too_many_enrolled_mfa_factors", message)
    if user.has_second_factor and not is_aal2(cursor, session_id):
        raise auth_error(403, "insufficient_aal", "AAL2 required to enroll a new factor")


def _require_challenge(call: Call, cursor: Cursor, factor_id: str, challenge_id: str) -> None:
    """Refuse a challenge that is unknown, used, somebody else's or too old."""
    cursor.execute(
        """
        select verified_at is null and ip_address = %s::inet as usable,
          created_at < now() - make_interval(secs => %s) as expired
        from auth.mfa_challenges where id = %s and factor_id = %s
        """,
        (_address(call), _CHALLENGE_SECONDS, challenge_id, factor_id),
    )
    row = cursor.fetchone()
    if row is None:
        message = "MFA factor with the provided challenge ID not found"
        raise auth_error(422, "mfa_factor_not_found", message)
    if not row["usable"]:
        message = "Challenge and verify IP addresses mismatch."  # of one used too, as GoTrue
        raise auth_error(422, "mfa_ip_address_mismatch", message)
    if row["expired"]:
        message = "MFA challenge has expired, verify against another challenge or create a new one."
        raise auth_error(422, "mfa_challenge_expired", message)


def _secret(cursor: Cursor, factor_id: str) -> str:
    cursor.execute("select secret from auth.mfa_factors where id = %s", (factor_id,))
    return str(cursor.fetchone()["secret"])


def _step_of(secret: str, code: str) -> int | None:
    """Return the time step that `code` is of; None where it is not of now or a step next to it."""
    totp, now = pyotp.TOTP(secret), int(time.time()) // _STEP_SECONDS
    steps = range(now - _STEPS_ASIDE, now + _STEPS_ASIDE + 1)
    fitting = [
        step
        for step in steps
        if hmac.compare_digest(totp.generate_otp(step).encode(), code.encode())
    ]
    return max(fitting, default=None)


def _last_step(cursor: Cursor, factor_id: str) -> int:
    """Return the latest time step whose code was taken; those long past are forgotten."""
    cursor.execute(
        """
        select coalesce(max(otp_code::bigint), 0) as step from auth.mfa_challenges
        where factor_id = %s and verified_at is not null
        """,
        (factor_id,),
    )
    return int(cursor.fetchone()["step"])


def _qr_code(uri: str) -> str:
    """Return an SVG without any #, which would end the `data:` URL that clients make of it."""
    try:
        drawing = segno.make(uri, error="m", micro=False)
    except segno.DataOverflowError:  # quoted, a name may be several times as long
        raise invalid("The issuer is too long for a QR code") from None
    svg = io.BytesIO()
    drawing.save(svg, kind="svg", scale=3, dark="black", light="white", xmldecl=False, nl=False)
    return svg.getvalue().decode().replace("#000", "black").replace("#fff", "white")


def _address(call: Call) -> str:
    return call.request.client.host if call.request.client else "127.0.0.1"
