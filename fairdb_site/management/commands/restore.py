"""Restore a backup into an empty database, or compare the database with a backup."""

from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from fairdb_site.backup.restoring import backup_compare, backup_restore
from fairdb_site.commands import FairdbCommand, Json, ProgressBar


class Command(FairdbCommand):
    """Restore a backup into an empty database, or compare the database with a backup."""

    help = (
        "Restore what `backup` wrote into FOLDER, into an empty database, all of it or nothing; "
        "then compare both. Put the keys back first."
    )
    flags = {"programs": "--programs FOLDER", "any_key": "--any-key to restore without it"}

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the folder, and how to restore it."""
        parser.add_argument("folder", type=Path, metavar="FOLDER")
        parser.add_argument(
            "--verify",
            action="store_true",
            help="change nothing: check the files, and compare the database with them",
        )
        parser.add_argument(
            "--any-key",
            action="store_true",
            help="restore although FAIRDB_PSEUDONYM_KEY is not the datasets' key",
        )
        parser.add_argument(
            "--programs",
            type=Path,
            metavar="FOLDER",
            help="of pg_restore and psql; default: the embedded server's, else those on PATH",
        )
        super().add_arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        """Restore; exit code 1 where the database is not what the backup says."""
        super().handle(*args, **options)
        if self.differences:
            raise CommandError("The database differs from the backup.", returncode=1)

    def run(self, **options: Any) -> Json:
        """Restore or compare."""
        folder: Path = options["folder"].absolute()
        progress = ProgressBar(self.stderr._out)
        try:
            if options["verify"]:
                restored = backup_compare(folder=folder, progress=progress)
            else:
                restored = backup_restore(
                    folder=folder,
                    programs=options["programs"],
                    any_key=options["any_key"],
                    progress=progress,
                )
        finally:
            progress.clear()
        self.differences = restored.differences
        contents = restored.manifest.contents
        return {
            "folder": str(options["folder"]),
            "made_at": restored.manifest.made_at,
            "restored": not options["verify"],
            "datasets": len(contents.datasets),
            "accounts": contents.rows.get("auth.users", 0),
            "differences": list(restored.differences),
            "notes": list(restored.notes),
        }

    def report(self, result: Json) -> None:
        """Say what was restored, and what differs."""
        done = "Restored" if result["restored"] else "Compared with"
        self.stdout.write(
            f"{done} the backup of {result['made_at']}: {result['datasets']} datasets,"
            f" {result['accounts']} accounts."
        )
        for difference in result["differences"]:
            self.stdout.write(f"differs {difference}")
        for note in result["notes"]:
            self.stdout.write(f"note    {note}")
        if not result["differences"]:
            self.stdout.write("Every digest, count, policy, grant and function is as it was.")
            if result["restored"]:
                self.stdout.write("Next: manage.py migrate, reap_uploads, doctor.")
