"""What people do with their own account: sign up, sign in, recover, verify, change."""

from uuid import uuid4

from starlette.responses import JSONResponse, Response

from fairdb_site.local.gateway.calls import Call, Refusal, auth_error, invalid, read_email
from fairdb_site.local.gateway.database import Cursor
from fairdb_site.local.gateway.mails import KINDS, send_link, use_link
from fairdb_site.local.gateway.sessions import is_aal2, open_session, origin_of, refresh, signed_in
from fairdb_site.local.gateway.users import User, add_user, change_user, find_user, is_password


def sign_up(call: Call, cursor: Cursor) -> Response:
    """Make an account; a session at once where addresses need no confirmation."""
    config = call.config
    if not config.signup_enabled:
        raise auth_error(422, "signup_disabled", "Signups not allowed for this instance")
    fields = call.fields(email=str, password=str, data=dict)
    email = read_email(fields["email"])
    if not fields["password"]:
        raise invalid("Signup requires a valid password")
    properties = {
        "password": fields["password"],
        "email_confirm": config.autoconfirm,
        "user_metadata": fields["data"],
    }
    user = add_user(cursor, email, **properties)
    if user and config.autoconfirm:
        return open_session(call, cursor, user)
    user = user or find_user(cursor, email)
    if user is None or config.autoconfirm:
        raise auth_error(422, "user_already_exists", "User already registered")
    if user.confirmed:
        # who asks sees an account as new as any, which is taken back, and learns nothing
        passing = add_user(cursor, f"{uuid4()}@example.org", **properties) or user
        raise Refusal(JSONResponse(passing.shown | {"email": email}))
    send_link(call, cursor, user, "signup")
    return JSONResponse(user.shown)


def token(call: Call, cursor: Cursor) -> Response:
    """Open or continue a session."""
    grants = {"password": sign_in, "refresh_token": refresh}
    grant = grants.get(call.request.query_params.get("grant_type", ""))
    if grant is None:
        raise auth_error(400, "invalid_credentials", "unsupported_grant_type")
    return grant(call, cursor)


def sign_in(call: Call, cursor: Cursor) -> Response:
    """Open a session with e-mail and password."""
    fields = call.fields(email=str, password=str, data=dict)
    user = find_user(cursor, (fields["email"] or "").lower())
    stored = user.encrypted_password if user else None
    # the same work and the same answer for an address nobody has
    if not is_password(fields["password"] or "", stored) or user is None:
        raise auth_error(400, "invalid_credentials", "Invalid login credentials")
    if not user.confirmed:
        raise auth_error(400, "email_not_confirmed", "Email not confirmed")
    return open_session(call, cursor, user)


def show_user(call: Call, cursor: Cursor) -> Response:
    """Show the caller's account."""
    user, _ = signed_in(call, cursor)
    return JSONResponse(user.shown)


def update_user(call: Call, cursor: Cursor) -> Response:
    """Change the caller's password or metadata."""
    user, session_id = signed_in(call, cursor)
    fields = call.fields(password=str, current_password=str, data=dict)
    password = fields["password"]
    if password and user.has_second_factor and not is_aal2(cursor, session_id):
        message = "AAL2 session is required to update email or password when MFA is enabled."
        raise auth_error(401, "insufficient_aal", message)
    if password:
        _require_proof(call, cursor, user, session_id, fields["current_password"])
    if password and is_password(password, user.encrypted_password):
        message = "New password should be different from the old password."
        raise auth_error(422, "same_password", message)
    properties = {"password": password, "user_metadata": fields["data"]}
    return JSONResponse(change_user(cursor, user.id, keep_session=session_id, **properties).shown)


def _require_proof(
    call: Call, cursor: Cursor, user: User, session_id: str, current: str | None
) -> None:
    """Refuse a new password without what proves it, where the project asks for that.

    Who came by a mailed link has proven enough. GoTrue passes over a current password that it does
    not ask for; here it has to be right wherever it is sent.
    """
    is_old, is_by_mail = origin_of(cursor, session_id)
    if call.config.reauthentication_required and is_old:
        message = "Password update requires reauthentication"
        raise auth_error(400, "reauthentication_needed", message)
    if is_by_mail or not user.encrypted_password:
        return
    message = "Current password required when setting new password."
    if call.config.current_password_required and not current:
        raise auth_error(400, "current_password_required", message)
    if current and not is_password(current, user.encrypted_password):
        raise auth_error(400, "current_password_invalid", message)


def recover(call: Call, cursor: Cursor) -> Response:
    """Mail a link to set a new password; the answer does not tell whether the address is known."""
    if user := find_user(cursor, read_email(call.fields(email=str)["email"])):
        send_link(call, cursor, user, "recovery")
    return JSONResponse({})


def resend(call: Call, cursor: Cursor) -> Response:
    """Mail the link of a sign-up again; the answer does not tell whether there was one."""
    fields = call.fields(type=str, email=str)
    if fields["type"] != "signup":
        raise invalid("Missing one of these types: signup")
    user = find_user(cursor, read_email(fields["email"]))
    if user and not user.confirmed:
        send_link(call, cursor, user, "signup")
    return JSONResponse({})


def verify(call: Call, cursor: Cursor) -> Response:
    """Open a session with the token of a mailed link, which confirms its address."""
    fields = call.fields(type=str, token_hash=str)
    if fields["type"] not in KINDS or not fields["token_hash"]:
        raise invalid("Verify requires a token hash, and the type of its mail")
    user_id = use_link(cursor, fields["token_hash"], fields["type"])
    if user_id is None:
        raise auth_error(403, "otp_expired", "Email link is invalid or has expired")
    user = change_user(cursor, user_id, email_confirm=True)
    if user.banned:
        raise auth_error(403, "user_banned", "User is banned")
    return open_session(call, cursor, user, method="otp")
