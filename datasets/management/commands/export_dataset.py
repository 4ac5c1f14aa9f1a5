"""Write a dataset to a file under its owner's row level security."""

from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from accounts import audit
from accounts.models import AuditAction
from accounts.services import account_by_email
from datasets.browse.export_file import dataset_export
from datasets.catalogue import dataset_facts
from datasets.exporting.typed import GRAMMAR, Typed
from datasets.exporting.wanted import Format
from fairdb_site.commands import FairdbCommand, Json, dataset_uuid


class Command(FairdbCommand):
    """Write a dataset to a file under its owner's row level security."""

    help = (
        "Write DATASET to OUT: columns in the file's order, pseudonyms in the id's place, every "
        "cell as it is stored."
    )
    flags = {"overwrite": "--overwrite"}

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the dataset, the file and, optionally, whose eyes to read with."""
        parser.add_argument("dataset", type=dataset_uuid, metavar="DATASET")
        parser.add_argument("out", type=Path, metavar="OUT")
        parser.add_argument("--owner", metavar="EMAIL", help="default: the dataset's owner")
        parser.add_argument("--overwrite", action="store_true", help="replace OUT if it exists")
        parser.add_argument(
            "--format", choices=list(map(str, Format)), default="csv", help="default: csv"
        )
        parser.add_argument(
            "--columns",
            metavar="A,B",
            default="",
            help="these alone, in this order: labels or places (#3, #5-9), as a line of CSV",
        )
        parser.add_argument(
            "--where",
            metavar="'COLUMN OP VALUE'",
            action="append",
            default=[],
            help=f"rows of which this holds; repeat it, and all have to: {GRAMMAR}",
        )
        parser.add_argument(
            "--with-parquet", action="store_true", help="put data.parquet into the zip as well"
        )
        super().add_arguments(parser)

    def run(self, **options: Any) -> Json:
        """Export through the service."""
        if options["owner"]:
            reader_id = account_by_email(options["owner"]).pk
        else:
            reader_id = dataset_facts(options["dataset"])["owner_id"]
        wanted = Typed(
            Format(options["format"]),
            options["columns"],
            tuple(options["where"]),
            options["with_parquet"],
        )
        with audit.trail(
            AuditAction.DATASET_EXPORTED, actor=None, subject=reader_id, dataset=options["dataset"]
        ):
            exported = dataset_export(
                dataset_id=options["dataset"],
                reader_id=reader_id,
                out=options["out"],
                overwrite=options["overwrite"],
                wanted=wanted,
            )
        is_canonical = wanted == Typed(Format.CSV)
        return {
            "dataset": exported.dataset,
            "file": str(options["out"]),
            "format": options["format"],
            "bytes": exported.bytes,
            "digest": exported.digest,
            "unchanged": exported.unchanged if is_canonical else None,
        }

    def report(self, result: Json) -> None:
        """Say what was written."""
        states = {True: ", as loaded", False: ", edited since it was loaded", None: ""}
        state = states[result["unchanged"]]
        self.stdout.write(f"{result['file']}: {result['bytes']:,} bytes{state}")
        self.stdout.write(f"digest  {result['digest']}")
