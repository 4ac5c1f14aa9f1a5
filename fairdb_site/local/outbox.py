"""Mails that the gateway wrote instead of sending them: one JSON file each, in the outbox."""

import json
from pathlib import Path
from typing import NotRequired, TypedDict, cast


class Mail(TypedDict):
    """One mail as the gateway wrote it; `link` and `token_hash` where it carries one."""

    to: str
    subject: str
    body: str
    created_at: str
    token_hash: NotRequired[str | None]
    link: NotRequired[str | None]


def read_outbox(folder: Path) -> list[Mail]:
    """Return the mails of a state folder, the newest last."""
    files = sorted((folder / "outbox").glob("*.json"))  # names begin with the time
    return [cast("Mail", json.loads(file.read_text(encoding="utf-8"))) for file in files]
