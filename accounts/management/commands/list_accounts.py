"""List accounts as Supabase knows them."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Any

from django.core.management.base import CommandParser

from accounts.administration import accounts_all, is_for_good
from fairdb_site.commands import FairdbCommand, Json


class Command(FairdbCommand):
    """List accounts, the newest first."""

    help = "List all accounts, newest first: whether staff, active, with a second factor."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add which."""
        parser.add_argument("--staff", action="store_true", help="members of staff alone")
        parser.add_argument("--banned", action="store_true", help="banned ones alone")
        super().add_arguments(parser)

    def run(self, **options: Any) -> Json:
        """Read the list."""
        found = [
            asdict(account)
            for account in accounts_all()
            if (account.staff or not options["staff"])
            and (not account.active or not options["banned"])
        ]
        for facts in found:
            for moment in ("created_at", "last_sign_in_at", "banned_until"):
                facts[moment] = _written(facts[moment])
        return {"accounts": found}

    def report(self, result: Json) -> None:
        """Print a line an account."""
        for facts in result["accounts"]:
            marks = (
                facts["staff"] and "staff",
                _ban(facts["banned_until"]),
                not facts["confirmed"] and "not confirmed",
                facts["second_factor"] and "second factor",
                f"since {facts['created_at']}",
                f"last sign-in {facts['last_sign_in_at'] or 'never'}",
            )
            told = ", ".join(mark for mark in marks if mark)
            self.stdout.write(f"{facts['account']}  {facts['email']}  {told}")
        if not result["accounts"]:
            self.stderr.write("There is no such account.")


def _ban(until: str | None) -> str | None:
    if until is None:
        return None
    is_endless = is_for_good(datetime.fromisoformat(until))
    return "banned for good" if is_endless else f"banned until {until}"


def _written(moment: datetime | None) -> str | None:
    return moment.isoformat(timespec="seconds") if moment else None
