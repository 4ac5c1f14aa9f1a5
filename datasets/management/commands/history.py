"""Show what was corrected in a dataset."""

from typing import Any

from django.core.management.base import CommandParser

from datasets.correcting.operator import changes_list
from datasets.rpc import Change
from datasets.templatetags.fairdb import times
from fairdb_site.commands import FairdbCommand, Json, dataset_uuid


class Command(FairdbCommand):
    """Show what was corrected in a dataset."""

    help = "Show the newest 500 corrections of DATASET, or of its row ROWID: old and new values."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the dataset and, where one is meant, the row."""
        parser.add_argument("dataset", type=dataset_uuid, metavar="DATASET")
        parser.add_argument("row", type=int, nargs="?", metavar="ROWID")
        super().add_arguments(parser)

    def run(self, **options: Any) -> Json:
        """Read the history as the dataset's owner."""
        changes = changes_list(dataset_id=options["dataset"], row=options["row"])
        return {"dataset": options["dataset"], "row": options["row"], "changes": changes}

    def report(self, result: Json) -> None:
        """Print a line a change, and one a cell beneath."""
        for change in result["changes"]:
            who = change["account"] or "an operator"
            undone = ", undone since" if change["undone"] else ""
            what = f"{times(change['rows'], 'row')} {change['kind']}, {_named(change)}{undone}"
            self.stdout.write(f"{change['change']}  {change['at'][:19]}  {who}  {what}")
            for cell in change["shown"]:
                old, new = (
                    "missing" if value is None else repr(value)
                    for value in (cell["old"], cell["new"])
                )
                self.stdout.write(f"    row {cell['row']:,}, {cell['label']!r}: {old} -> {new}")
        if not result["changes"]:
            self.stderr.write("Nothing was corrected.")


def _named(change: Change) -> str:
    """Return which rows a change is of: the first ones, and how many more."""
    first = change["first_rows"]
    listed = ", ".join(f"{row:,}" for row in first)
    more = change["rows"] - len(first)
    noun = "row" if len(first) == 1 else "rows"
    return f"{noun} {listed}" + (f" and {more:,} more" if more else "")
