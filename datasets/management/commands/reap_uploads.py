"""Clear up after loads and deletions that were killed."""

from dataclasses import asdict
from typing import Any

from datasets.services import reap_uploads
from fairdb_site.commands import FairdbCommand, Json


class Command(FairdbCommand):
    """Clear up after loads and deletions that were killed."""

    help = "Drop what killed loads and deletions left; live loads are not touched."

    def run(self, **options: Any) -> Json:
        """Reap through the service."""
        return asdict(reap_uploads())

    def report(self, result: Json) -> None:
        """Say what went and what stayed."""
        self.stdout.write(
            f"{result['datasets']} unfinished datasets, {result['parts']} tables and"
            f" {result['files']} staged files removed, {result['alive']} loads are running."
        )
