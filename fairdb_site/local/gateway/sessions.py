"""Sessions: access tokens, refresh tokens that rotate, sign-out."""

import secrets
import time
from typing import Any
from uuid import uuid4

from fairdb_site.local.gateway.core import Cursor, Gateway, Row
from fairdb_site.local.gateway.keys import TokenError
from fairdb_site.local.gateway.messages import Call, GatewayError, Reply, auth_error, json_reply
from fairdb_site.local.gateway.parameters import invalid, read_parameters
from fairdb_site.local.gateway.users import find_user, is_banned, read_uuid, user_json

_REUSE_INTERVAL = "10 seconds"  # hosted default
_MAX_AGENT = 255


def open_session(gateway: Gateway, call: Call, cursor: Cursor, user: Row) -> Reply:
    """Answer with a new session of `user`."""
    session = str(uuid4())
    cursor.execute(
        """
        insert into auth.sessions (id, user_id, created_at, updated_at, aal, user_agent)
        values (%s, %s, now(), now(), 'aal1', %s)
        """,
        (session, user["id"], call.headers.get("user-agent", "")[:_MAX_AGENT]),
    )
    cursor.execute(
        "update auth.users set last_sign_in_at = now(), updated_at = now() where id = %s",
        (user["id"],),
    )
    refresh_token = _add_refresh_token(cursor, user["id"], session, parent=None)
    return _session_reply(gateway, cursor, user["id"], session, refresh_token)


def refresh(gateway: Gateway, call: Call, cursor: Cursor) -> Reply:
    """Swap a refresh token for the next one (grant_type=refresh_token)."""
    given = read_parameters(call).text("refresh_token")
    if not given:
        raise invalid("Refresh token is not valid")
    token = _lock_refresh_token(cursor, given)
    user = find_user(cursor, id=token["user_id"])
    if user is None or user["deleted_at"]:
        raise _refused("refresh_token_not_found", "Refresh Token Not Found")
    if is_banned(user):
        raise _refused("user_banned", "User Banned")
    session = token["session_id"]
    if token["revoked"]:
        current = _current_of_reused(cursor, token)
    else:
        cursor.execute(
            "update auth.refresh_tokens set revoked = true, updated_at = now() where id = %s",
            (token["id"],),
        )
        current = _add_refresh_token(cursor, user["id"], session, parent=given)
    cursor.execute(
        "update auth.sessions set refreshed_at = now() at time zone 'utc' where id = %s", (session,)
    )
    return _session_reply(gateway, cursor, user["id"], session, current)


def sign_out(gateway: Gateway, call: Call, cursor: Cursor) -> Reply:
    """End sessions: all of the user's, this one, or all others."""
    scope = call.argument("scope", "global")
    user, session = signed_in(gateway, call, cursor)
    which = {"global": "", "local": "and id = %s", "others": "and id <> %s"}
    if scope not in which:
        raise invalid("Unsupported logout scope")
    cursor.execute(
        f"delete from auth.sessions where user_id = %s {which[scope]}",  # noqa: S608 (one of ours)
        (user["id"], session)[: 1 if scope == "global" else 2],
    )
    return Reply(204)


def signed_in(gateway: Gateway, call: Call, cursor: Cursor) -> tuple[Row, str]:
    """Return the caller's account and session id; 401 or 403 where there is no such session."""
    if call.bearer is None:
        message = "This endpoint requires a valid Bearer token"
        raise auth_error(401, "no_authorization", message)
    claims = bearer_claims(gateway, call)
    if not claims.get("sub"):
        raise auth_error(403, "bad_jwt", "invalid claim: missing sub claim")
    user_id = read_uuid(str(claims["sub"]), "invalid claim: sub claim must be a UUID")
    session = read_uuid(str(claims.get("session_id")), "invalid claim: session_id must be a UUID")
    user = find_user(cursor, id=user_id)
    if user is None:
        message = "User from sub claim in JWT does not exist"
        raise auth_error(403, "user_not_found", message)
    cursor.execute(
        """
        select 1 from auth.sessions
        where id = %s and user_id = %s and (not_after is null or not_after > now())
        """,
        (session, user_id),
    )
    if not cursor.fetchone():
        message = "Session from session_id claim in JWT does not exist"
        raise auth_error(403, "session_not_found", message)
    if is_banned(user):
        raise auth_error(403, "user_banned", "User is banned")
    return user, session


