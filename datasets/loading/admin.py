"""What was sent, in the administration: facts, never what was said of a file or a column's name.

Nor is the sentence shown by which a load ended, as it may name a column: its owner has it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.contrib import admin
from django.db.models import Count, Model, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from accounts.staff.pages import Fact, FactsAdmin
from accounts.staff.shown import NONE, address, moment, person, tag
from datasets.loading.shown import STEPS
from datasets.loading.workers import loads_stuck, workers_there
from datasets.models import Submission
from datasets.templatetags.fairdb import size, times

SHOWN = (
    "id", "owner", "owner__email", "title", "state", "step", "file_bytes", "attempt", "losses",
    "worker", "lease_until", "cancel_asked", "error_status", "request_id", "dataset", "created_at",
    "started_at", "ended_at",
)  # fmt: skip
_TONES = {"running": "accent", "stored": "good", "failed": "bad"}


@admin.register(Submission)
class SubmissionAdmin(FactsAdmin):
    """Files that were sent, and what became of them."""

    place = 4
    one, many = "load", "loads"
    icon = "upload"
    about = "What was sent and waits, is being loaded, or how that ended."
    list_display = ("named", "whose", "state_in_words", "file_size", "sent")
    list_display_links = ("named",)
    list_filter = ("state",)
    lookups = ("owner",)
    search_fields = ("title", "owner__email", "=id", "=request_id")
    search_help_text = "A part of a title or of the owner's e-mail address, an id, or a request"
    sortable_by = ("named", "file_size", "sent")
    ordering = ("-created_at",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Model]:
        """Read the facts alone."""
        return super().get_queryset(request).select_related("owner").only(*SHOWN)

    def in_words(self) -> str:
        """Return how many there are of each state, and whether they wait for a worker in vain."""
        found = Submission.objects.order_by().values_list("state").annotate(n=Count("pk"))
        counted = dict(found)
        told = [f"{counted[one]:,} {one}" for one in ("running", "waiting", "failed", "stored")
                if one in counted]  # fmt: skip
        workers = times(workers_there(), "worker") if not loads_stuck() else "no worker is running"
        return ", ".join([*told, workers])

    @admin.display(description="title", ordering="title")
    def named(self, load: Any) -> SafeString:
        """Name it, whatever direction its letters run in."""
        return format_html("<bdi>{}</bdi>", load.title)

    @admin.display(description="owner")
    def whose(self, load: Any) -> SafeString:
        """Name whose it is."""
        return address(load.owner.email)

    @admin.display(description="state")
    def state_in_words(self, load: Any) -> SafeString:
        """Tell how it is with it."""
        if load.state == "running" and load.lease_until < timezone.now():
            return tag("worker lost", "warn")
        return tag(load.state, _TONES.get(load.state, ""))

    @admin.display(description="file", ordering="file_bytes")
    def file_size(self, load: Any) -> str:
        """Tell how large the file is."""
        return size(load.file_bytes)

    @admin.display(ordering="created_at")
    def sent(self, load: Any) -> SafeString | str:
        """Tell when it was sent."""
        return moment(load.created_at)

    def facts(self, thing: Any) -> Iterable[Fact]:
        """Return the facts of a load."""
        return [
            ("Title", self.named(thing)),
            ("Load", format_html("<code>{}</code>", thing.pk)),
            ("Owner", person(thing.owner_id, thing.owner.email)),
            ("State", self.state_in_words(thing)),
            ("Step", STEPS.get(thing.step, NONE) if thing.state == "running" else NONE),
            ("Why", _why(thing)),
            ("File", self.file_size(thing)),
            ("Dataset", format_html("<code>{}</code>", thing.dataset) if thing.dataset else NONE),
            ("Attempts", f"{thing.attempt:,}, of which {thing.losses:,} were lost"),
            ("Worker", thing.worker or NONE),
            ("Request", format_html("<code>{}</code>", thing.request_id or NONE)),
            ("Sent", moment(thing.created_at)),
            ("Began", moment(thing.started_at)),
            ("Ended", moment(thing.ended_at)),
        ]


def _why(load: Submission) -> str:
    if load.state != Submission.State.FAILED:
        return NONE
    if (load.error_status or 0) >= 500:
        return "Something of ours failed; the log tells by the load's number."
    return "The file could not be taken; its owner was told what to mend."
