"""List loads: what was sent, how far it is, what became of it."""

from typing import Any

from django.core.management.base import CommandParser

from accounts.services import account_by_email
from datasets.loading.listing import LoadEntry, load_entries
from datasets.loading.workers import loads_stuck
from datasets.templatetags.fairdb import size, times
from fairdb_site.commands import FairdbCommand, Json


class Command(FairdbCommand):
    """List loads: what was sent, how far it is, what became of it."""

    help = "List the newest loads, of everyone or of one owner: state, step, rows, why it failed."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add whose, and whether those that have ended too."""
        parser.add_argument("--owner", metavar="EMAIL")
        parser.add_argument(
            "--under-way", action="store_true", help="only what waits or is being loaded"
        )
        super().add_arguments(parser)

    def run(self, **options: Any) -> Json:
        """Read the list."""
        owner_id = account_by_email(options["owner"]).pk if options["owner"] else None
        return {"loads": load_entries(owner_id=owner_id, under_way=options["under_way"])}

    def report(self, result: Json) -> None:
        """Print a line a load, and below it why it failed."""
        for load in result["loads"]:
            self.stdout.write(
                f"{load['load']}  {load['state']:<9} {_how_far(load):<24} {size(load['bytes']):>9}"
                f"  {load['owner']}  {load['title']}"
            )
            if load["error"]:
                self.stdout.write(f"    {load['error']}")
        if not result["loads"]:
            self.stderr.write("No loads.", style_func=str)
        if stuck := loads_stuck():
            self.stderr.write(
                f"{times(stuck, 'load')} waiting, and no worker is running: start "
                "manage.py db_worker.",
                style_func=str,
            )


def _how_far(load: LoadEntry) -> str:
    if load["state"] != "running":
        return ""
    if load["step"] == "storing":
        return f"{load['step']} {load['rows_done']:,}/{load['rows_total']:,}"
    share = 100 * load["bytes_done"] // max(load["bytes"], 1)
    return f"{load['step']} {share} %" if load["step"] == "reading" else load["step"]
