"""Clear up after loads and deletions that were killed."""

from dataclasses import asdict
from typing import Any

from datasets.clearing import Cleared, clear_up
from fairdb_site.commands import FairdbCommand, Json


class Command(FairdbCommand):
    """Clear up after loads and deletions that were killed."""

    help = "Drop what killed loads and deletions left; live loads are not touched."

    def run(self, **options: Any) -> Json:
        """Reap through the service."""
        return asdict(clear_up())

    def report(self, result: Json) -> None:
        """Say what went and what stayed."""
        for words in Cleared(**result).in_words():
            self.stdout.write(words)
