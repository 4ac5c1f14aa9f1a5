"""Mails: one JSON file each in a folder, since nothing here can send any."""

import json
import os
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlencode, urlsplit

_LOOPBACK = {"127.0.0.1", "localhost", "::1"}
_SUBJECTS = {
    "signup": "Confirm your e-mail address",
    "invite": "You have been invited",
    "recovery": "Set a new password",
    "magiclink": "Your sign-in link",
    "email_change": "Confirm the change of your e-mail address",
}


@dataclass(frozen=True)
class Outbox:
    """The folder of unsent mails, and the site that their links lead to."""

    folder: Path
    site_url: str

    def link(self, kind: str, token: str, redirect_to: str) -> str:
        """Return the address in a mail: a page that posts `token_hash` and `type` to verify."""
        page = redirect_to if self._ours(redirect_to) else f"{self.site_url}/auth/confirm"
        joint = "&" if urlsplit(page).query else "?"
        return f"{page}{joint}{urlencode({'token_hash': token, 'type': kind})}"

    def put(self, to: str, kind: str, token: str, redirect_to: str) -> None:
        """Write one mail, readable by this user only."""
        now = datetime.now(UTC)
        link = self.link(kind, token, redirect_to)
        mail = {
            "to": to,
            "subject": _SUBJECTS[kind],
            "text": f"{_SUBJECTS[kind]}: {link}\n\nThe link works once, for one hour.\n",
            "type": kind,
            "token_hash": token,
            "link": link,
            "created_at": now.isoformat(),
        }
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        name = f"{now:%Y%m%dT%H%M%S.%fZ}-{secrets.token_hex(4)}.json"
        # readers take *.json: they never meet half a mail
        half = self.folder / f".{name}.new"
        descriptor = os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(descriptor, "w", encoding="utf-8") as file:
            json.dump(mail, file, ensure_ascii=False, indent=1)
        half.rename(self.folder / name)

    def _ours(self, address: str) -> bool:
        """Whether a redirect stays on the site or on this machine, and so carries no token away."""
        try:
            parts, site = urlsplit(address), urlsplit(self.site_url)
            same = parts.netloc == site.netloc or parts.hostname in _LOOPBACK
        except ValueError:
            return False
        return same and parts.scheme in ("http", "https") and not parts.fragment
