"""What people do with their own account: sign up, sign in, recover, verify, change."""

from fairdb_site.local.gateway import one_time
from fairdb_site.local.gateway.core import Cursor, Gateway, Row
from fairdb_site.local.gateway.messages import Call, Reply, auth_error, json_reply
from fairdb_site.local.gateway.parameters import (
    Parameters,
    invalid,
    merge_metadata,
    read_parameters,
)
from fairdb_site.local.gateway.passwords import check_strength
from fairdb_site.local.gateway.sessions import open_session, refresh, signed_in
from fairdb_site.local.gateway.users import (
    add_user,
    change_user,
    confirm_email,
    email_exists,
    find_user,
    is_banned,
    set_identity,
    set_password,
    stranger_json,
    user_json,
)

_ONE_OF_TWO = "Confirmation link accepted. Please proceed to confirm link sent to the other email"


def sign_up(gateway: Gateway, call: Call, cursor: Cursor) -> Reply:
    """Make an account; a session at once where addresses need no confirmation."""
    if not gateway.config.signup_enabled:
        raise auth_error(422, "signup_disabled", "Signups not allowed for this instance")
    fields = read_parameters(call)
    _refuse_phone(fields)
    password = fields.text("password")
    if not password:
        raise invalid("Signup requires a valid password")
    check_strength(password)
    email, data = fields.email(), fields.mapping("data")
    encrypted = gateway.passwords.hash(password)  # first: known or not, it takes as long
    autoconfirm = gateway.config.autoconfirm
    taken = auth_error(422, "user_already_exists", "User already registered")
    user = find_user(cursor, email=email)
    if user is None:
        user = add_user(
            cursor,
            email=email,
            encrypted_password=encrypted,
            confirmed=autoconfirm,
            user_metadata=data,
            taken=taken,
        )
    elif autoconfirm:
        # GoTrue would confirm and sign in whoever names an invited address; we do not
        raise taken
    elif user["email_confirmed_at"]:
        return json_reply(200, stranger_json(email, data))
    if autoconfirm:
        return open_session(gateway, call, cursor, user)
    one_time.send_link(gateway, call, cursor, user, "signup")
    return json_reply(200, user_json(cursor, find_user(cursor, id=user["id"]) or user))


def token(gateway: Gateway, call: Call, cursor: Cursor) -> Reply:
    """Open or continue a session."""
    grants = {"password": sign_in, "refresh_token": refresh}
    grant = grants.get(call.argument("grant_type"))
    if grant is None:
        raise auth_error(400, "invalid_credentials", "unsupported_grant_type")
    return grant(gateway, call, cursor)


def sign_in(gateway: Gateway, call: Call, cursor: Cursor) -> Reply:
    """Open a session with e-mail and password."""
    fields = read_parameters(call)
    _refuse_phone(fields)
    email, password = fields.text("email").lower(), fields.text("password")
    if not email:
        raise invalid("missing email or phone")
    user = find_user(cursor, email=email)
    stored = user["encrypted_password"] if user else None
    # the same work and the same answer for an address nobody has
    if not gateway.passwords.matches(stored, password) or user is None:
        raise auth_error(400, "invalid_credentials", "Invalid login credentials")
    if is_banned(user):
        raise auth_error(400, "user_banned", "User is banned")
    if not user["email_confirmed_at"]:
        raise auth_error(400, "email_not_confirmed", "Email not confirmed")
    return open_session(gateway, call, cursor, user)


def show_user(gateway: Gateway, call: Call, cursor: Cursor) -> Reply:
    """Show the caller's account."""
    user, _ = signed_in(gateway, call, cursor)
    return json_reply(200, user_json(cursor, user))


def update_user(gateway: Gateway, call: Call, cursor: Cursor) -> Reply:
    """Change the caller's password, metadata or address; an address once it is confirmed."""
    user, session = signed_in(gateway, call, cursor)
    fields = read_parameters(call)
    _refuse_phone(fields)
    if fields.mapping("app_metadata") is not None:
        message = "Updating app_metadata requires admin privileges"
        raise auth_error(403, "not_admin", message)
    email = fields.email() if fields.text("email") else ""
    if password := fields.text("password"):
        check_strength(password)
        if gateway.passwords.matches(user["encrypted_password"], password):
            message = "New password should be different from the old password."
            raise auth_error(422, "same_password", message)
        set_password(cursor, user, gateway.passwords.hash(password), keep_session=session)
    if (data := fields.mapping("data")) is not None:
        user = find_user(cursor, lock=True, id=user["id"]) or user
        merged = merge_metadata(user["raw_user_meta_data"], data)
        change_user(cursor, user["id"], raw_user_meta_data=merged)
    if email and email != user["email"]:
        _ask_to_confirm(gateway, call, cursor, user, email)
    return json_reply(200, user_json(cursor, find_user(cursor, id=user["id"]) or user))


def recover(gateway: Gateway, call: Call, cursor: Cursor) -> Reply:
    """Mail a link to set a new password; the answer does not tell whether the address is known."""
    email = read_parameters(call).email()
    if user := find_user(cursor, email=email):
        one_time.send_link(gateway, call, cursor, user, "recovery")
    return json_reply(200, {})


def verify(gateway: Gateway, call: Call, cursor: Cursor) -> Reply:
    """Open a session with the token of a mailed link."""
    fields = read_parameters(call)
    kind, given = fields.text("type"), fields.text("token_hash")
    if kind not in one_time.KINDS:
        raise invalid("Invalid email verification type")
    if fields.text("token"):
        message = "Only token_hash is verified here; no codes are sent"
        raise auth_error(501, "not_implemented", message)
    if not given:
        raise invalid("Verify requires either a token or a token hash")
    used = one_time.use_token(cursor, given, kind)
    user = find_user(cursor, lock=True, id=used["user_id"]) if used else None
    if used is None or user is None:
        raise auth_error(403, "otp_expired", "Email link is invalid or has expired", keep=True)
    if is_banned(user):
        raise auth_error(403, "user_banned", "User is banned", keep=True)
    if kind != "email_change":
        confirm_email(cursor, user)
    elif not _confirm_change(gateway, cursor, user):
        return json_reply(200, {"msg": _ONE_OF_TWO, "code": "200"})
    return open_session(gateway, call, cursor, user)


def _ask_to_confirm(gateway: Gateway, call: Call, cursor: Cursor, user: Row, email: str) -> None:
    """Mail links for a change of address: to the new one, and to the old one to be secure."""
    if find_user(cursor, email=email):
        raise email_exists()
    change_user(cursor, user["id"], email_change=email, email_change_confirm_status=0)
    new, current = one_time.KINDS["email_change"]
    one_time.send_link(gateway, call, cursor, user, "email_change", kind=new, to=email)
    if not gateway.config.autoconfirm:
        one_time.send_link(gateway, call, cursor, user, "email_change", kind=current)


def _confirm_change(gateway: Gateway, cursor: Cursor, user: Row) -> bool:
    """Take one confirmation of a change of address; return whether the change is made."""
    if not gateway.config.autoconfirm and not user["email_change_confirm_status"]:
        change_user(cursor, user["id"], email_change_confirm_status=1)
        return False
    email = user["email_change"]
    change_user(cursor, user["id"], email=email, email_change=None, email_change_confirm_status=0)
    set_identity(cursor, user["id"], email, verified=True)
    return True


def _refuse_phone(fields: Parameters) -> None:
    if fields.text("phone"):
        raise auth_error(400, "phone_provider_disabled", "Phone signups are disabled")
