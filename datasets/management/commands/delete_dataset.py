"""Delete a dataset and every table of it."""

from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandParser

from accounts import audit
from accounts.models import AuditAction
from datasets.catalogue import dataset_facts
from datasets.services import dataset_delete
from datasets.templatetags.fairdb import times
from fairdb_site.commands import FairdbCommand, Json, dataset_uuid


class Command(FairdbCommand):
    """Delete a dataset and every table of it."""

    help = "Delete DATASET for good: its rows, tables, description and corrections."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the dataset."""
        parser.add_argument("dataset", type=dataset_uuid, metavar="DATASET")
        parser.add_argument("--yes", action="store_true", help="do not ask")
        super().add_arguments(parser)

    def run(self, **options: Any) -> Json:
        """Ask, then delete through the service that the page uses."""
        facts = dataset_facts(options["dataset"])
        if not options["yes"]:
            rows = times(facts["rows"] or 0, "row")
            self.confirm_by_name(
                f"Delete {facts['title']!r} of {facts['owner']}, {rows}, for good?", facts["title"]
            )
        owner, dataset = facts["owner_id"], options["dataset"]
        with audit.trail(AuditAction.DATASET_DELETED, actor=None, subject=owner, dataset=dataset):
            return asdict(dataset_delete(owner_id=owner, dataset_id=dataset))

    def report(self, result: Json) -> None:
        """Say what went."""
        self.stdout.write(
            f"Deleted {result['title']!r}: {times(result['rows'], 'row')} of"
            f" {times(result['columns'], 'column')} in {times(result['parts'], 'table')},"
            f" {times(result['changes'], 'correction')}."
        )
