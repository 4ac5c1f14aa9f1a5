"""Make an account, for somebody who cannot register or for staff."""

from __future__ import annotations

import sys
from typing import Any

from django.core.management.base import CommandParser

from accounts.services import account_create, generated_password
from fairdb_site.commands import FairdbCommand, Json
from fairdb_site.errors import Refused


class Command(FairdbCommand):
    """Make an account at Supabase, its e-mail confirmed."""

    help = "Make an account, its e-mail confirmed; a password is made and printed if none is given."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add whose, and what they may."""
        parser.add_argument("email", metavar="EMAIL")
        parser.add_argument(
            "--password-stdin",
            action="store_true",
            help="read the password from the first line of standard input",
        )
        parser.add_argument("--staff", action="store_true", help="let them into the administration")
        super().add_arguments(parser)

    def run(self, **options: Any) -> Json:
        """Make the account; a password that was given is not repeated."""
        given = _password_of_stdin() if options["password_stdin"] else None
        password = given or generated_password()
        user = account_create(email=options["email"], password=password, staff=options["staff"])
        account = {"account": str(user.id), "email": user.email, "staff": user.is_staff}
        return account if given else account | {"password": password}

    def report(self, result: Json) -> None:
        """Print what its owner needs to know."""
        self.stdout.write(f"Made {'staff ' if result['staff'] else ''}account {result['email']}.")
        if "password" in result:
            self.stdout.write(f"Password: {result['password']}")


def _password_of_stdin() -> str:
    password = sys.stdin.readline().rstrip("\r\n")
    if not password:
        raise Refused("--password-stdin was given, but standard input holds no password.")
    return password
