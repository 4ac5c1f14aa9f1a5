"""Rows of auth.users and auth.identities, and the JSON that clients get of them."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import psycopg2
from psycopg2.extras import Json

from fairdb_site.local.gateway.core import Cursor, Row
from fairdb_site.local.gateway.keys import AUDIENCE
from fairdb_site.local.gateway.messages import GatewayError, auth_error
from fairdb_site.local.gateway.parameters import MAX_EMAIL, invalid, merge_metadata

_NO_INSTANCE = str(UUID(int=0))  # GoTrue's own constant for a server of one project
_TIMES = (
    "invited_at",
    "confirmation_sent_at",
    "email_confirmed_at",
    "confirmed_at",
    "recovery_sent_at",
    "email_change_sent_at",
    "last_sign_in_at",
    "banned_until",
    "deleted_at",
)


def find_user(cursor: Cursor, *, lock: bool = False, **key: str) -> Row | None:
    """Return the row with this `id` or `email`, locked against other writers if asked."""
    ((column, value),) = key.items()
    cursor.execute(
        f"select * from auth.users where {column} = %s {'for update' if lock else ''}",  # noqa: S608 (column names are ours)
        (value,),
    )
    row: Row | None = cursor.fetchone()
    return row


def add_user(
    cursor: Cursor,
    *,
    email: str,
    encrypted_password: str | None,
    confirmed: bool,
    user_metadata: dict[str, Any] | None = None,
    app_metadata: dict[str, Any] | None = None,
    role: str = "",
    user_id: str = "",
    taken: GatewayError | None = None,
) -> Row:
    """Insert an account and its e-mail identity; raise `taken` if the address has one already."""
    provider = {"provider": "email", "providers": ["email"]}
    values = {
        "instance_id": _NO_INSTANCE,
        "id": user_id or str(uuid4()),
        "aud": AUDIENCE,
        "role": role or AUDIENCE,
        "email": email,
        "encrypted_password": encrypted_password,
        "email_confirmed_at": datetime.now(UTC) if confirmed else None,
        "raw_app_meta_data": Json(merge_metadata(provider, app_metadata)),
        "raw_user_meta_data": Json(merge_metadata(None, user_metadata)),
    }
    try:
        cursor.execute(
            f"""
            insert into auth.users ({", ".join(values)}, created_at, updated_at)
            values ({", ".join(["%s"] * len(values))}, now(), now()) returning *
            """,  # noqa: S608 (column names are ours)
            tuple(values.values()),
        )
    except psycopg2.errors.UniqueViolation as error:
        if error.diag.constraint_name == "users_pkey":
            raise invalid("A user with this id exists already") from None
        raise (taken or email_exists()) from None
    user: Row = cursor.fetchone()
    set_identity(cursor, user["id"], email, verified=confirmed)
    return user


def set_identity(cursor: Cursor, user_id: str, email: str, *, verified: bool) -> None:
    """Write the e-mail identity that goes with an account."""
    data = {"sub": user_id, "email": email, "email_verified": verified, "phone_verified": False}
    cursor.execute(
        """
        insert into auth.identities
          (provider_id, user_id, identity_data, provider, last_sign_in_at, created_at, updated_at)
        values (%s, %s, %s, 'email', now(), now(), now())
        on conflict (provider_id, provider) do update
          set identity_data = excluded.identity_data, updated_at = now()
        """,
        (user_id, user_id, Json(data)),
    )


def change_user(cursor: Cursor, user_id: str, **values: Any) -> Row:
    """Set columns of an account; 422 if the address belongs to another one."""
    settings = ", ".join(f"{column} = %s" for column in values)
    cells = [Json(value) if isinstance(value, dict) else value for value in values.values()]
    try:
        cursor.execute(
            f"update auth.users set {settings}, updated_at = now() where id = %s returning *",  # noqa: S608
            (*cells, user_id),
        )
    except psycopg2.errors.UniqueViolation:
        raise email_exists() from None
    user: Row = cursor.fetchone()
    return user


def set_password(
    cursor: Cursor, user: Row, encrypted_password: str, *, keep_session: str | None = None
) -> None:
    """Store a password hash; end every session but `keep_session`, and open recovery links."""
    change_user(cursor, user["id"], encrypted_password=encrypted_password)
    cursor.execute(
        "delete from auth.sessions where user_id = %s and id is distinct from %s",
        (user["id"], keep_session),
    )
    cursor.execute("delete from auth.one_time_tokens where user_id = %s", (user["id"],))


def confirm_email(cursor: Cursor, user: Row) -> Row:
    """Mark the account's address as confirmed."""
    set_identity(cursor, user["id"], user["email"], verified=True)
    return change_user(
        cursor, user["id"], email_confirmed_at=user["email_confirmed_at"] or datetime.now(UTC)
    )


