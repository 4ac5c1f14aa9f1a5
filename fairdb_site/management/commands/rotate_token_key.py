"""Change the key that seals tokens, without signing anyone out."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from accounts import audit
from accounts.models import AuditAction
from fairdb_site.commands import FairdbCommand, Json
from fairdb_site.token_key_rotation import token_key_rotate


class Command(FairdbCommand):
    """Seal everything anew under the first token key."""

    help = (
        "Seal tokens, typed input and keys of staged files under the first of FAIRDB_TOKEN_KEYS; "
        "the embedded default makes a new key. Nobody is signed out. It says what is next."
    )

    def run(self, **options: Any) -> Json:
        """Rotate; no key is told."""
        rotation = token_key_rotate()
        if rotation.resealed:
            audit.record(AuditAction.TOKEN_KEY_CHANGED, actor=None)
        return asdict(rotation)

    def report(self, result: Json) -> None:
        """Say what was sealed anew, and the next step."""
        if result["is_new_key"]:
            self.stdout.write("A new key seals from now on; the old one is gone.")
        if result["resealed"]:
            counts = (f"{kind.replace('_', ' ')} {n}" for kind, n in result["resealed"].items())
            self.stdout.write(f"Sealed anew: {', '.join(counts)}.")
        if result["unopened"]:
            self.stdout.write(f"No key opens {result['unopened']}: those people sign in again.")
        if result["next_step"]:
            self.stdout.write(result["next_step"])
