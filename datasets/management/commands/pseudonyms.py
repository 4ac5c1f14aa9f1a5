"""Print the pseudonyms that raw ids have in an owner's datasets."""

import argparse
import io
import os
import sys
from argparse import ArgumentTypeError
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from django.conf import settings
from django.core.management.base import CommandError, CommandParser

from accounts import audit
from accounts.models import AuditAction
from accounts.services import account_by_email
from datasets.ingest.sandbox import LOAD
from datasets.ingest.stream import Source
from datasets.linking.ids import ids_of_list, ids_of_table
from datasets.linking.occurrences import Occurrence, occurrences
from datasets.linking.pseudonyms import Linked, csv_pieces, ids_pseudonymize, write_new_file
from fairdb_site.commands import FairdbCommand, Json
from fairdb_site.errors import Refused, TooLarge

Found = Mapping[str, Sequence[Occurrence]]

STDIN: Final = Path("-")
MOST_IDS: Final = 5_000_000  # different ones; a million with --lookup took 455 MB
MOST_BYTES: Final = 1 << 28  # of a list, or of a pipe: both are held in memory

NOT_AN_ARGUMENT: Final = (
    "give a file of ids, or - to read them from stdin. Ids are not taken as arguments: the shell "
    "keeps those in its history, and everybody on this machine sees them while the command runs"
)


def id_file(text: str) -> Path:
    """Parse FILE (argparse type); what is no file may be an id, so it is not repeated."""
    path = Path(text)
    if path != STDIN and (path.is_dir() or not path.exists()):
        raise ArgumentTypeError(f"there is no such file: {NOT_AN_ARGUMENT}")
    return path


def no_argument(text: str) -> str:
    """Refuse an id on the command line (argparse type)."""
    raise ArgumentTypeError(NOT_AN_ARGUMENT)


class Command(FairdbCommand):
    """Print the pseudonyms that raw ids have in an owner's datasets."""

    help = (
        "Print as CSV (id,pseudonym) the pseudonyms that the ids in FILE have in all datasets of "
        "one owner. FILE holds one id a line, or with --id-column is a table; - is stdin. Nothing "
        "of the ids is stored or logged."
    )
    flags = {
        "encoding": "--encoding",
        "delimiter": "--delimiter",
        "id_column": "--id-column",
        "skip_bad_rows": "--skip-bad-rows",
    }

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the file, whose pseudonyms to give, how to read, and where to write."""
        parser.add_argument("files", nargs="+", type=id_file, metavar="FILE")
        parser.add_argument("--owner", required=True, metavar="EMAIL")
        parser.add_argument("--id-column", metavar="C", help="by its label, or its place as #3")
        parser.add_argument("--delimiter", metavar="D")
        parser.add_argument("--encoding", metavar="E")
        parser.add_argument("--skip-bad-rows", action="store_true")
        parser.add_argument(
            "--out", type=Path, metavar="NEW.csv", help="a new file, readable by you alone"
        )
        parser.add_argument(
            "--lookup",
            action="store_true",
            help="say too in which rows of the owner's datasets each pseudonym stands",
        )
        # the likely slip; without this it would be short for --id-column
        parser.add_argument("--id", "--ids", type=no_argument, help=argparse.SUPPRESS)
        super().add_arguments(parser)

    def run(self, **options: Any) -> Json:
        """Make the pseudonyms by the service that the page uses."""
        if len(options["files"]) > 1:
            raise CommandError("Give one FILE.", returncode=2)
        owner = account_by_email(options["owner"])
        with audit.trail(AuditAction.IDS_LINKED, actor=None, subject=owner.pk):
            linked = ids_pseudonymize(owner_id=owner.pk, ids=self._ids(**options), most=MOST_IDS)
        self._warn(linked, is_table=bool(options["id_column"]))
        counts = {"ids": len(linked.ids), "empty": linked.empty, "repeated": linked.repeated}
        found: Found | None = None
        if options["lookup"]:
            found = occurrences(owner_id=owner.pk, pseudonyms=linked.pseudonyms)
            counts["found"] = len(found)
        if options["out"]:
            write_new_file(options["out"], csv_pieces(linked, found))
            return {"owner": owner.email, "file": str(options["out"]), **counts}
        if not options["json"]:
            for piece in csv_pieces(linked, found):
                self.stdout.write(piece, ending="")
            return counts
        return {"owner": owner.email, **counts, "pseudonyms": list(_listed(linked, found))}

    def report(self, result: Json) -> None:
        """Say on stderr how many there were; the CSV is on stdout."""
        file = f"{result['file']}: " if "file" in result else ""
        empty = f", {result['empty']:,} empty passed over" if result["empty"] else ""
        again = f", {result['repeated']:,} given again" if result["repeated"] else ""
        found = f", {result['found']:,} found in datasets" if "found" in result else ""
        self.stderr.write(f"{file}{_ids(result['ids'])}{empty}{again}{found}", style_func=str)

    def _ids(self, **options: Any) -> Iterable[str]:
        source = self._source(options["files"][0])
        if options["id_column"]:
            return ids_of_table(
                source,
                id_column=options["id_column"],
                delimiter=options["delimiter"],
                encoding=options["encoding"],
                skip_bad_rows=options["skip_bad_rows"],
                max_columns=settings.FAIRDB_MAX_COLUMNS,
                max_bytes=settings.FAIRDB_MAX_UPLOAD_BYTES,
                limits=LOAD,
            )
        if options["delimiter"] or options["skip_bad_rows"]:
            raise Refused("A list has no delimiter and no rows of cells: name the --id-column too.")
        return ids_of_list(source, encoding=options["encoding"], max_bytes=MOST_BYTES)

    def _source(self, path: Path) -> Source:
        """Return a file as it is; hold a pipe, which can be read but once, in memory."""
        if path.is_file():
            return path
        if path == STDIN:
            if sys.stdin.isatty():
                self.stderr.write("One id a line; Ctrl-D ends the list.", style_func=str)
            held = sys.stdin.buffer.read(MOST_BYTES + 1)
        else:
            try:
                with path.open("rb") as pipe:
                    held = pipe.read(MOST_BYTES + 1)
            except OSError as error:
                raise Refused(
                    f"The file cannot be read: {os.strerror(error.errno or 0)}."
                ) from None
        if len(held) > MOST_BYTES:
            raise TooLarge(f"At most {MOST_BYTES >> 20} MiB are taken from a pipe. Give a file.")
        return lambda: io.BytesIO(held)

    def _warn(self, linked: Linked, *, is_table: bool) -> None:
        if (count := linked.like_cells) and not is_table:
            self.stderr.write(
                f"{_ids(count)} {'holds' if count == 1 else 'hold'} a separator or a quotation "
                "mark. Lines are taken as they stand: of a table, name the --id-column.",
                style_func=str,
            )
        if count := linked.like_formulas:
            self.stderr.write(
                f"{_ids(count)} {'begins' if count == 1 else 'begin'} with = + - or @: a "
                "spreadsheet computes such cells unless they are imported as text.",
                style_func=str,
            )


def _listed(linked: Linked, found: Found | None) -> Iterator[dict[str, Any]]:
    for value, pseudonym in linked.pairs:
        entry: dict[str, Any] = {"id": value, "pseudonym": pseudonym}
        if found is not None:
            entry["rows"] = [asdict(place) for place in found.get(pseudonym, ())]
        yield entry


def _ids(count: int) -> str:
    return "1 id" if count == 1 else f"{count:,} ids"
