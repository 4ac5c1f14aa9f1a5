"""Invite somebody by mail."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from accounts.administration import account_invite
from fairdb_site.commands import FairdbCommand, Json


class Command(FairdbCommand):
    """Have Supabase mail an invitation, which makes the account."""

    help = "Mail an invitation to EMAIL: its link leads to where they set their password."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add whom."""
        parser.add_argument("email", metavar="EMAIL")
        super().add_arguments(parser)

    def run(self, **options: Any) -> Json:
        """Invite them."""
        user = account_invite(email=options["email"], by=None)
        return {"account": str(user.pk), "email": user.email}

    def report(self, result: Json) -> None:
        """Say to whom the mail goes."""
        self.stdout.write(f"Invited {result['email']}.")
