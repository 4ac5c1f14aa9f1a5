"""What all pages of the administration share: a list, a page of facts, and acts to confirm.

Nothing is added, changed or deleted by a form of Django's: what staff may do are acts, each over a
service that keeps it on the audit trail.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import update_wrapper
from itertools import islice
from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.db.models import Model
from django.db.models.constants import LOOKUP_SEP
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.http import require_http_methods, require_safe

from accounts import audit
from accounts.staff.acts import Act, act_on, tell
from accounts.staff.shown import NONE, address, moment, nobody, outcome_tag

if TYPE_CHECKING:
    _ModelAdmin = admin.ModelAdmin[Model]
else:  # Django's class takes no parameter when it runs
    _ModelAdmin = admin.ModelAdmin

Fact = tuple[str, Any]
_asked = require_http_methods(["GET", "HEAD", "POST"])
SHOWN_EVENTS = 20
MOST_AT_ONCE = 50  # things of one act: as many as a page lists
# Django reckons with the moment after the one asked for, which has to be a date of Python's too.
_GREATEST = {"year": 9998, "month": 12, "day": 31}


@dataclass(frozen=True)
class Panel:
    """A table on a page of facts: its heads, its rows of cells, what is said where it has none."""

    title: str
    heads: Sequence[str]
    rows: Sequence[Sequence[Any]]
    none: str
    note: str = ""
    more: str = ""  # where there are more of them


class FactsAdmin(_ModelAdmin):
    """A list of things and a page of facts for each, which nothing is changed on."""

    place = 0  # among the pages
    one, many = "thing", "things"
    icon = "table"
    about = ""  # a sentence for the front
    acts: Sequence[Act] = ()
    lookups: Sequence[str] = ()  # what an address may ask for besides the filters
    actions = None
    list_per_page = MOST_AT_ONCE
    list_max_show_all = 0
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    empty_value_display = NONE

    # -- What a page of its own says --------------------------------------------------------------

    def name(self, thing: Any) -> str:
        """Name a thing, in headings and where it is told what was done."""
        return str(thing)

    def facts(self, thing: Any) -> Iterable[Fact]:
        """Return the names and values of a thing's facts."""
        raise NotImplementedError

    def panels(self, thing: Any) -> Iterable[Panel]:
        """Return the tables below its facts."""
        return ()

    def below(self) -> Iterable[Panel]:
        """Return the tables below the list."""
        return ()

    def in_words(self) -> str:
        """Return how many there are, for the front."""
        return self.count(self.get_queryset(HttpRequest()).count())

    def count(self, number: int) -> str:
        """Write a count of such things."""
        return f"{number:,} {self.one if number == 1 else self.many}"

    def doors(self) -> Iterable[tuple[str, str, str]]:
        """Return what can be done from the list to nothing that is in it: icon, words, address."""
        return ()

    # -- What is closed ---------------------------------------------------------------------------

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Nothing is added by a form."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Nothing is changed by a form."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Nothing is deleted by a form."""
        return False

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest | None = None) -> bool:
        """Let an address ask for what the page's filters do, and for nothing else.

        Django lets it ask for any column of the table, in parts too: `?session_salt__startswith=a`.
        Nor may it ask with what no column can hold, which would break the query.
        """
        column, _, how = lookup.partition(LOOKUP_SEP)
        if column == self.date_hierarchy:
            is_number = value.isdecimal() and len(value) <= len("9998")
            return how in _GREATEST and is_number and 0 < int(value) <= _GREATEST[how]
        return "\0" not in value and (
            (column in self.list_filter and how in {"", "exact"})
            or (column in self.lookups and not how)
        )

    # -- Addresses --------------------------------------------------------------------------------

    def get_urls(self) -> list[URLPattern]:
        """List the pages of this model: its list, a thing's facts, an act on some of them."""
        return [
            self.page("", require_safe(self.changelist_view), "changelist"),
            *([self.page("act/<slug:name>/", _asked(self.act_view), "act")] if self.acts else []),
            self.page("<path:object_id>/change/", require_safe(self.facts_view), "change"),
        ]

    def page(self, route: str, view: Callable[..., HttpResponse], name: str) -> URLPattern:
        """Return a page of this model, for staff alone."""
        guarded = self.admin_site.admin_view(view)
        return path(route, update_wrapper(guarded, view), name=self.name_of(name))

    def name_of(self, page: str) -> str:
        """Name a page of this model within the administration."""
        return f"{self.opts.app_label}_{self.opts.model_name}_{page}"

    def address(self, page: str = "changelist", *args: Any) -> str:
        """Return where a page of this model is."""
        return reverse(f"{self.admin_site.name}:{self.name_of(page)}", args=args)

    @property
    def title(self) -> str:
        """What the things are, for headings."""
        return self.many.capitalize()

    # -- Views ------------------------------------------------------------------------------------

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        """Return the columns, boxes to tick before them where there is something to do."""
        return [*(["tick"] if self.acts else []), *self.list_display]

    @admin.display(description=format_html('<span class="visually-hidden">{}</span>', "Choose"))
    def tick(self, thing: Model) -> SafeString:
        """Draw the box by which a thing is chosen."""
        return format_html(
            '<input type="checkbox" name="tick" value="{}" aria-label="Choose {}">',
            thing.pk,
            self.name(thing),
        )

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> Any:
        """Show the list."""
        about = {"page": self, "opts": self.opts}
        return super().changelist_view(request, about | (extra_context or {}))

    def facts_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Show the facts of one."""
        thing = self.get_object(request, object_id)
        if thing is None:
            raise Http404
        context = {
            "page": self,
            "thing": thing,
            "name": self.name(thing),
            "facts": list(self.facts(thing)),
            "panels": list(self.panels(thing)),
            "acts": [act for act in self.acts if act.is_offered(thing)],
        }
        return render(request, "admin/facts.html", self._context(request) | context)

    def act_view(self, request: HttpRequest, name: str) -> HttpResponse:
        """Ask whether to do it, on which and how; do it on POST, and tell what came of it."""
        act = next((act for act in self.acts if act.name == name), None)
        if act is None:
            raise Http404
        given = request.POST if request.method == "POST" else request.GET
        things = self._chosen(request, given.getlist("tick"))
        if not things:
            messages.warning(request, "Nothing is chosen, or what was chosen is there no more.")
            return redirect(self.address())
        form = act.form(request.POST if request.method == "POST" else None)
        if request.method == "POST" and form.is_valid():
            by_name = [(self.name(thing), thing) for thing in things]
            tell(request, act_on(act, by_name, request=request, **form.cleaned_data))
            return redirect(self._afterwards(request, things))
        named = [(thing.pk, self.name(thing)) for thing in things]
        context = {"page": self, "act": act, "things": named, "form": form}
        status = 400 if request.method == "POST" else 200
        return render(request, "admin/act.html", self._context(request) | context, status=status)

    def _context(self, request: HttpRequest) -> dict[str, Any]:
        return self.admin_site.each_context(request)

    def _chosen(self, request: HttpRequest, keys: Iterable[str]) -> list[Model]:
        found = (self.get_object(request, key) for key in dict.fromkeys(keys))
        return list(islice(filter(None, found), MOST_AT_ONCE))

    def _afterwards(self, request: HttpRequest, things: Sequence[Model]) -> str:
        """Return to the page of the one thing, as long as there is one, else to the list."""
        if len(things) == 1 and self.get_object(request, str(things[0].pk)) is not None:
            return self.address("change", things[0].pk)
        return self.address()


def events_panel(*, more: str, account: Any = None, dataset: Any = None) -> Panel:
    """Return the newest events of an account, or of a dataset."""
    events = audit.events(account=account, dataset=dataset, most=SHOWN_EVENTS)
    return Panel(
        title="What is on record",
        heads=("When", "What", "Ended", "By", "Account", "From"),
        rows=[
            (
                moment(event.at), event.action, outcome_tag(event.outcome),
                address(event.actor_name or nobody(event.request)),
                address(event.subject_name or NONE), event.address or NONE,
            )
            for event in events
        ],
        none="Nothing is on record.",
        note=f"The newest {SHOWN_EVENTS} events.",
        more=more,
    )  # fmt: skip
