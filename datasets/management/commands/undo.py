"""Undo a correction."""

from argparse import ArgumentTypeError
from typing import Any
from uuid import UUID

from django.core.management.base import CommandParser

from datasets.correcting.operator import change_undo
from datasets.templatetags.fairdb import times
from fairdb_site.commands import FairdbCommand, Json


def change_uuid(text: str) -> UUID:
    """Parse a CHANGE argument (argparse type)."""
    try:
        return UUID(text)
    except ValueError:
        raise ArgumentTypeError(
            f"{text!r} is not a change: give its uuid, as history prints it"
        ) from None


class Command(FairdbCommand):
    """Undo a correction."""

    help = "Undo CHANGE, as `history` prints it: put back what it found, deleted rows too."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the change."""
        parser.add_argument("change", type=change_uuid, metavar="CHANGE")
        super().add_arguments(parser)

    def run(self, **options: Any) -> Json:
        """Undo it as the dataset's owner."""
        undone = change_undo(options["change"])
        return {"undid": options["change"], "change": undone["change"], "rows": undone["rows"]}

    def report(self, result: Json) -> None:
        """Say how many rows are as before."""
        self.stdout.write(f"Undone: {times(result['rows'], 'row')} as before.")
        self.stdout.write(f"change {result['change']}")
