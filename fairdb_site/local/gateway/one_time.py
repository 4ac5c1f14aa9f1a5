"""One-time tokens: what a mailed link carries, good for one use within the hour."""

import hashlib
import secrets
from uuid import uuid4

from fairdb_site.local.gateway.core import Cursor, Gateway, Row
from fairdb_site.local.gateway.messages import Call

_LIFE = "1 hour"  # hosted default
# the `type` a client verifies with -> the kinds of token it may stand for
KINDS = {
    "signup": ("confirmation_token",),
    "invite": ("confirmation_token",),
    "recovery": ("recovery_token",),
    "magiclink": ("recovery_token",),
    "email": ("confirmation_token", "recovery_token"),
    "email_change": ("email_change_token_new", "email_change_token_current"),
}
_SENT_AT = {
    "confirmation_token": "confirmation_sent_at",
    "recovery_token": "recovery_sent_at",
    "email_change_token_new": "email_change_sent_at",
    "email_change_token_current": "email_change_sent_at",
}


def make_token(cursor: Cursor, user: Row, kind: str, relates_to: str) -> str:
    """Store a new token of this kind in place of an older one; return what the link carries.

    The table keeps a SHA-256 of it, so that reading the table opens no account.
    """
    token = secrets.token_urlsafe(32)
    cursor.execute(
        """
        insert into auth.one_time_tokens (id, user_id, token_type, token_hash, relates_to)
        values (%s, %s, %s, %s, %s)
        on conflict (user_id, token_type) do update
          set token_hash = excluded.token_hash, relates_to = excluded.relates_to,
              created_at = now(), updated_at = now()
        """,
        (str(uuid4()), user["id"], kind, _digest(token), relates_to),
    )
    cursor.execute(
        f"update auth.users set {_SENT_AT[kind]} = now() where id = %s",  # noqa: S608 (one of ours)
        (user["id"],),
    )
    return token


def send_link(
    gateway: Gateway,
    call: Call,
    cursor: Cursor,
    user: Row,
    mail: str,
    *,
    kind: str = "",
    to: str = "",
) -> None:
    """Put a mail of type `mail` with a new token into the outbox."""
    address = to or user["email"]
    token = make_token(cursor, user, kind or KINDS[mail][0], address)
    gateway.outbox.put(address, mail, token, call.argument("redirect_to"))


def use_token(cursor: Cursor, token: str, verify_type: str) -> Row | None:
    """Take a token out of use; return its row, or None for one unknown, used or too old."""
    cursor.execute(
        """
        delete from auth.one_time_tokens
        where token_hash = %s and token_type = any(%s::auth.one_time_token_type[])
        returning user_id, token_type::text, created_at > localtimestamp - %s::interval as good
        """,
        (_digest(token), list(KINDS[verify_type]), _LIFE),
    )
    row: Row | None = cursor.fetchone()
    return row if row and row["good"] else None


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
