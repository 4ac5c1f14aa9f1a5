"""Print the audit trail: who did what, when, from where, and how it ended."""

from __future__ import annotations

from argparse import ArgumentTypeError
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import CommandParser

from accounts import audit
from accounts.services import account_by_email
from fairdb_site.commands import FairdbCommand, Json, dataset_uuid

MOST = 1_000


def moment(text: str) -> datetime:
    """Parse a day or a moment (argparse type); without a zone it is UTC."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise ArgumentTypeError(
            "write a day or a moment such as 2026-11-23 or 2026-11-23T08:30"
        ) from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


class Command(FairdbCommand):
    """Print the audit trail, the newest events first."""

    help = "Print what was done, by whom, when, from where and how it ended; newest first."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add which events, and how many."""
        parser.add_argument("--account", metavar="EMAIL", help="by this account, or upon it")
        parser.add_argument("--dataset", type=dataset_uuid, metavar="DATASET")
        parser.add_argument("--since", type=moment, metavar="WHEN", help="a day or a moment, UTC")
        parser.add_argument(
            "--most", type=int, default=MOST, metavar="N", help="default: %(default)s"
        )
        super().add_arguments(parser)

    def run(self, **options: Any) -> Json:
        """Read the trail."""
        account = account_by_email(options["account"]).pk if options["account"] else None
        found = audit.events(
            account=account,
            dataset=options["dataset"],
            since=options["since"],
            most=max(options["most"], 0),
        )
        return {"events": [_facts(event) for event in found]}

    def report(self, result: Json) -> None:
        """Print a line an event."""
        for event in result["events"]:
            facts = (
                event["at"],
                event["action"] + ("" if event["outcome"] == "done" else f": {event['outcome']}"),
                f"by {event['actor'] or ('a stranger' if event['request'] else 'an operator')}",
                event["subject"] and f"account {event['subject']}",
                event["dataset"] and f"dataset {event['dataset']}",
                event["address"] and f"from {event['address']}",
            )
            self.stdout.write("  ".join(fact for fact in facts if fact))
        if not result["events"]:
            self.stderr.write("No such event is on record.")


def _facts(event: audit.Event) -> Json:
    return {
        "event": event.event,
        "at": event.at.isoformat(timespec="seconds"),
        "action": event.action,
        "outcome": event.outcome,
        "actor": event.actor_name or None,
        "subject": event.subject_name or None,
        "dataset": str(event.dataset) if event.dataset else None,
        "address": event.address or None,
        "device": event.device or None,
        "request": event.request or None,
    }
