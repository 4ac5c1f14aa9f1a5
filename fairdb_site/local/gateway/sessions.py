"""Sessions: access tokens, refresh tokens that rotate, sign-out."""

import secrets
import time
from typing import Any

from starlette.responses import JSONResponse, Response

from fairdb_site.local.gateway.calls import Call, Refusal, auth_error, invalid
from fairdb_site.local.gateway.database import Cursor
from fairdb_site.local.gateway.keys import TokenError, bearer
from fairdb_site.local.gateway.users import User, find_users, get_user

_TOKEN_SECONDS = 3600  # life of an access token, hosted default
_REUSE_INTERVAL = "10 seconds"  # hosted default


def open_session(call: Call, cursor: Cursor, user: User, *, method: str = "password") -> Response:
    """Answer with a new session of `user`, who proved it by `method`; 400 for one who is banned."""
    cursor.execute("update auth.users set last_sign_in_at = now() where id = %s", (user.id,))
    cursor.execute(
        """
        insert into auth.sessions (id, user_id, created_at, updated_at, aal, user_agent)
        values (gen_random_uuid(), %s, now(), now(), 'aal1', %s)
        returning id::text, user_id::text, aal::text
        """,
        (user.id, call.request.headers.get("user-agent", "")[:255]),
    )
    session = cursor.fetchone()
    _note_method(cursor, session, method)
    return _answer(call, cursor, session, _next_token(cursor, session))


def raise_session(call: Call, cursor: Cursor, session_id: str, factor_id: str) -> Response:
    """Answer with new tokens of a session in which a second factor was proven: aal2 from now on.

    The user's sessions without one end. So does the use of this one's refresh tokens so far, which
    GoTrue would forgive: they are from before the factor, and would open a session with it.
    """
    cursor.execute(
        """
        update auth.sessions set aal = 'aal2', factor_id = %s, updated_at = now() where id = %s
        returning id::text, user_id::text, aal::text
        """,
        (factor_id, session_id),
    )
    session = cursor.fetchone()
    if session is None:  # signed out meanwhile
        raise _no_session()
    _note_method(cursor, session, "totp")
    cursor.execute(
        "delete from auth.sessions where user_id = %s and aal < 'aal2'", (session["user_id"],)
    )
    cursor.execute("delete from auth.refresh_tokens where session_id = %s", (session_id,))
    return _answer(call, cursor, session, _next_token(cursor, session))


def lower_sessions(cursor: Cursor, factor_id: str) -> None:
    """Take from sessions what this factor gave them: their next access tokens are of aal1."""
    cursor.execute(
        """
        with lowered as (
          update auth.sessions set aal = 'aal1', factor_id = null, updated_at = now()
          where factor_id = %s returning id)
        delete from auth.mfa_amr_claims
        where session_id in (select id from lowered) and authentication_method = 'totp'
        """,
        (factor_id,),
    )


def is_aal2(cursor: Cursor, session_id: str) -> bool:
    """Whether a second factor was proven in the session and counts still."""
    cursor.execute("select from auth.sessions where id = %s and aal >= 'aal2'", (session_id,))
    return bool(cursor.rowcount)


def origin_of(cursor: Cursor, session_id: str) -> tuple[bool, bool]:
    """Whether the session was opened more than a day ago, and whether by a mailed link."""
    cursor.execute(
        """
        select s.created_at < now() - interval '24 hours' as is_old, exists (
          select from auth.mfa_amr_claims c
          where c.session_id = s.id and c.authentication_method = 'otp') as is_by_mail
        from auth.sessions s where s.id = %s
        """,
        (session_id,),
    )
    session = cursor.fetchone()
    return session["is_old"], session["is_by_mail"]


def refresh(call: Call, cursor: Cursor) -> Response:
    """Swap a refresh token for the next one (grant_type=refresh_token).

    One used before, as GoTrue has it: the parent of the current token is forgiven at any time (its
    client never got our answer), any other for ten seconds (requests side by side); else it was
    stolen, and the session ends. Where GoTrue would make a further token for one forgiven, the
    current one is given again, so that all of them end up with the same.
    """
    given = call.fields(refresh_token=str)["refresh_token"]
    # one request at a time is at work on a session
    cursor.execute(
        """
        select id::text, user_id::text, aal::text from auth.sessions
        where id = (select session_id from auth.refresh_tokens where token = %s) for update
        """,
        (given,),
    )
    session = cursor.fetchone()
    # asked only now: who held the lock may have changed it, or signed out
    cursor.execute(
        """
        select used.revoked, current.token as current, current.parent = used.token
          or used.updated_at > clock_timestamp() - %s::interval as forgiven
        from auth.refresh_tokens used left join auth.refresh_tokens current
          on current.session_id = used.session_id and not current.revoked
        where used.token = %s
        """,
        (_REUSE_INTERVAL, given),
    )
    token = cursor.fetchone()
    if session is None or token is None:
        message = "Invalid Refresh Token: Refresh Token Not Found"
        raise auth_error(400, "refresh_token_not_found", message)
    if not token["revoked"]:
        return _answer(call, cursor, session, _next_token(cursor, session, given))
    if token["current"] and token["forgiven"]:
        return _answer(call, cursor, session, token["current"])
    cursor.execute("delete from auth.sessions where id = %s", (session["id"],))
    message = "Invalid Refresh Token: Already Used"
    # answered and not raised, so that the session stays dead
    return auth_error(400, "refresh_token_already_used", message).response


