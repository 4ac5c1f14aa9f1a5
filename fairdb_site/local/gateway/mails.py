"""Mailed links: a token good for one use, in a file of the outbox, since nothing here can send."""

import hashlib
import json
import re
import secrets
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlencode

from fairdb_site.local.gateway.calls import Call
from fairdb_site.local.gateway.database import Cursor
from fairdb_site.local.gateway.users import User
from fairdb_site.local.state import write_private

_LIFE = "1 hour"  # hosted default
_SUBJECTS = {
    "signup": "Confirm your e-mail address",
    "invite": "You have been invited",
    "recovery": "Set a new password",
}
# of tokens, by what verify calls them: an invitation confirms an address as well as a sign-up
KINDS = {
    "signup": ["confirmation_token"],
    "invite": ["confirmation_token"],
    "recovery": ["recovery_token"],
    "email": ["confirmation_token", "recovery_token"],
}
_THIS_MACHINE = re.compile(r"http://(127\.0\.0\.1|localhost)(:\d+)?(/|$)")


def send_link(call: Call, cursor: Cursor, user: User, mail_type: str) -> None:
    """Put a mail of this type into the outbox, its token in place of an older one of the type.

    Its link leads to a page that posts `token_hash` and `type` to verify: the page asked for by
    `redirect_to` where that is on this machine, so that no token is carried away. The table keeps
    a hash of the token, so that reading it opens no account.
    """
    token = secrets.token_urlsafe(32)
    cursor.execute(
        """
        insert into auth.one_time_tokens (id, user_id, token_type, token_hash, relates_to)
        values (gen_random_uuid(), %s, %s, %s, %s)
        on conflict (user_id, token_type) do update
          set token_hash = excluded.token_hash, created_at = now(), updated_at = now()
        """,
        (user.id, KINDS[mail_type][0], _digest(token), user.email),
    )
    page = call.request.query_params.get("redirect_to", "")
    if not _THIS_MACHINE.match(page):
        page = f"{call.config.site_url}/accounts/confirm/"
    query = urlencode({"token_hash": token, "type": mail_type})
    link = f"{page}{'&' if '?' in page else '?'}{query}"
    now = datetime.now(UTC)
    mail = {
        "to": user.email,
        "subject": _SUBJECTS[mail_type],
        "text": f"{_SUBJECTS[mail_type]}: {link}\n\nThe link works once, for one hour.\n",
        "type": mail_type,
        "token_hash": token,
        "link": link,
        "created_at": now.isoformat(),
    }
    folder = Path(call.config.outbox)
    folder.mkdir(mode=0o700, exist_ok=True)
    name = f"{now:%Y%m%dT%H%M%S.%fZ}-{secrets.token_hex(4)}.json"
    write_private(folder / name, json.dumps(mail, ensure_ascii=False, indent=1))


def use_link(cursor: Cursor, token: str, verify_type: str) -> str | None:
    """Take a link's token out of use; return whose it was, None for one used or too old.

    All other links of theirs are of no use from then on either.
    """
    cursor.execute(
        """
        delete from auth.one_time_tokens
        where token_hash = %s and token_type = any (%s::auth.one_time_token_type[])
          and created_at > localtimestamp - %s::interval
        returning user_id::text
        """,
        (_digest(token), KINDS[verify_type], _LIFE),
    )
    row = cursor.fetchone()
    if row is None:
        return None
    cursor.execute("delete from auth.one_time_tokens where user_id = %s", (row["user_id"],))
    return str(row["user_id"])


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
