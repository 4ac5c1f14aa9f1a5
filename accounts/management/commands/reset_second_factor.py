"""Take the second factor off an account whose owner lost it."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from accounts.administration import account_reset_second_factor
from accounts.services import account_by_email
from fairdb_site.commands import FairdbCommand, Json


class Command(FairdbCommand):
    """Take the second factor off an account whose owner lost it."""

    help = "Remove the second factors of EMAIL and end its sessions; staff then set up a new one."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add whose."""
        parser.add_argument("email", metavar="EMAIL")
        super().add_arguments(parser)

    def run(self, **options: Any) -> Json:
        """Do it."""
        user = account_by_email(options["email"])
        removed = account_reset_second_factor(user=user, by=None)
        return {"account": str(user.pk), "email": user.email, "removed": removed}

    def report(self, result: Json) -> None:
        """Say what was done."""
        what = (
            "Took the second factor off" if result["removed"] else "There was no second factor on"
        )
        self.stdout.write(f"{what} {result['email']}, who is signed out everywhere.")
