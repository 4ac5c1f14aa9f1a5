"""Write a backup of accounts, datasets and staged files into a new folder."""

from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from accounts import audit
from accounts.models import AuditAction
from fairdb_site.backup.making import backup_make
from fairdb_site.commands import FairdbCommand, Json, ProgressBar


class Command(FairdbCommand):
    """Write a backup of accounts, datasets and staged files into a new folder."""

    help = (
        "Write accounts, datasets and staged files into the new folder FOLDER, as of one moment. "
        "Keys are not in it: keep them elsewhere. People can go on working meanwhile."
    )
    flags = {"programs": "--programs FOLDER"}

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the folder, and where PostgreSQL's programs are."""
        parser.add_argument("folder", type=Path, metavar="FOLDER")
        parser.add_argument(
            "--programs",
            type=Path,
            metavar="FOLDER",
            help="of pg_dump; default: the embedded server's, else the one on PATH",
        )
        super().add_arguments(parser)

    def run(self, **options: Any) -> Json:
        """Make the backup."""
        progress = ProgressBar(self.stderr._out)
        try:
            with audit.trail(AuditAction.BACKUP_MADE, actor=None):
                manifest = backup_make(
                    folder=options["folder"].absolute(),
                    programs=options["programs"],
                    progress=progress,
                )
        finally:
            progress.clear()
        return {
            "folder": str(options["folder"]),
            "made_at": manifest.made_at,
            "datasets": len(manifest.contents.datasets),
            "accounts": manifest.contents.rows.get("auth.users", 0),
            "staged_files": sum(file.name.startswith("staged/") for file in manifest.files),
            "bytes": sum(file.bytes for file in manifest.files),
        }

    def report(self, result: Json) -> None:
        """Say what was written."""
        self.stdout.write(
            f"{result['folder']}: {result['datasets']} datasets, {result['accounts']} accounts,"
            f" {result['staged_files']} staged files, {result['bytes']:,} bytes\n"
            "The keys are not in it: see docs/operate.md."
        )
