"""What every command of the platform shares: plain errors, `--json`, exit codes.

Exit codes: 0 done, 1 refused or failed, 2 usage. With `--json` exactly one object goes to stdout;
everything else, the plain lines and the progress bar included, goes to stderr.
"""

import json
import sys
import time
from abc import abstractmethod
from argparse import ArgumentTypeError
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import Error
from psycopg2 import errorcodes

from fairdb_site.database import is_outage
from fairdb_site.errors import FairdbError, Refused

Json = Mapping[str, Any]


class FairdbCommand(BaseCommand):
    """A command that does one thing and reports it as an object, in words or as JSON."""

    requires_system_checks: list[str] = []
    flags: Mapping[str, str] = {}  # what errors call an option -> how this command spells it

    def add_arguments(self, parser: CommandParser) -> None:
        """Add `--json`; commands call this after their own arguments."""
        parser.add_argument("--json", action="store_true", help="print one JSON object on stdout")

    def handle(self, *args: Any, **options: Any) -> None:
        """Run the command; an error that a person can act on is one line and exit code 1."""
        try:
            result = self.run(**options)
        except FairdbError as error:
            use = f" Use {self.flags[error.option]}." if error.option in self.flags else ""
            raise CommandError(error.message + use, returncode=1) from None
        except Error as error:
            if is_outage(error):
                raise CommandError(
                    "The database does not answer. Check DATABASE_URL, and that the server runs."
                ) from None
            # Its message, which Django would print, may quote a row: cron mails what is printed.
            code = getattr(error.__cause__, "pgcode", None)
            if code == errorcodes.UNDEFINED_TABLE:
                raise CommandError(
                    "The database has no tables yet. Run: manage.py migrate"
                ) from None
            raise CommandError(
                f"The database could not do this (SQLSTATE {code}). `manage.py doctor` may say why."
            ) from None
        if options["json"]:
            self.stdout.write(json.dumps(result, default=str, ensure_ascii=False))
        else:
            self.report(result)

    @abstractmethod
    def run(self, **options: Any) -> Json:
        """Do the work and return what `--json` prints."""

    @abstractmethod
    def report(self, result: Json) -> None:
        """Say the result in words."""

    def confirm(self, question: str) -> None:
        """Ask before something destructive; anything but yes is a refusal.

        A piped answer is one too. The question goes to stderr: stdout is for the result.
        """
        if self._asked(f"{question} [y/N] ").lower() not in {"y", "yes"}:
            raise Refused("Nothing was changed.")

    def confirm_by_name(self, question: str, name: str) -> None:
        """Ask for the name of what is to go for good; anything else is a refusal."""
        typed = self._asked(f"{question} Type its name: ")
        if " ".join(typed.split()) != " ".join(name.split()):
            raise Refused("This is not its name. Nothing was changed.")

    def _asked(self, question: str) -> str:
        self.stderr.write(question, style_func=str, ending="")
        self.stderr.flush()
        answer = sys.stdin.readline()
        if not answer:
            raise Refused("Nothing was changed. Add --yes to confirm where nobody can answer.")
        return answer.strip()


def dataset_uuid(text: str) -> UUID:
    """Parse a DATASET argument (argparse type)."""
    try:
        return UUID(text)
    except ValueError:
        raise ArgumentTypeError(
            f"{text!r} is not a dataset: give its uuid, as list_datasets prints it"
        ) from None


class ProgressBar:
    """A bar of what is done, on a terminal only, drawn at most ten times a second."""

    width = 30

    def __init__(self, stream: Any = None) -> None:
        self._stream = stream or sys.stderr
        self._shown = self._stream.isatty()
        self._last = 0.0

    def __call__(self, step: str, done: int, total: int) -> None:
        """Draw `done` of `total` of the step, or just the step where the total is unknown (0)."""
        now = time.monotonic()
        if not self._shown or (now - self._last < 0.1 and done < total):
            return
        self._last = now
        filled = self.width * min(done, total) // total if total else 0
        bar = "█" * filled + "░" * (self.width - filled)
        count = f"{done:,} of {total:,}" if total else ""
        self._stream.write(f"\r\x1b[K{step:<9} {bar} {count}")
        self._stream.flush()

    def clear(self) -> None:
        """Take the bar off the terminal."""
        if self._shown:
            self._stream.write("\r\x1b[K")
            self._stream.flush()
