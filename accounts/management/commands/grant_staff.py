"""Let an account into the administration."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from accounts.administration import staff_grant
from accounts.services import account_by_email
from fairdb_site.commands import FairdbCommand, Json


class Command(FairdbCommand):
    """Let an account into the administration."""

    help = "Make EMAIL a member of staff; they sign in anew, with a second factor."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add whose."""
        parser.add_argument("email", metavar="EMAIL")
        super().add_arguments(parser)

    def run(self, **options: Any) -> Json:
        """Do it."""
        user = account_by_email(options["email"])
        user = staff_grant(user=user, by=None)
        return {"account": str(user.pk), "email": user.email, "staff": user.is_staff}

    def report(self, result: Json) -> None:
        """Say what was done."""
        self.stdout.write(f"{result['email']} is staff, and signs in anew.")