def is_banned(user: Row) -> bool:
    """Whether the account is shut out now."""
    until = user["banned_until"]
    return until is not None and until > datetime.now(UTC)


def user_json(cursor: Cursor, user: Row) -> dict[str, Any]:
    """Return the account as GoTrue shows it."""
    return users_json(cursor, [user])[0]


def users_json(cursor: Cursor, users: list[Row]) -> list[dict[str, Any]]:
    """Return several accounts, their identities asked for at once."""
    cursor.execute(
        "select * from auth.identities where user_id = any(%s::uuid[]) order by created_at",
        ([user["id"] for user in users],),
    )
    identities = cursor.fetchall()
    return [
        _user_json(user, [row for row in identities if row["user_id"] == user["id"]])
        for user in users
    ]


def stranger_json(email: str, metadata: dict[str, Any] | None) -> dict[str, Any]:
    """Return an account that does not exist: what a second sign-up with an address is shown."""
    now = _time(datetime.now(UTC))
    return {
        "id": str(uuid4()),
        "aud": AUDIENCE,
        "role": "",
        "email": email,
        "phone": "",
        "app_metadata": {"provider": "email", "providers": ["email"]},
        "user_metadata": metadata or {},
        "identities": [],
        "created_at": now,
        "updated_at": now,
        "confirmation_sent_at": now,
        "is_anonymous": False,
    }


def email_exists() -> GatewayError:
    """Return GoTrue's answer to an administrator who takes an address that is taken."""
    message = "A user with this email address has already been registered"
    return auth_error(422, "email_exists", message)


def read_uuid(text: str, message: str) -> str:
    """Return a uuid in its canonical form; 400 with `message` for anything else."""
    try:
        value = UUID(text)
    except ValueError:
        raise invalid(message) from None
    return str(value)


def read_role(role: str) -> str:
    """Return the role to store; 400 for one that no column could hold."""
    if len(role) > MAX_EMAIL:
        raise invalid("role is too long")
    return role


def _user_json(user: Row, identities: list[Row]) -> dict[str, Any]:
    shown = {
        "id": user["id"],
        "aud": user["aud"],
        "role": user["role"],
        "email": user["email"] or "",
        "phone": user["phone"] or "",
        "app_metadata": user["raw_app_meta_data"] or {},
        "user_metadata": user["raw_user_meta_data"] or {},
        "identities": [_identity_json(row) for row in identities],
        "created_at": _time(user["created_at"]),
        "updated_at": _time(user["updated_at"]),
        "is_anonymous": user["is_anonymous"],
    }
    if user["email_change"]:
        shown["new_email"] = user["email_change"]
    return shown | {name: _time(user[name]) for name in _TIMES if user[name]}


def _identity_json(row: Row) -> dict[str, Any]:
    return {
        "identity_id": row["id"],
        "id": row["provider_id"],
        "user_id": row["user_id"],
        "identity_data": row["identity_data"],
        "provider": row["provider"],
        "last_sign_in_at": _time(row["last_sign_in_at"]),
        "created_at": _time(row["created_at"]),
        "updated_at": _time(row["updated_at"]),
        "email": row["email"],
    }


def _time(moment: datetime | None) -> str | None:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z") if moment else None
