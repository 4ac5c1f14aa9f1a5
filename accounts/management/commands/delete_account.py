"""Delete an account with its datasets."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from accounts.own.deletion import account_delete, what_goes
from accounts.services import account_by_email
from fairdb_site.commands import FairdbCommand, Json


class Command(FairdbCommand):
    """Delete an account with all that is held of it."""

    help = "Delete an account with its datasets and sessions; the audit trail keeps that it was."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add whose, and whether to ask."""
        parser.add_argument("email", metavar="EMAIL")
        parser.add_argument("--yes", action="store_true", help="do not ask")
        super().add_arguments(parser)

    def run(self, **options: Any) -> Json:
        """Ask, then delete through the service."""
        user = account_by_email(options["email"])
        goes = ", ".join(["its sessions", *what_goes(user.pk)])
        if not options["yes"]:
            self.confirm(f"Delete the account {user.email} with {goes}?")
        done = account_delete(account=user.pk, by=None)
        return {"account": str(user.pk), "email": user.email, "done": done}

    def report(self, result: Json) -> None:
        """Say whether anything is left."""
        self.stdout.write(f"Deleted {result['email']}.")
        if not result["done"]:
            self.stderr.write("Something of it is left: run manage.py reap_uploads in a while.")
