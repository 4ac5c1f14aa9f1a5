"""What the service role does with everybody's accounts."""

import hashlib
import re
import secrets
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

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
from fairdb_site.local.gateway.sessions import bearer_claims
from fairdb_site.local.gateway.users import (
    add_user,
    change_user,
    confirm_email,
    email_exists,
    find_user,
    read_role,
    read_uuid,
    set_identity,
    set_password,
    user_json,
    users_json,
)

_PER_PAGE = 50  # GoTrue's default


def create_user(gateway: Gateway, call: Call, cursor: Cursor) -> Reply:
    """Make an account."""
    fields = _admin_parameters(gateway, call)
    email, password = fields.email(), fields.text("password")
    if password:
        check_strength(password)
    if user_id := fields.text("id"):
        user_id = read_uuid(user_id, "ID must conform to the uuid v4 format")
    user = add_user(
        cursor,
        email=email,
        encrypted_password=gateway.passwords.hash(password) if password else None,
        confirmed=fields.flag("email_confirm"),
        user_metadata=fields.mapping("user_metadata"),
        app_metadata=fields.mapping("app_metadata"),
        role=read_role(fields.text("role")),
        user_id=user_id,
    )
    if (ban := fields.ban_seconds()) is not None:
        user = change_user(cursor, user["id"], banned_until=_ban_end(ban))
    return json_reply(200, user_json(cursor, user))


