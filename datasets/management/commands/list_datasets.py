"""List datasets: facts, never rows."""

from typing import Any

from django.core.management.base import CommandParser

from accounts.services import account_by_email
from datasets.catalogue import dataset_list
from fairdb_site.commands import FairdbCommand, Json

# In the order of the JSON objects; the owner's uuid is not for people.
PRINTED = ("dataset", "title", "owner", "state", "rows", "columns", "created_at")


class Command(FairdbCommand):
    """List datasets: facts, never rows."""

    help = "List the datasets that are ready, of everyone or of one owner."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add whose, and in which state."""
        parser.add_argument("--owner", metavar="EMAIL")
        parser.add_argument("--all", action="store_true", help="unfinished loads too")
        super().add_arguments(parser)

    def run(self, **options: Any) -> Json:
        """Read the list."""
        owner_id = account_by_email(options["owner"]).pk if options["owner"] else None
        entries = dataset_list(owner_id=owner_id, unfinished=options["all"])
        return {"datasets": [{key: dict(entry)[key] for key in PRINTED} for entry in entries]}

    def report(self, result: Json) -> None:
        """Print a line a dataset."""
        for facts in result["datasets"]:
            size = f"{facts['rows'] or 0:,} x {facts['columns'] or 0:,}"
            self.stdout.write(
                f"{facts['dataset']}  {facts['state']:<8} {size:>18}  "
                f"{facts['owner']}  {facts['title']}"
            )
        if not result["datasets"]:
            self.stderr.write("No datasets yet. Load one with import_dataset.")
