"""Run and look after the embedded PostgreSQL and Supabase gateway."""

import os
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from fairdb_site.errors import FairdbError


class Command(BaseCommand):
    """up, down, status, reset, bootstrap, outbox of the embedded default."""

    help = (
        "Runs and looks after the embedded default: up and down start and stop PostgreSQL and the "
        "Supabase gateway, status says what runs and where, reset removes every account and "
        "dataset in it, bootstrap lays Supabase's roles and auth schema into the server in "
        "DATABASE_URL (or into our own again), outbox prints the mails it would have sent."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the actions and their flags."""
        _refuse_hosted()
        from fairdb_site.local.commands import add_arguments

        add_arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        """Do one action."""
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
        self.stdout.write(text)


def _refuse_hosted() -> None:
    if not settings.FAIRDB_EMBEDDED:
        raise CommandError(
            "SUPABASE_URL is set, so there is no embedded stack to run. Unset it to use one."
        )
