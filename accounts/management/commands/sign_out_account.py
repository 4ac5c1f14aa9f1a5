"""Sign an account out everywhere."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from accounts.administration import account_sign_out_everywhere
from accounts.services import account_by_email
from fairdb_site.commands import FairdbCommand, Json


class Command(FairdbCommand):
    """Sign an account out everywhere."""

    help = "End all sessions of EMAIL, here and at Supabase."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add whose."""
        parser.add_argument("email", metavar="EMAIL")
        super().add_arguments(parser)

    def run(self, **options: Any) -> Json:
        """Do it."""
        user = account_by_email(options["email"])
        ended = account_sign_out_everywhere(user=user, by=None)
        return {"account": str(user.pk), "email": user.email, "ended": ended}

    def report(self, result: Json) -> None:
        """Say what was done."""
        self.stdout.write(
            f"{result['email']} is signed out everywhere; sessions here: {result['ended']}."
        )
