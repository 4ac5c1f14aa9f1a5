"""Second factors by TOTP (RFC 6238): enroll, challenge, verify, unenroll, as GoTrue's API has it.

One thing is stricter: a code that was taken once is refused from then on (RFC 6238, 5.2), where
GoTrue takes it again for another challenge as long as it is valid.
"""

import io
import re
import time
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import pyotp
import segno
from starlette.responses import JSONResponse, Response

from fairdb_site.local.gateway.calls import Call, Refusal, auth_error, invalid
from fairdb_site.local.gateway.database import Cursor
from fairdb_site.local.gateway.sessions import is_aal2, lower_sessions, raise_session, signed_in
from fairdb_site.local.gateway.users import User, get_user

# GoTrue's defaults
_MOST_FACTORS = 10
_CHALLENGE_SECONDS = 300
_UNUSED_FACTOR_LIFE = "300 seconds"
_STEPS_ASIDE = 1  # of 30 s each, by which clocks may differ

_CODE = re.compile("[0-9]{6}")
_CODE_LIFE = "2 minutes"  # longer than the three steps for which a code is right
_CHALLENGE = """
select verified_at is not null as used, host(ip_address) as address,
  extract(epoch from clock_timestamp() - created_at) as age
from auth.mfa_challenges where id = %s and factor_id = %s
"""


def enroll(call: Call, cursor: Cursor) -> Response:
    """Make a factor, which counts once a code of it was verified; show its secret this once."""
    user, session_id = signed_in(call, cursor)
    fields = call.fields(factor_type=str, friendly_name=str, issuer=str)
    if fields["factor_type"] in ("phone", "webauthn"):
        raise auth_error(501, "not_implemented", "Second factors are TOTP here")
    if fields["factor_type"] != "totp":
        raise invalid("factor_type needs to be totp, phone, or webauthn")
    name = fields["friendly_name"] or ""
    _require_room(cursor, user, session_id, name)
    secret = pyotp.random_base32()
    issuer = fields["issuer"] or urlsplit(call.config.site_url).netloc
    uri = pyotp.TOTP(secret).provisioning_uri(user.email, issuer)
    drawn = _qr_code(uri)
    cursor.execute(
        """
        insert into auth.mfa_factors
          (id, user_id, friendly_name, factor_type, status, created_at, updated_at, secret)
        values (gen_random_uuid(), %s, %s, 'totp', 'unverified', now(), now(), %s)
        returning id::text
        """,
        (user.id, name, secret),
    )
    totp = {"qr_code": drawn, "secret": secret, "uri": uri}
    made = {"id": cursor.fetchone()["id"], "type": "totp", "friendly_name": name, "totp": totp}
    return JSONResponse(made)


def challenge(call: Call, cursor: Cursor) -> Response:
    """Begin a verification, which has to end within five minutes and come from the same address."""
    user, _ = signed_in(call, cursor)
    call.fields(channel=str)
    factor = owned_factor(call, user)
    cursor.execute(
        "update auth.mfa_factors set last_challenged_at = now() where id = %s", (factor["id"],)
    )
    cursor.execute(
        """
        insert into auth.mfa_challenges (id, factor_id, created_at, ip_address)
        values (gen_random_uuid(), %s, now(), %s)
        returning id::text, extract(epoch from created_at)::bigint as made_at
        """,
        (factor["id"], _address(call)),
    )
    made = cursor.fetchone()
    expires_at = made["made_at"] + _CHALLENGE_SECONDS
    return JSONResponse({"id": made["id"], "type": "totp", "expires_at": expires_at})


def verify(call: Call, cursor: Cursor) -> Response:
    """Answer a challenge with a code: the session becomes aal2, and the factor verified.

    As GoTrue has it, the user's sessions below aal2 end, and their unverified factors go.
    """
    user, session_id = signed_in(call, cursor)
    factor = owned_factor(call, user)
    fields = call.fields(challenge_id=str, code=str, factor_id=str)
    if not fields["code"]:
        raise invalid("Code needs to be non-empty")
    # one verification of a factor at a time, or two would take the same code
    cursor.execute("select secret from auth.mfa_factors where id = %s for update", (factor["id"],))
    kept = cursor.fetchone()
    if kept is None:  # removed meanwhile
        raise _no_factor()
    challenge_id = _uuid(fields["challenge_id"])
    if challenge_id is None:
        raise auth_error(400, "bad_json", "challenge_id must be an UUID")
    if expired := _check_challenge(call, cursor, challenge_id, factor["id"]):
        return expired
    if not _is_right(cursor, factor["id"], kept["secret"], fields["code"]):
        raise auth_error(422, "mfa_verification_failed", "Invalid TOTP code entered")
    cursor.execute(
        "update auth.mfa_challenges set verified_at = now(), otp_code = %s where id = %s",
        (fields["code"], challenge_id),
    )
    cursor.execute(
        """
        update auth.mfa_factors set status = 'verified', updated_at = now()
        where id = %s and status <> 'verified'
        """,
        (factor["id"],),
    )
    cursor.execute(
        "delete from auth.mfa_factors where user_id = %s and status <> 'verified'", (user.id,)
    )
    return raise_session(call, cursor, session_id, factor["id"])


