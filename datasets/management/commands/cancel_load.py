"""Cancel a load."""

from argparse import ArgumentTypeError
from typing import Any
from uuid import UUID

from django.core.management.base import CommandParser

from datasets.loading.listing import load_cancel
from datasets.models import Submission
from fairdb_site.commands import FairdbCommand, Json
from fairdb_site.errors import Conflict

State = Submission.State


def load_uuid(text: str) -> UUID:
    """Parse LOAD (argparse type)."""
    try:
        return UUID(text)
    except ValueError:
        raise ArgumentTypeError(
            f"{text!r} is not a load: give its uuid, as list_loads prints it"
        ) from None


class Command(FairdbCommand):
    """Cancel a load."""

    help = "Cancel LOAD: at once where it waits, else as soon as its worker looks up (seconds)."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add which."""
        parser.add_argument("load", type=load_uuid, metavar="LOAD")
        super().add_arguments(parser)

    def run(self, **options: Any) -> Json:
        """Cancel it through the service that the page uses."""
        load = load_cancel(options["load"])
        if load.state not in (State.CANCELLED, State.RUNNING):
            raise Conflict(f"It has ended already: {load.state}.")
        return {"load": load.pk, "state": load.state, "cancel_asked": load.cancel_asked}

    def report(self, result: Json) -> None:
        """Say what becomes of it."""
        if result["state"] == State.CANCELLED:
            self.stdout.write("It is cancelled. Nothing of it was stored.")
        else:
            self.stdout.write("It is being cancelled: its worker stops within seconds.")
