"""Mails that the gateway wrote instead of sending them: one JSON file each, in the outbox."""

import json
from pathlib import Path
from typing import TypedDict, cast


class Mail(TypedDict):
    """One mail as `gateway/mails.py` writes it."""

    to: str
    subject: str
    text: str
    type: str
    token_hash: str
    link: str
    created_at: str


def read_outbox(folder: Path) -> list[Mail]:
    """Return the mails of a state folder, the newest last."""
    files = sorted((folder / "outbox").glob("*.json"))  # names begin with the time
    return [cast("Mail", json.loads(file.read_text(encoding="utf-8"))) for file in files]