def unenroll(call: Call, cursor: Cursor) -> Response:
    """Remove a factor of the caller's: a verified one only in a session that is aal2."""
    user, session_id = signed_in(call, cursor)
    factor = owned_factor(call, user)
    if factor["status"] == "verified" and not is_aal2(cursor, session_id):
        message = "AAL2 required to unenroll verified factor"
        raise auth_error(422, "insufficient_aal", message)
    remove_factor(cursor, factor["id"])
    return JSONResponse({"id": factor["id"]})


def owned_factor(call: Call, user: User) -> dict[str, Any]:
    """Return the factor that the address names, as clients see it; 404 where it is not `user`'s."""
    wanted = _uuid(call.request.path_params["factor_id"])
    if wanted is None:
        raise auth_error(404, "validation_failed", "factor_id must be an UUID")
    for factor in user.factors:
        if factor["id"] == wanted:
            return factor
    raise _no_factor()


def remove_factor(cursor: Cursor, factor_id: str) -> None:
    """Delete a factor; the sessions it made aal2 are aal1 from their next token on."""
    cursor.execute("delete from auth.mfa_factors where id = %s", (factor_id,))
    lower_sessions(cursor, factor_id)


def _require_room(cursor: Cursor, user: User, session_id: str, name: str) -> None:
    """Refuse one factor more than there may be, a name taken, or a session without a factor."""
    cursor.execute("select from auth.users where id = %s for no key update", (user.id,))
    cursor.execute(
        """
        delete from auth.mfa_factors f
        where status <> 'verified' and created_at < now() - %s::interval
          and not exists (select from auth.mfa_challenges where factor_id = f.id)
        """,
        (_UNUSED_FACTOR_LIFE,),
    )
    user = get_user(cursor, user.id)
    if any(factor["friendly_name"] == name for factor in user.factors):
        message = "A factor with this friendly name for this user already exists"
        raise auth_error(422, "mfa_factor_name_conflict", message)
    if len(user.factors) >= _MOST_FACTORS:
        message = "Maximum number of verified factors reached, unenroll to continue"
        raise auth_error(422, "too_many_enrolled_mfa_factors", message)
    if user.has_second_factor and not is_aal2(cursor, session_id):
        raise auth_error(403, "insufficient_aal", "AAL2 required to enroll a new factor")


def _check_challenge(
    call: Call, cursor: Cursor, challenge_id: str, factor_id: str
) -> Response | None:
    """Refuse a challenge that is not there or was used; return the answer to one too old."""
    cursor.execute(_CHALLENGE, (challenge_id, factor_id))
    found = cursor.fetchone()
    if found is None:
        message = "MFA factor with the provided challenge ID not found"
        raise auth_error(422, "mfa_factor_not_found", message)
    if found["used"] or found["address"] != _address(call):
        message = "Challenge and verify IP addresses mismatch."  # of one used too, as GoTrue
        raise auth_error(422, "mfa_ip_address_mismatch", message)
    if found["age"] <= _CHALLENGE_SECONDS:
        return None
    cursor.execute("delete from auth.mfa_challenges where id = %s", (challenge_id,))
    message = "MFA challenge has expired, verify against another challenge or create a new one."
    # answered and not raised, so that it stays deleted
    return auth_error(422, "mfa_challenge_expired", message).response


def _is_right(cursor: Cursor, factor_id: str, secret: str, code: str) -> bool:
    if not _CODE.fullmatch(code):  # pyotp reads other alphabets' digits too
        return False
    now = datetime.fromtimestamp(time.time())  # noqa: DTZ006 - pyotp counts from the epoch again
    if not pyotp.TOTP(secret).verify(code, for_time=now, valid_window=_STEPS_ASIDE):
        return False
    cursor.execute(
        """
        select from auth.mfa_challenges
        where factor_id = %s and otp_code = %s and verified_at > now() - %s::interval
        """,
        (factor_id, code, _CODE_LIFE),
    )
    return cursor.fetchone() is None


def _qr_code(uri: str) -> str:
    """Return the SVG text; clients put it into a `data:` URL as it is, where no # may stand."""
    try:
        drawing = segno.make(uri, error="h", micro=False)
    except segno.DataOverflowError:
        raise invalid("The issuer is too long for a QR code") from None
    text = io.BytesIO()
    drawing.save(text, kind="svg", xmldecl=False, nl=False, scale=4, dark="black", light="white")
    return text.getvalue().decode()


def _uuid(text: str | None) -> str | None:
    try:
        return str(UUID(text or ""))
    except ValueError:
        return None


def _address(call: Call) -> str:
    return call.request.client.host if call.request.client else "127.0.0.1"


def _no_factor() -> Refusal:
    return auth_error(404, "mfa_factor_not_found", "Factor not found")
