"""Load a file as a dataset of one owner."""

from argparse import ArgumentTypeError
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from accounts import audit
from accounts.models import AuditAction
from accounts.services import account_by_email
from datasets.ingest.pipeline import dataset_import
from datasets.templatetags.fairdb import times
from datasets.titles import title_of_next
from fairdb_site.commands import FairdbCommand, Json, ProgressBar, dataset_uuid
from fairdb_site.errors import Refused


def column_type(text: str) -> tuple[str, str]:
    """Parse COLUMN=TYPE at its last `=`, since a label may hold one (argparse type)."""
    column, found, data_type = text.rpartition("=")
    if not found:
        raise ArgumentTypeError(f"{text!r} is not COLUMN=TYPE")
    return column, data_type


class Command(FairdbCommand):
    """Load a file as a dataset of one owner."""

    help = "Load FILE (text in any encoding, gzip or not; a workbook; or Parquet) as one dataset."
    flags = {
        "delimiter": "--delimiter",
        "encoding": "--encoding",
        "id_column": "--id-column",
        "leave_out": "--leave-out COLUMN",
        "number_rows": "--number-rows",
        "sheet": "--sheet",
        "skip_bad_rows": "--skip-bad-rows",
        "types": "--type COLUMN=TYPE",
    }

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the file, its owner, and what may be said about it."""
        parser.add_argument("file", type=Path, metavar="FILE")
        parser.add_argument("--owner", required=True, metavar="EMAIL")
        parser.add_argument(
            "--title",
            help="default: the file's name without its endings, or that of the dataset replaced",
        )
        parser.add_argument("--description", default="")
        parser.add_argument("--origin", default="")
        parser.add_argument(
            "--id-column",
            metavar="C",
            help="its values become pseudonyms; default: the first, if no other looks like an id",
        )
        parser.add_argument(
            "--number-rows",
            action="store_true",
            help="no column is the id: rows are numbered from 1, and every column stays data",
        )
        parser.add_argument(
            "--type", action="append", default=[], type=column_type, metavar="COLUMN=TYPE"
        )
        parser.add_argument("--missing", action="append", default=[], metavar="MARKER")
        parser.add_argument(
            "--leave-out",
            action="append",
            default=[],
            metavar="COLUMN",
            help="by name, place (#3), places (#3-40) or pattern (age*); nothing of it is stored",
        )
        parser.add_argument("--delimiter", metavar="D")
        parser.add_argument("--encoding", metavar="E")
        parser.add_argument("--sheet", metavar="S", help="of a workbook: its name, or its number")
        parser.add_argument(
            "--replace",
            type=dataset_uuid,
            metavar="DATASET",
            help="load FILE as the next version of DATASET, whose earlier ones stay",
        )
        parser.add_argument("--skip-bad-rows", action="store_true")
        super().add_arguments(parser)

    def run(self, **options: Any) -> Json:
        """Load the file through the service that the upload page uses."""
        path: Path = options["file"]
        if not path.is_file():
            raise Refused(f"There is no file {path}.")
        progress = ProgressBar(self.stderr._out)
        try:
            owner = account_by_email(options["owner"])
            with audit.trail(AuditAction.DATASET_LOADED, actor=None, subject=owner.pk) as event:
                receipt = dataset_import(
                    owner=owner,
                    source=path,
                    file_name=path.name,
                    title=options["title"]
                    or title_of_next(owner.pk, options["replace"], path.name),
                    description=options["description"],
                    origin=options["origin"],
                    id_column=options["id_column"],
                    number_rows=options["number_rows"],
                    types=dict(options["type"]),
                    missing=options["missing"],
                    leave_out=options["leave_out"],
                    delimiter=options["delimiter"],
                    encoding=options["encoding"],
                    sheet=options["sheet"],
                    skip_bad_rows=options["skip_bad_rows"],
                    replaces=options["replace"],
                    progress=progress,
                )
                event.dataset = receipt.dataset
        finally:
            progress.clear()
        return asdict(receipt)

    def report(self, result: Json) -> None:
        """Print the receipt."""
        self.stdout.write(
            f"{result['title']}: {times(result['rows'], 'row')} and"
            f" {times(result['columns'], 'column')} stored in"
            f" {times(len(result['tables']), 'table')}, {times(result['refused'], 'row')} refused,"
            f" {result['seconds']:.1f} s\n"
            f"pseudonyms stand for {result['id_label'] or 'the first column (it has no name)'}"
        )
        if result["refused"]:
            listed = ", ".join(f"{row:,}" for row in result["refused_rows"])
            more = " ..." if result["refused"] > len(result["refused_rows"]) else ""
            self.stdout.write(f"refused rows {listed}{more}")
        self.stdout.write(f"dataset {result['dataset']}\ndigest  {result['digest']}")
        for sentence in result["read_as"]:
            self.stdout.write(f"read    {sentence}")
        for note in result["notes"]:
            self.stdout.write(f"note    {note}")