def bearer_claims(gateway: Gateway, call: Call) -> dict[str, Any]:
    """Return the claims of the caller's token, or the role of the API key; 403 for a bad token."""
    try:
        return dict(gateway.keys.caller(call).claims)
    except TokenError as error:
        reason = "token is expired" if error.message == "JWT expired" else error.message
        message = f"invalid JWT: unable to parse or verify signature, {reason}"
        raise auth_error(403, "bad_jwt", message) from None


def _lock_refresh_token(cursor: Cursor, given: str) -> Row:
    """Return the token's row once no other request is at work on its session."""
    cursor.execute("select session_id from auth.refresh_tokens where token = %s", (given,))
    row = cursor.fetchone()
    cursor.execute(
        "select 1 from auth.sessions where id = %s for update",
        (row["session_id"] if row else None,),
    )
    # read again: who held the lock may have changed it, or signed out
    cursor.execute(
        """
        select *, updated_at > clock_timestamp() - %s::interval as recent
        from auth.refresh_tokens where token = %s
        """,
        (_REUSE_INTERVAL, given),
    )
    token: Row | None = cursor.fetchone()
    if token is None or token["session_id"] is None:
        raise _refused("refresh_token_not_found", "Refresh Token Not Found")
    return token


def _current_of_reused(cursor: Cursor, token: Row) -> str:
    """Return the session's current token for one used before; kill the session if it was stolen.

    As GoTrue: the parent of the current token is forgiven at any time (its client never got our
    answer), any other for ten seconds (requests side by side). Where GoTrue would then make a
    further token, the current one is given again, so that all of them end up with the same.
    """
    cursor.execute(
        """
        select token, parent from auth.refresh_tokens
        where session_id = %s and not revoked order by id desc limit 1
        """,
        (token["session_id"],),
    )
    current = cursor.fetchone()
    if current and (token["recent"] or current["parent"] == token["token"]):
        return str(current["token"])
    cursor.execute(
        """
        update auth.refresh_tokens set revoked = true, updated_at = now()
        where session_id = %s and not revoked
        """,
        (token["session_id"],),
    )
    # the access tokens of whoever has them end too, as far as they are asked about here
    cursor.execute(
        "update auth.sessions set not_after = now() where id = %s", (token["session_id"],)
    )
    raise _refused("refresh_token_already_used", "Already Used", keep=True)


def _add_refresh_token(cursor: Cursor, user_id: str, session: str, *, parent: str | None) -> str:
    token = secrets.token_urlsafe(24)
    cursor.execute(
        """
        insert into auth.refresh_tokens
          (instance_id, token, user_id, revoked, created_at, updated_at, parent, session_id)
        values ('00000000-0000-0000-0000-000000000000', %s, %s, false, now(), now(), %s, %s)
        """,
        (token, user_id, parent, session),
    )
    return token


def _session_reply(
    gateway: Gateway, cursor: Cursor, user_id: str, session: str, refresh_token: str
) -> Reply:
    user = find_user(cursor, id=user_id)
    if user is None:
        raise auth_error(403, "user_not_found", "User does not exist")
    now = int(time.time())
    expires_at = now + gateway.config.token_seconds
    claims = {
        "iss": gateway.config.issuer,
        "sub": user["id"],
        "aud": user["aud"],
        "exp": expires_at,
        "iat": now,
        "email": user["email"] or "",
        "phone": user["phone"] or "",
        "app_metadata": user["raw_app_meta_data"] or {},
        "user_metadata": user["raw_user_meta_data"] or {},
        "role": user["role"],
        "aal": "aal1",
        "session_id": session,
        "is_anonymous": user["is_anonymous"],
    }
    body = {
        "access_token": gateway.keys.sign(claims),
        "token_type": "bearer",
        "expires_in": gateway.config.token_seconds,
        "expires_at": expires_at,
        "refresh_token": refresh_token,
        "user": user_json(cursor, user),
    }
    return json_reply(200, body)


def _refused(code: str, reason: str, *, keep: bool = False) -> GatewayError:
    return auth_error(400, code, f"Invalid Refresh Token: {reason}", keep=keep)
