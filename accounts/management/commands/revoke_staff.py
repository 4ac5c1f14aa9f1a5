"""Take the administration away from an account."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from accounts.administration import staff_revoke
from accounts.services import account_by_email
from fairdb_site.commands import FairdbCommand, Json


class Command(FairdbCommand):
    """Take the administration away from an account."""

    help = "Make EMAIL a researcher as others are; their sessions end."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add whose."""
        parser.add_argument("email", metavar="EMAIL")
        super().add_arguments(parser)

    def run(self, **options: Any) -> Json:
        """Do it."""
        user = account_by_email(options["email"])
        user = staff_revoke(user=user, by=None)
        return {"account": str(user.pk), "email": user.email, "staff": user.is_staff}

    def report(self, result: Json) -> None:
        """Say what was done."""
        self.stdout.write(f"{result['email']} is not staff.")
