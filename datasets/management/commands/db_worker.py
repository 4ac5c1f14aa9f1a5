"""Load what people sent, until told to stop."""

import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError
from django.db import Error
from django_tasks_db.management.commands import db_worker
from psycopg2 import errorcodes

from datasets.loading.taking import taken_in_time
from fairdb_site.database import is_outage

_PAUSE = 5.0  # seconds until the database is tried again


class Command(db_worker.Command):
    """The worker of django-tasks-db, with the chores of ours beside it.

    It outlives the database: while that is away it waits. Restarting it when the code changes, its
    own default while DEBUG is on, would stop a load half way and is off unless asked for.
    """

    help = (
        "Load what people sent, until told to stop (SIGTERM, Ctrl-C: after the load at hand; twice:"
        " at once, and another worker goes on). Any number may run, on any machines. Takes back "
        "loads of workers that are gone, and runs reap_uploads every FAIRDB_REAP_MINUTES."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take the options of django-tasks-db."""
        super().add_arguments(parser)
        parser.set_defaults(reload=False)

    def handle(self, **options: Any) -> None:
        """Work until told to stop, or with `--batch` until the queue is empty."""
        from datasets.loading.chores import Chores

        with taken_in_time(), Chores():
            while not self._worked(**options):
                time.sleep(_PAUSE)

    def _worked(self, **options: Any) -> bool:
        """Work; return whether that ended by itself, and not for want of a database."""
        try:
            super().handle(**options)
        except Error as error:
            if is_outage(error):
                self.stderr.write("The database does not answer. Waiting for it.")
                return False
            code = getattr(error.__cause__, "pgcode", None)
            if code == errorcodes.UNDEFINED_TABLE:
                raise CommandError(
                    "The database has no tables yet. Run: manage.py migrate"
                ) from None
            raise CommandError(f"The database could not do this (SQLSTATE {code}).") from None
        return True