def list_users(gateway: Gateway, call: Call, cursor: Cursor) -> Reply:
    """List accounts, newest first, a page at a time; `filter` is a part of the address."""
    _require_admin(gateway, call)
    page = max(_number(call, "page", 1), 1)
    per_page = _number(call, "per_page", _PER_PAGE) or _PER_PAGE
    wanted = f"%{call.argument('filter')}%"
    cursor.execute("select count(*) as total from auth.users where email like %s", (wanted,))
    total = cursor.fetchone()["total"]
    cursor.execute(
        """
        select * from auth.users where email like %s
        order by created_at desc, id limit %s offset %s
        """,
        (wanted, per_page, (page - 1) * per_page),
    )
    users = users_json(cursor, cursor.fetchall())
    last = -(-total // per_page)
    links = ([("next", page + 1)] if last > page else []) + [("last", last)]
    link = ", ".join(
        f'</admin/users?{urlencode({"page": number, "per_page": per_page})}>; rel="{name}"'
        for name, number in links
    )
    headers = (("X-Total-Count", str(total)), ("Link", link))
    return json_reply(200, {"users": users, "aud": "authenticated"}, headers)


def get_user(gateway: Gateway, call: Call, cursor: Cursor) -> Reply:
    """Show one account."""
    return json_reply(200, user_json(cursor, _named_user(gateway, call, cursor)))


def update_user(gateway: Gateway, call: Call, cursor: Cursor) -> Reply:
    """Change an account; a new password ends its sessions."""
    user = _named_user(gateway, call, cursor)
    fields = _admin_parameters(gateway, call)
    changes: dict[str, Any] = {}
    if role := read_role(fields.text("role")):
        changes["role"] = role
    if (ban := fields.ban_seconds()) is not None:
        changes["banned_until"] = _ban_end(ban)
    for name, column in _METADATA.items():
        if (new := fields.mapping(name)) is not None:
            changes[column] = merge_metadata(user[column], new)
    confirm = fields.flag("email_confirm")
    if fields.text("email"):
        changes["email"] = fields.email()
        set_identity(cursor, user["id"], changes["email"], verified=confirm)
    if changes:
        user = change_user(cursor, user["id"], **changes)
    if password := fields.text("password"):
        check_strength(password)
        set_password(cursor, user, gateway.passwords.hash(password))
    if confirm:
        confirm_email(cursor, user)
    return json_reply(200, user_json(cursor, find_user(cursor, id=user["id"]) or user))


def delete_user(gateway: Gateway, call: Call, cursor: Cursor) -> Reply:
    """Delete an account with all that hangs on it; or keep the row, emptied, if asked."""
    user = _named_user(gateway, call, cursor)
    if not read_parameters(call).flag("should_soft_delete"):
        cursor.execute("delete from auth.users where id = %s", (user["id"],))
    elif not user["deleted_at"]:
        _soft_delete(cursor, user)
    return json_reply(200, {})


def invite(gateway: Gateway, call: Call, cursor: Cursor) -> Reply:
    """Make an account without password, or find the unconfirmed one, and mail an invitation."""
    _require_admin(gateway, call)
    fields = read_parameters(call)
    user = _user_to_confirm(cursor, fields.email(), fields.mapping("data"))
    one_time.send_link(gateway, call, cursor, user, "invite")
    user = change_user(cursor, user["id"], invited_at=datetime.now(UTC))
    return json_reply(200, user_json(cursor, user))


def generate_link(gateway: Gateway, call: Call, cursor: Cursor) -> Reply:
    """Return the link that a mail of this type would carry, and send nothing."""
    _require_admin(gateway, call)
    fields = read_parameters(call)
    kind, email, password = fields.text("type"), fields.email(), fields.text("password")
    if kind in ("signup", "invite"):
        encrypted = None
        if kind == "signup":
            check_strength(password)
            encrypted = gateway.passwords.hash(password)
        user = _user_to_confirm(cursor, email, fields.mapping("data"), encrypted)
        if kind == "invite":
            user = change_user(cursor, user["id"], invited_at=datetime.now(UTC))
    elif kind in ("recovery", "magiclink"):
        found = find_user(cursor, email=email)
        if found is None:
            raise auth_error(404, "user_not_found", "User with this email not found")
        user = found
    else:
        raise invalid("Invalid email action link type requested")
    token = one_time.make_token(cursor, user, one_time.KINDS[kind][0], email)
    redirect_to = call.argument("redirect_to") or gateway.config.site_url
    link = {
        "action_link": gateway.outbox.link(kind, token, call.argument("redirect_to")),
        "email_otp": "",  # no codes are given out: six digits are soon guessed
        "hashed_token": token,
        "verification_type": kind,
        "redirect_to": redirect_to,
    }
    return json_reply(200, user_json(cursor, find_user(cursor, id=user["id"]) or user) | link)


_METADATA = {"app_metadata": "raw_app_meta_data", "user_metadata": "raw_user_meta_data"}


def _require_admin(gateway: Gateway, call: Call) -> None:
    if call.bearer is None:
        message = "This endpoint requires a valid Bearer token"
        raise auth_error(401, "no_authorization", message)
    if bearer_claims(gateway, call).get("role") != "service_role":
        raise auth_error(403, "not_admin", "User not allowed")


def _admin_parameters(gateway: Gateway, call: Call) -> Parameters:
    _require_admin(gateway, call)
    fields = read_parameters(call)
    if fields.text("phone") or fields.text("password_hash"):
        message = "phone and password_hash are not taken here"
        raise auth_error(501, "not_implemented", message)
    return fields


def _named_user(gateway: Gateway, call: Call, cursor: Cursor) -> Row:
    _require_admin(gateway, call)
    user_id = read_uuid(call.path.rpartition("/")[2], "user_id must be a UUID")
    user = find_user(cursor, lock=True, id=user_id)
    if user is None:
        raise auth_error(404, "user_not_found", "User not found")
    return user


def _user_to_confirm(
    cursor: Cursor, email: str, data: dict[str, Any] | None, encrypted_password: str | None = None
) -> Row:
    """Return the unconfirmed account of an address, made if there is none; 422 if confirmed."""
    user = find_user(cursor, email=email)
    if user is None:
        return add_user(
            cursor,
            email=email,
            encrypted_password=encrypted_password,
            confirmed=False,
            user_metadata=data,
        )
    if user["email_confirmed_at"]:
        raise email_exists()
    return user


def _soft_delete(cursor: Cursor, user: Row) -> None:
    """Empty an account; its address is free again, its id stays taken."""
    obscured = hashlib.sha256(secrets.token_bytes(16) + user["id"].encode()).hexdigest()
    change_user(
        cursor,
        user["id"],
        email=obscured,
        email_change=None,
        encrypted_password=None,
        raw_app_meta_data={},
        raw_user_meta_data={},
        deleted_at=datetime.now(UTC),
    )
    cursor.execute("delete from auth.sessions where user_id = %s", (user["id"],))
    cursor.execute("delete from auth.one_time_tokens where user_id = %s", (user["id"],))
    cursor.execute(
        """
        update auth.identities
        set identity_data = '{}', provider_id = %s || provider, updated_at = now()
        where user_id = %s
        """,
        (obscured, user["id"]),
    )


def _ban_end(seconds: float) -> datetime | None:
    return datetime.now(UTC) + timedelta(seconds=seconds) if seconds else None


def _number(call: Call, name: str, default: int) -> int:
    text = call.argument(name) or str(default)
    if not re.fullmatch(r"[0-9]{1,9}", text):
        raise invalid(f"Bad Pagination Parameters: {name}")
    return int(text)
