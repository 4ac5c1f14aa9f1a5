"""Datasets and loads in the administration: facts, never a row, a value or a column's name.

What is read of a dataset is listed in `SHOWN`; all else of its row stays in the database: a
description and the name of a file are their owner's, as the names of columns are.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.db.models import Model, OuterRef, Q, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.http import require_http_methods

from accounts import audit
from accounts.models import AuditAction, AuditEvent, AuditOutcome, User
from accounts.staff.acts import Act, staff_of
from accounts.staff.pages import SHOWN_EVENTS, Fact, FactsAdmin, Panel, events_panel
from accounts.staff.shown import NONE, address, moment, outcome_tag, person, tag
from datasets.clearing import clear_up_by, dataset_delete_by
from datasets.loading.admin import SubmissionAdmin
from datasets.models import Dataset, Load
from datasets.quota import bytes_of_dataset
from datasets.selectors import loads_alive
from datasets.templatetags.fairdb import duration, size, times

__all__ = ["DatasetAdmin", "LoadAdmin", "SubmissionAdmin"]

SHOWN = (
    "id", "user_id", "title", "state", "row_count", "column_count", "file_bytes", "seconds",
    "created_at", "ready_at",
)  # fmt: skip


class _Datasets(FactsAdmin):
    """What datasets and loads have in common: an owner, and facts alone."""

    list_display_links = ("named",)
    lookups = ("user_id",)
    search_fields = ("title", "=id", "=user_id")
    search_help_text = "A part of a title or of the owner's e-mail address, or an id"
    ordering = ("-created_at",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Model]:
        """Read the facts alone, and the owner's address where there is one."""
        owner = User.objects.filter(pk=OuterRef("user_id")).values("email")[:1]
        facts = super().get_queryset(request).only(*SHOWN)
        owned: QuerySet[Model] = facts.annotate(owner_email=Subquery(owner))
        return owned

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Find them by their owner too."""
        found, twice = super().get_search_results(request, queryset, search_term)
        if search_term:
            owners = User.objects.filter(email__icontains=search_term).values("pk")
            found = queryset.filter(Q(pk__in=found.values("pk")) | Q(user_id__in=owners))
        return found, twice

    @admin.display(description="title", ordering="title")
    def named(self, dataset: Any) -> SafeString:
        """Name it, whatever direction its letters run in."""
        return format_html("<bdi>{}</bdi>", dataset.title)

    @admin.display(ordering="owner_email")
    def owner(self, dataset: Any) -> SafeString:
        """Name whose it is."""
        return address(dataset.owner_email or str(dataset.user_id))

    @admin.display(description="file", ordering="file_bytes")
    def file_size(self, dataset: Any) -> str:
        """Tell how large the file was."""
        return size(dataset.file_bytes) or NONE

    @admin.display(ordering="created_at")
    def since(self, dataset: Any) -> SafeString | str:
        """Tell when its load began."""
        return moment(dataset.created_at)

    def common_facts(self, dataset: Any) -> list[Fact]:
        """Return what is known of either."""
        return [
            ("Title", self.named(dataset)),
            ("Dataset", format_html("<code>{}</code>", dataset.pk)),
            ("Owner", person(dataset.user_id, dataset.owner_email)),
            ("File", self.file_size(dataset)),
            ("Tables take", size(bytes_of_dataset(dataset.pk))),
        ]

    def panels(self, thing: Any) -> Iterable[Panel]:
        """Return what was done with it."""
        events = reverse("admin:accounts_auditevent_changelist")
        yield events_panel(dataset=thing.pk, more=f"{events}?q={thing.pk}")


def _delete(request: HttpRequest, dataset: Dataset) -> str:
    gone = dataset_delete_by(dataset_id=dataset.pk, by=staff_of(request), request=request)
    return f"deleted, {times(gone.rows, 'row')} in {times(gone.parts, 'table')}"


@admin.register(Dataset)
class DatasetAdmin(_Datasets):
    """Datasets that are ready."""

    place = 3
    one, many = "dataset", "datasets"
    icon = "table"
    about = "Whose there are, how large and since when; never their rows or columns."
    list_display = ("named", "owner", "rows", "columns", "file_size", "since")
    acts = (
        Act(
            name="delete",
            button="Delete",
            asks="Delete",
            tells="Their rows and tables go for good: nobody can bring them back. The owner is not "
            "told, but finds it on record.",
            does=_delete,
            icon="trash",
            is_dangerous=True,
        ),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Model]:
        """Return those that are ready; the others are loads."""
        return super().get_queryset(request).filter(state=Dataset.State.READY)

    @admin.display(ordering="row_count")
    def rows(self, dataset: Any) -> str:
        """Count the rows."""
        return _count(dataset.row_count)

    @admin.display(ordering="column_count")
    def columns(self, dataset: Any) -> str:
        """Count the columns."""
        return _count(dataset.column_count)

    def facts(self, thing: Any) -> Iterable[Fact]:
        """Return the facts of a dataset."""
        return [
            *self.common_facts(thing),
            ("Rows", self.rows(thing)),
            ("Columns", self.columns(thing)),
            ("Loaded", moment(thing.ready_at)),
            ("In", duration(thing.seconds) or NONE),
        ]


@admin.register(Load)
class LoadAdmin(_Datasets):
    """Datasets on their way in or out, and the loads of which nothing was kept."""

    place = 5
    one, many = "unfinished dataset", "unfinished datasets"
    icon = "clock"
    about = "What is being stored, was interrupted or is being deleted, and what came to nothing."
    list_display = ("named", "owner", "state_in_words", "file_size", "since")
    sortable_by = ("named", "owner", "file_size", "since")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Model]:
        """Return what is not ready."""
        return super().get_queryset(request).exclude(state=Dataset.State.READY)

    def get_urls(self) -> list[URLPattern]:
        """Add the page to clear up from."""
        reap = require_http_methods(["GET", "HEAD", "POST"])(self.reap_view)
        return [self.page("reap/", reap, "reap"), *super().get_urls()]

    def doors(self) -> Iterable[tuple[str, str, str]]:
        """Lead to the page to clear up from."""
        return [("trash", "Clear up", self.address("reap"))]

    def in_words(self) -> str:
        """Return how many are under way, left behind and on their way out."""
        states = dict(Load.objects.exclude(state=Dataset.State.READY).values_list("pk", "state"))
        going = sum(state == Dataset.State.DELETING for state in states.values())
        loads = [pk for pk, state in states.items() if state != Dataset.State.DELETING]
        alive = len(loads_alive(loads))
        told = {"running": alive, "interrupted": len(loads) - alive, "being deleted": going}
        return ", ".join(f"{n:,} {words}" for words, n in told.items() if n) or "none under way"

    @admin.display(description="state")
    def state_in_words(self, load: Load) -> SafeString:
        """Tell whether somebody works on it: a killed load is left as it was."""
        if load.state == Dataset.State.DELETING:
            return tag("being deleted")
        if load.pk in loads_alive([load.pk]):
            return tag("running", "accent")
        return tag("interrupted", "warn")

    def facts(self, thing: Any) -> Iterable[Fact]:
        """Return the facts of a load."""
        return [
            *self.common_facts(thing),
            ("State", self.state_in_words(thing)),
            ("Began", moment(thing.created_at)),
        ]

    def below(self) -> Iterable[Panel]:
        """Return the loads that came to nothing: no more is kept of them than the event."""
        events = AuditEvent.objects.filter(action=AuditAction.DATASET_LOADED)
        failed = list(events.exclude(outcome=AuditOutcome.DONE)[:SHOWN_EVENTS])
        yield Panel(
            title="Came to nothing",
            heads=("When", "Ended", "Why", "Whose", "Request"),
            rows=[_why(event) for event in failed],
            none="Every load on record was done.",
            note="The sentence that the owner read is not kept, as it may name a column of theirs.",
            more=f"{reverse('admin:accounts_auditevent_changelist')}"
            f"?action__exact={AuditAction.DATASET_LOADED}",
        )

    def reap_view(self, request: HttpRequest) -> HttpResponse:
        """Ask whether to clear up; on POST do it, and tell what went."""
        if request.method == "POST":
            for words in clear_up_by(by=staff_of(request), request=request).in_words():
                messages.success(request, words)
            return redirect(self.address())
        context = self.admin_site.each_context(request) | {"page": self}
        return render(request, "admin/reap.html", context)


_REASONS = {
    AuditOutcome.REFUSED.value: "The file could not be taken; its owner was told what to mend.",
    AuditOutcome.FAILED.value: "Something of ours failed; the log tells by the request.",
}


def _why(event: AuditEvent) -> Sequence[Any]:
    owner: UUID | None = event.subject or event.actor  # a command's load names its owner apart
    return (
        moment(event.at),
        outcome_tag(event.outcome),
        _REASONS[event.outcome],
        audit.name_of(owner) if owner else NONE,
        format_html("<code>{}</code>", event.request_id or NONE),
    )


def _count(number: int | None) -> str:
    return NONE if number is None else f"{number:,}"
