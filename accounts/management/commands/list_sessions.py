"""List who is signed in, where and since when."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandParser

from accounts.administration import sessions_all
from accounts.services import account_by_email
from fairdb_site.commands import FairdbCommand, Json


class Command(FairdbCommand):
    """List the sessions that are alive; no token, and no key of one."""

    help = "List who is signed in: device, address, since when, last seen; the last seen first."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add whose."""
        parser.add_argument("--account", metavar="EMAIL")
        super().add_arguments(parser)

    def run(self, **options: Any) -> Json:
        """Read the list."""
        user = account_by_email(options["account"]) if options["account"] else None
        found = [asdict(session) for session in sessions_all(user=user)]
        for facts in found:
            for moment in ("since", "seen_at"):
                facts[moment] = facts[moment].isoformat(timespec="seconds")
        return {"sessions": found}

    def report(self, result: Json) -> None:
        """Print a line a session."""
        for facts in result["sessions"]:
            told = (
                facts["email"],
                facts["device"],
                facts["address"] and f"from {facts['address']}",
                f"since {facts['since']}",
                f"seen {facts['seen_at']}",
                facts["second_factor"] and "with second factor",
            )
            self.stdout.write("  ".join(fact for fact in told if fact))
        if not result["sessions"]:
            self.stderr.write("Nobody is signed in.")
