"""Write a dataset as CSV under its owner's row level security."""

from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from accounts import audit
from accounts.models import AuditAction
from accounts.services import account_by_email
from datasets.browse.export_file import dataset_export
from datasets.catalogue import dataset_facts
from fairdb_site.commands import FairdbCommand, Json, dataset_uuid


class Command(FairdbCommand):
    """Write a dataset as CSV under its owner's row level security."""

    help = "Write DATASET to OUT.csv: columns in the file's order, pseudonyms in the id's place."
    flags = {"overwrite": "--overwrite"}

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the dataset, the file and, optionally, whose eyes to read with."""
        parser.add_argument("dataset", type=dataset_uuid, metavar="DATASET")
        parser.add_argument("out", type=Path, metavar="OUT.csv")
        parser.add_argument("--owner", metavar="EMAIL", help="default: the dataset's owner")
        parser.add_argument("--overwrite", action="store_true", help="replace OUT.csv if it exists")
        super().add_arguments(parser)

    def run(self, **options: Any) -> Json:
        """Export through the service."""
        if options["owner"]:
            reader_id = account_by_email(options["owner"]).pk
        else:
            reader_id = dataset_facts(options["dataset"])["owner_id"]
        with audit.trail(
            AuditAction.DATASET_EXPORTED, actor=None, subject=reader_id, dataset=options["dataset"]
        ):
            exported = dataset_export(
                dataset_id=options["dataset"],
                reader_id=reader_id,
                out=options["out"],
                overwrite=options["overwrite"],
            )
        return {
            "dataset": exported.dataset,
            "file": str(options["out"]),
            "bytes": exported.bytes,
            "digest": exported.digest,
            "unchanged": exported.unchanged,
        }

    def report(self, result: Json) -> None:
        """Say what was written."""
        state = "as loaded" if result["unchanged"] else "edited since it was loaded"
        self.stdout.write(f"{result['file']}: {result['bytes']:,} bytes, {state}")
        self.stdout.write(f"digest  {result['digest']}")
