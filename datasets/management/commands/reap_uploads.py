"""Clear up after loads and deletions that were killed."""

from dataclasses import asdict
from typing import Any

from accounts.own.deletion import deletions_finish
from datasets.services import reap_uploads
from datasets.templatetags.fairdb import times
from fairdb_site.commands import FairdbCommand, Json


class Command(FairdbCommand):
    """Clear up after loads and deletions that were killed."""

    help = "Drop what killed loads and deletions left; live loads are not touched."

    def run(self, **options: Any) -> Json:
        """Reap through the service."""
        accounts, waiting = deletions_finish()
        return asdict(reap_uploads()) | {"accounts": accounts, "accounts_waiting": waiting}

    def report(self, result: Json) -> None:
        """Say what went and what stayed."""
        self.stdout.write(
            f"{times(result['datasets'], 'unfinished dataset')}, {times(result['parts'], 'table')}"
            f" and {times(result['files'], 'staged file')} removed,"
            f" {times(result['alive'], 'load')} still running."
        )
        if result["accounts"] or result["accounts_waiting"]:
            self.stdout.write(
                f"{times(result['accounts'], 'account')} deleted,"
                f" {times(result['accounts_waiting'], 'deletion')} to be gone on with later."
            )
