"""Ban an account, or lift its ban."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from accounts.administration import account_ban, account_unban, require_hours
from accounts.services import account_by_email
from fairdb_site.commands import FairdbCommand, Json


class Command(FairdbCommand):
    """Refuse an account for some time or for good, or let it in again."""

    help = "Ban the account EMAIL, which ends its sessions; its datasets stay. --lift lets it in."
    flags = {"hours": "--hours N"}

    def add_arguments(self, parser: CommandParser) -> None:
        """Add whose, and for how long."""
        parser.add_argument("email", metavar="EMAIL")
        how_long = parser.add_mutually_exclusive_group()
        how_long.add_argument("--hours", type=int, metavar="N", help="default: for good")
        how_long.add_argument("--lift", action="store_true", help="end the ban")
        parser.add_argument("--yes", action="store_true", help="do not ask")
        super().add_arguments(parser)

    def run(self, **options: Any) -> Json:
        """Ask, then ban; a ban is lifted unasked."""
        user = account_by_email(options["email"])
        if options["lift"]:
            user = account_unban(user=user, by=None)
        else:
            hours = options["hours"]
            require_hours(hours)  # before anybody is asked for a yes
            if not options["yes"]:
                how_long = "for good" if hours is None else f"for {hours} hours"
                self.confirm(f"Ban {user.email} {how_long}?")
            user = account_ban(user=user, hours=hours, by=None)
        return {
            "account": str(user.pk),
            "email": user.email,
            "banned": not options["lift"],
            "hours": options["hours"],
        }

    def report(self, result: Json) -> None:
        """Say how it stands now."""
        if not result["banned"]:
            self.stdout.write(f"{result['email']} is not banned.")
            return
        how_long = f"for {result['hours']} hours" if result["hours"] else "for good"
        self.stdout.write(f"{result['email']} is banned {how_long}, and signed out.")
