"""Accounts: rows of auth.users, and passwords by Argon2id."""

import re
from dataclasses import dataclass, field
from typing import Any

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from psycopg2.extras import Json

from fairdb_site.local.gateway.calls import auth_error, invalid
from fairdb_site.local.gateway.database import Cursor

# what can be given for an account, by the names that GoTrue's administrators use
PROPERTIES = {
    "password": str,
    "email_confirm": bool,
    "app_metadata": dict,
    "user_metadata": dict,
    "ban_duration": str,
}
_MIN_LENGTH = 6  # GoTrue's default
_MAX_BYTES = 72  # GoTrue's limit; Argon2 has none, but what works here should work there
_HASHER = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)  # OWASP's cheat sheet
_NOBODYS = _HASHER.hash("nobody has this password")
_DURATION = re.compile(r"(\d+(\.\d+)?(h|m|s|ms|us))+|none")  # Go's, which GoTrue reads
_SELECT = """
select u.id::text, u.email, u.encrypted_password, u.email_confirmed_at is not null as confirmed,
  coalesce(u.banned_until > now(), false) as banned,
  to_jsonb(u)
    - '{instance_id,encrypted_password,raw_app_meta_data,raw_user_meta_data}'::text[]
    || jsonb_build_object(
      'phone', coalesce(u.phone, ''),
      'app_metadata', coalesce(u.raw_app_meta_data, '{}'),
      'user_metadata', coalesce(u.raw_user_meta_data, '{}'),
      'factors', (
        select coalesce(jsonb_agg(
          to_jsonb(f) - '{user_id,secret,phone,last_challenged_at}'::text[] order by f.created_at
        ), '[]')
        from auth.mfa_factors f where f.user_id = u.id)
    ) as shown
from auth.users u
"""
_ADD = """
insert into auth.users (id, aud, role, email, raw_app_meta_data, created_at, updated_at)
values (gen_random_uuid(), 'authenticated', 'authenticated', %s,
  '{"provider": "email", "providers": ["email"]}', now(), now())
on conflict do nothing returning id::text
"""
# metadata is put over the old key by key; a null takes its key away
_CHANGE = """
update auth.users set
  encrypted_password = coalesce(%(hash)s, encrypted_password),
  email_confirmed_at = coalesce(email_confirmed_at, case when %(email_confirm)s then now() end),
  raw_app_meta_data = (
    select coalesce(jsonb_object_agg(key, value), '{}')
    from jsonb_each(coalesce(raw_app_meta_data, '{}') || %(app_metadata)s)
    where value <> 'null'),
  raw_user_meta_data = (
    select coalesce(jsonb_object_agg(key, value), '{}')
    from jsonb_each(coalesce(raw_user_meta_data, '{}') || %(user_metadata)s)
    where value <> 'null'),
  banned_until = case when %(ban_duration)s is null then banned_until
    else now() + nullif(%(ban_duration)s, 'none')::interval end,
  updated_at = now()
where id = %(id)s
"""


@dataclass(frozen=True)
class User:
    """An account; `shown` is the JSON that clients get of it."""

    id: str
    email: str
    encrypted_password: str | None = field(repr=False)
    confirmed: bool
    banned: bool
    shown: dict[str, Any] = field(repr=False)

    @property
    def factors(self) -> list[dict[str, Any]]:
        """Its second factors as clients see them, the oldest first."""
        return list(self.shown["factors"])

    @property
    def has_second_factor(self) -> bool:
        """Whether one of its second factors was proven once, and so counts."""
        return any(factor["status"] == "verified" for factor in self.factors)


def find_users(cursor: Cursor, clauses: str, *values: object) -> list[User]:
    """Return the accounts that these SQL clauses choose, which come after `from auth.users u`."""
    cursor.execute(_SELECT + clauses, values)
    return [User(**row) for row in cursor.fetchall()]


def find_user(cursor: Cursor, email: str) -> User | None:
    """Return the account of an address in lower case, or None."""
    return next(iter(find_users(cursor, "where u.email = %s", email)), None)


def get_user(cursor: Cursor, user_id: str) -> User:
    """Return the account with this id, or refuse with 404."""
    users = find_users(cursor, "where u.id = %s", user_id)
    if not users:
        raise auth_error(404, "user_not_found", "User not found")
    return users[0]


def add_user(cursor: Cursor, email: str, **properties: Any) -> User | None:
    """Make an account with these PROPERTIES; None where the address is taken."""
    cursor.execute(_ADD, (email,))
    row = cursor.fetchone()
    return change_user(cursor, row["id"], **properties) if row else None


def change_user(
    cursor: Cursor, user_id: str, *, keep_session: str | None = None, **properties: Any
) -> User:
    """Change those of an account's PROPERTIES that are given and not None; return the account.

    A ban is a duration such as "24h", or "none". A new password ends all sessions but
    `keep_session`, and takes mailed links out of use.
    """
    values = {**dict.fromkeys(PROPERTIES), **properties, "id": user_id}
    if values["ban_duration"] and not _DURATION.fullmatch(values["ban_duration"]):
        raise invalid("invalid format for ban duration")
    for name in ("app_metadata", "user_metadata"):
        values[name] = Json(values[name] or {})
    password = values["password"]
    cursor.execute(_CHANGE, {**values, "hash": hash_password(password) if password else None})
    if password:
        cursor.execute("delete from auth.one_time_tokens where user_id = %s", (user_id,))
        cursor.execute(
            "delete from auth.sessions where user_id = %s and id is distinct from %s",
            (user_id, keep_session),
        )
    return get_user(cursor, user_id)


def hash_password(password: str) -> str:
    """Return the hash to store; a refusal for a password that GoTrue's defaults would refuse."""
    if len(password.encode()) > _MAX_BYTES:
        raise invalid(f"Password cannot be longer than {_MAX_BYTES} characters")
    if len(password) < _MIN_LENGTH:
        message = f"Password should be at least {_MIN_LENGTH} characters."
        raise auth_error(422, "weak_password", message, weak_password={"reasons": ["length"]})
    return _HASHER.hash(password)


def is_password(password: str, stored: str | None) -> bool:
    """Whether `password` is the one behind `stored`; None is somebody who has none."""
    try:
        return _HASHER.verify(stored or _NOBODYS, password) and bool(stored)
    except (VerificationError, InvalidHashError):
        return False
