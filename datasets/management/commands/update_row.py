"""Correct cells of one row."""

from typing import Any

from django.core.management.base import CommandParser

from datasets.correcting.operator import row_update
from fairdb_site.commands import FairdbCommand, Json, dataset_uuid


class Command(FairdbCommand):
    """Correct cells of one row."""

    help = "Correct cells of row ROWID of DATASET; the history keeps what was there, for `undo`."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the dataset, the row and what to set."""
        parser.add_argument("dataset", type=dataset_uuid, metavar="DATASET")
        parser.add_argument("row", type=int, metavar="ROWID")
        parser.add_argument(
            "assignments",
            nargs="+",
            metavar="COLUMN=VALUE",
            help="by the column's label, or its place as #3; an empty VALUE means missing",
        )
        super().add_arguments(parser)

    def run(self, **options: Any) -> Json:
        """Correct the row as its owner."""
        change, cells = row_update(
            dataset_id=options["dataset"],
            row=options["row"],
            assignments=options["assignments"],
        )
        return {
            "dataset": options["dataset"],
            "row": options["row"],
            "change": change,
            "cells": cells,
        }

    def report(self, result: Json) -> None:
        """Say what was set, and how to take it back."""
        if result["change"] is None:
            self.stdout.write(f"Row {result['row']:,} holds these values already.")
            return
        columns = ", ".join(repr(label) for label in result["cells"])
        self.stdout.write(f"Row {result['row']:,} corrected: {columns}")
        self.stdout.write(f"change {result['change']}")
