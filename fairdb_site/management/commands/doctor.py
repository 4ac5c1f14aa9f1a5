"""Check a live installation and say how to mend what is wrong."""

from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandError

from fairdb_site.commands import FairdbCommand, Json
from fairdb_site.doctor.examination import examine


class Command(FairdbCommand):
    """Check a live installation and say how to mend what is wrong."""

    help = "Check keys, roles, functions, grants and row level security of this installation."

    def handle(self, *args: Any, **options: Any) -> None:
        """Print the findings; exit code 1 where there is any."""
        super().handle(*args, **options)
        if self.findings:
            count = len(self.findings)
            raise CommandError(f"{count} finding{'s' if count > 1 else ''}.", returncode=1)

    def run(self, **options: Any) -> Json:
        """Run every check."""
        self.findings = examine()
        return {"findings": [asdict(finding) for finding in self.findings]}

    def report(self, result: Json) -> None:
        """Print a line a finding, with its mend."""
        for finding in self.findings:
            self.stdout.write(f"{finding.check}: {finding.problem} Mend: {finding.mend}")
        if not self.findings:
            self.stdout.write("All is as it should be.")