def sign_out(call: Call, cursor: Cursor) -> Response:
    """End sessions: all of the user's, this one, or all others."""
    scope = call.request.query_params.get("scope", "global")
    if scope not in ("global", "local", "others"):
        raise invalid("Unsupported logout scope")
    user, session_id = signed_in(call, cursor)
    cursor.execute(
        """
        delete from auth.sessions
        where user_id = %s and (%s = 'global' or (id = %s) = (%s = 'local'))
        """,
        (user.id, scope, session_id, scope),
    )
    return Response(status_code=204)


def signed_in(call: Call, cursor: Cursor) -> tuple[User, str]:
    """Return the caller's account and session id; 401 or 403 where there is no such session."""
    claims = bearer_claims(call)
    of_session = "join auth.sessions s on s.user_id = u.id where u.id = %s and s.id = %s"
    users = find_users(cursor, of_session, claims.get("sub"), claims.get("session_id"))
    if not users:
        raise _no_session()
    if users[0].banned:
        raise auth_error(403, "user_banned", "User is banned")
    return users[0], claims["session_id"]


def bearer_claims(call: Call) -> dict[str, Any]:
    """Return the claims of the caller's token, or the role of the API key; 403 for a bad token."""
    if bearer(call.request.headers) is None:
        raise auth_error(401, "no_authorization", "This endpoint requires a valid Bearer token")
    try:
        return call.keys.caller(call.request.headers)
    except TokenError as error:
        message = f"invalid JWT: unable to parse or verify signature, {error}"
        raise auth_error(403, "bad_jwt", message) from None


def _no_session() -> Refusal:
    message = "Session from session_id claim in JWT does not exist"
    return auth_error(403, "session_not_found", message)


def _note_method(cursor: Cursor, session: dict[str, str], method: str) -> None:
    cursor.execute(
        """
        insert into auth.mfa_amr_claims
          (id, session_id, created_at, updated_at, authentication_method)
        values (gen_random_uuid(), %s, now(), now(), %s)
        on conflict (session_id, authentication_method) do update set updated_at = now()
        """,
        (session["id"], method),
    )


def _methods(cursor: Cursor, session: dict[str, str]) -> list[dict[str, Any]]:
    """Return the `amr` claim: what was proven in the session, the latest first."""
    cursor.execute(
        """
        select authentication_method as method, extract(epoch from updated_at)::bigint as timestamp
        from auth.mfa_amr_claims where session_id = %s order by updated_at desc
        """,
        (session["id"],),
    )
    return [dict(row) for row in cursor.fetchall()]


def _next_token(cursor: Cursor, session: dict[str, str], used: str | None = None) -> str:
    """Return a session's new refresh token, which takes the place of the one used."""
    token = secrets.token_urlsafe(24)
    cursor.execute(
        "update auth.refresh_tokens set revoked = true, updated_at = now() where token = %s",
        (used,),
    )
    cursor.execute(
        """
        insert into auth.refresh_tokens
          (token, user_id, revoked, created_at, updated_at, parent, session_id)
        values (%s, %s, false, now(), now(), %s, %s)
        """,
        (token, session["user_id"], used, session["id"]),
    )
    return token


def _answer(call: Call, cursor: Cursor, session: dict[str, str], refresh_token: str) -> Response:
    user = get_user(cursor, session["user_id"])
    if user.banned:
        raise auth_error(400, "user_banned", "User is banned")
    cursor.execute(
        "update auth.sessions set refreshed_at = now() at time zone 'utc' where id = %s",
        (session["id"],),
    )
    now = int(time.time())
    names = ("aud", "role", "email", "phone", "app_metadata", "user_metadata", "is_anonymous")
    claims = {name: user.shown[name] for name in names} | {
        "iss": call.config.issuer,
        "sub": user.id,
        "iat": now,
        "exp": now + _TOKEN_SECONDS,
        "aal": session["aal"],
        "amr": _methods(cursor, session),
        "session_id": session["id"],
    }
    body = {
        "access_token": call.keys.sign(claims),
        "token_type": "bearer",
        "expires_in": _TOKEN_SECONDS,
        "expires_at": claims["exp"],
        "refresh_token": refresh_token,
        "user": user.shown,
    }
    return JSONResponse(body)
