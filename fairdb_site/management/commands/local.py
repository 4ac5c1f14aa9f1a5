"""Run and look after the embedded PostgreSQL and Supabase gateway."""

import os
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError

from fairdb_site.errors import FairdbError


class Command(BaseCommand):
    """Actions on the embedded default; the code behind is not imported where it is not in use."""

    help = (
        "Runs and looks after the embedded default. up, down: start and stop PostgreSQL and the "
        "Supabase gateway. status: what runs, and where. reset: remove every account and dataset. "
        "bootstrap: lay Supabase's roles and auth schema into the server in DATABASE_URL, or "
        "into our own again. outbox: the mails it would have sent. rotate-signing-key: sign access "
        "tokens with a new key; nobody is signed out."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the actions and their flags."""
        actions = ("bootstrap", "down", "outbox", "reset", "rotate-signing-key", "status", "up")
        parser.add_argument("action", choices=actions, help="what to do")
        parser.add_argument("--json", action="store_true", help="print one JSON object")
        parser.add_argument("--yes", action="store_true", help="reset without asking")

    def handle(self, *args: Any, **options: Any) -> None:
        """Do one action."""
        if not settings.FAIRDB_EMBEDDED:
            raise CommandError(
                "SUPABASE_URL is set, so there is no embedded stack here. Unset it to use one."
            )
        from fairdb_site.local.commands import run

        try:
            text = run(
                options["action"],
                settings.FAIRDB_LOCAL_DIR,
                database_url=os.environ.get("DATABASE_URL") or None,
                as_json=options["json"],
                yes=options["yes"],
            )
        except FairdbError as error:
            raise CommandError(error.message) from error
        if options["action"] == "rotate-signing-key":
            self._put_on_record()
        self.stdout.write(text)

    def _put_on_record(self) -> None:
        from accounts import audit
        from accounts.models import AuditAction

        try:
            audit.record(AuditAction.SIGNING_KEY_CHANGED, actor=None)
        except DatabaseError:  # it may be stopped, or not migrated yet
            self.stderr.write("The audit trail does not have it: the database does not answer.")
