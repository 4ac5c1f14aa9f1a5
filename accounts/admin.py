"""People, sessions and the audit trail in the administration."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.db.models import Model, OuterRef, Q, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.http import require_http_methods

from accounts import administration
from accounts.administration import is_for_good
from accounts.forms import AddressForm
from accounts.holdings import holdings
from accounts.models import AAL2, AccountDeletion, AuditEvent, AuditOrigin, SupabaseSession, User
from accounts.own.sessions import device_name
from accounts.session_life import alive
from accounts.staff.account_acts import ON_ACCOUNTS, ON_SESSIONS
from accounts.staff.acts import Done, staff_of, tell
from accounts.staff.pages import Fact, FactsAdmin, Panel, events_panel
from accounts.staff.shown import NONE, address, moment, nobody, outcome_tag, person, tag
from fairdb_site.errors import FairdbError, Unavailable


@admin.register(User)
class UserAdmin(FactsAdmin):
    """Facts about people. Supabase holds the truth, so nothing is changed here by hand."""

    place = 1
    one, many = "person", "people"
    icon = "person"
    about = "Who has an account. Invite, ban, sign out, reset a second factor."
    list_display = ("email", "active", "staff", "second_factor", "since", "signed_in")
    list_display_links = ("email",)
    list_filter = ("is_staff", "is_active", "has_second_factor")
    search_fields = ("email", "=id")
    search_help_text = "A part of an e-mail address, or an account's id"
    ordering = ("email",)
    acts = ON_ACCOUNTS

    def get_queryset(self, request: HttpRequest) -> QuerySet[Model]:
        """Leave out what ends sessions when it changes, and would tell nobody anything."""
        return super().get_queryset(request).defer("session_salt")

    def get_urls(self) -> list[URLPattern]:
        """Add the page to invite from."""
        invite = require_http_methods(["GET", "HEAD", "POST"])(self.invite_view)
        return [self.page("invite/", invite, "invite"), *super().get_urls()]

    def doors(self) -> Iterable[tuple[str, str, str]]:
        """Lead to the page to invite from."""
        return [("mail", "Invite", self.address("invite"))]

    def in_words(self) -> str:
        """Return how many people there are, and how many are shut out."""
        banned = User.objects.filter(is_active=False).count()
        everybody = self.count(User.objects.count())
        return f"{everybody}, {banned:,} shut out" if banned else everybody

    @admin.display(ordering="is_active")
    def active(self, user: User) -> SafeString | str:
        """Tell who is banned, and until when, or being deleted."""
        until = user.banned_until
        if user.is_active or (until is not None and until <= timezone.now()):
            return "yes"  # of a ban that is over the mirror learns at the next sign-in
        if until is None or is_for_good(until):
            return tag("no", "bad")
        return format_html("{} until {}", tag("no", "bad"), moment(until))

    @admin.display(ordering="is_staff")
    def staff(self, user: User) -> SafeString | str:
        """Tell who is staff."""
        return tag("staff", "accent") if user.is_staff else NONE

    @admin.display(ordering="has_second_factor")
    def second_factor(self, user: User) -> str:
        """Tell who has a second factor."""
        return "on" if user.has_second_factor else NONE

    @admin.display(ordering="created_at")
    def since(self, user: User) -> SafeString | str:
        """Tell since when there is the account."""
        return moment(user.created_at)

    @admin.display(description="last sign-in here", ordering="last_login")
    def signed_in(self, user: User) -> SafeString | str:
        """Tell when they last signed in."""
        return moment(user.last_login)

    def facts(self, thing: User) -> Iterable[Fact]:
        """Return what is known of a person, and how much is held of theirs."""
        return [
            ("E-mail", thing.email),
            ("Account", format_html("<code>{}</code>", thing.pk)),
            ("Active", tag("being deleted", "bad") if _is_leaving(thing) else self.active(thing)),
            ("Staff", "yes" if thing.is_staff else "no"),
            ("Second factor", "on" if thing.has_second_factor else "none"),
            ("Since", moment(thing.created_at)),
            ("Last sign-in here", moment(thing.last_login)),
            *(_held(thing) or [("Holds", "nothing")]),
        ]

    def panels(self, thing: User) -> Iterable[Panel]:
        """Return where they are signed in, and what they did."""
        sessions = administration.sessions_all(user=thing)
        yield Panel(
            title="Signed in",
            heads=("Device", "Address", "Second factor", "Since", "Last seen"),
            rows=[
                (
                    one.device, one.address or NONE, "given" if one.second_factor else NONE,
                    moment(one.since), moment(one.seen_at),
                )
                for one in sessions
            ],
            none="They are not signed in.",
            more=f"{_address_of(SupabaseSession)}?user={thing.pk}",
        )  # fmt: skip
        yield events_panel(account=thing.pk, more=f"{_address_of(AuditEvent)}?q={thing.pk}")

    def invite_view(self, request: HttpRequest) -> HttpResponse:
        """Ask whom to invite; on POST have the invitation mailed."""
        form = AddressForm(request.POST if request.method == "POST" else None)
        status = 200
        if request.method == "POST":
            status = 400
            if form.is_valid():
                try:
                    invited = administration.account_invite(
                        email=form.cleaned_data["email"], by=staff_of(request), request=request
                    )
                except FairdbError as error:
                    form.add_error(None, error.message)
                    status = error.status if isinstance(error, Unavailable) else 400
                else:
                    tell(request, Done(done=[(invited.email, "the invitation is sent")]))
                    return redirect(self.address("change", invited.pk))
        context = self.admin_site.each_context(request) | {"page": self, "form": form}
        return render(request, "admin/invite.html", context, status=status)


@admin.register(SupabaseSession)
class SessionAdmin(FactsAdmin):
    """Who is signed in where; nothing by which one could be them."""

    place = 2
    one, many = "session", "sessions"
    icon = "clock"
    about = "Who is signed in, from where and since when."
    list_display = ("person", "device_in_words", "place_of", "factor", "since", "seen")
    list_display_links = ("person",)
    lookups = ("user",)
    search_fields = ("user__email", "=address")
    search_help_text = "A part of an e-mail address, or an address of the network"
    ordering = ("-seen_at",)
    acts = ON_SESSIONS

    def name(self, thing: SupabaseSession) -> str:
        """Name a session by its person and where they are."""
        return f"{thing.user.email}, {device_name(thing.device)}"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Model]:
        """Return the sessions that are alive, without their tokens and their people's salts."""
        sessions = super().get_queryset(request).filter(alive()).select_related("user")
        return sessions.defer("sealed_tokens", "user__session_salt")

    @admin.display(ordering="user__email")
    def person(self, session: SupabaseSession) -> str:
        """Name who is signed in."""
        return session.user.email

    @admin.display(description="device", ordering="device")
    def device_in_words(self, session: SupabaseSession) -> str:
        """Name browser and system."""
        return device_name(session.device)

    @admin.display(description="address", ordering="address")
    def place_of(self, session: SupabaseSession) -> str:
        """Return the address of the network."""
        return session.address or NONE

    @admin.display(description="second factor", ordering="assurance")
    def factor(self, session: SupabaseSession) -> str:
        """Tell whether the second factor was given."""
        return "given" if session.assurance == AAL2 else NONE

    @admin.display(ordering="created_at")
    def since(self, session: SupabaseSession) -> SafeString | str:
        """Tell since when."""
        return moment(session.created_at)

    @admin.display(description="last seen", ordering="seen_at")
    def seen(self, session: SupabaseSession) -> SafeString | str:
        """Tell when they were last seen."""
        return moment(session.seen_at)

    def facts(self, thing: SupabaseSession) -> Iterable[Fact]:
        """Return the facts of a session."""
        return [
            ("Account", person(thing.user_id, thing.user.email)),
            ("Device", device_name(thing.device)),
            ("Calls itself", thing.device or NONE),
            ("Address", thing.address or NONE),
            ("Second factor", "given" if thing.assurance == AAL2 else "not given"),
            ("Since", moment(thing.created_at)),
            ("Last seen", moment(thing.seen_at)),
        ]


def _is_leaving(user: User) -> bool:
    return not user.is_active and AccountDeletion.objects.filter(account=user.pk).exists()


def _held(user: User) -> list[Fact]:
    facts: list[Fact] = []
    for holding in holdings():
        if held := holding.summary(user.pk):
            link = format_html('<a href="{}">{}</a>', holding.listed_at(user.pk), held)
            facts += [("Holds", link), ("Takes", holding.storage(user.pk))]
    return facts


def _email_of(column: str) -> Subquery:
    return Subquery(User.objects.filter(pk=OuterRef(column)).values("email")[:1])


def _origin(column: str) -> Subquery:
    return Subquery(AuditOrigin.objects.filter(pk=OuterRef("origin")).values(column)[:1])


@admin.register(AuditEvent)
class AuditEventAdmin(FactsAdmin):
    """What was done, for staff to look through; nothing is changed or dropped, here or anywhere."""

    place = 9
    one, many = "event", "events"
    icon = "receipt"
    about = "Who did what, when, from where and how it ended. Nothing of it can be changed."
    list_display = ("when", "what", "ended", "who", "whose", "from_where")
    list_display_links = ("when",)
    list_filter = ("action", "outcome")
    search_fields = ("=actor", "=subject", "=dataset", "=request_id")
    search_help_text = (
        "A part of an e-mail address, or the id of an account, a dataset or a request"
    )
    date_hierarchy = "at"
    ordering = ("-id",)
    sortable_by = ()

    def get_queryset(self, request: HttpRequest) -> QuerySet[Model]:
        """Look the names up with the events, where there still are any."""
        events = super().get_queryset(request)
        named: QuerySet[Model] = events.annotate(
            actor_email=_email_of("actor"), subject_email=_email_of("subject"),
            address=_origin("address"), device=_origin("device"),
        )  # fmt: skip
        return named

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Find what people did, and what was done to them, by their address too."""
        people = User.objects.filter(email__icontains=search_term).values("pk")
        if search_term and people.exists():
            return queryset.filter(Q(actor__in=people) | Q(subject__in=people)), False
        return super().get_search_results(request, queryset, search_term)

    def in_words(self) -> str:
        """Return how many there were today: the whole would take long to count."""
        day = timezone.now() - timedelta(days=1)
        return f"{self.count(AuditEvent.objects.filter(at__gte=day).count())} in a day"

    @admin.display
    def when(self, event: Any) -> SafeString | str:
        """Tell when it was."""
        return moment(event.at)

    @admin.display
    def what(self, event: Any) -> str:
        """Tell what was done."""
        return str(event.action)

    @admin.display
    def ended(self, event: Any) -> SafeString | str:
        """Tell how it ended."""
        return outcome_tag(event.outcome)

    @admin.display(description="by")
    def who(self, event: Any) -> SafeString:
        """Name who acted."""
        return address(event.actor_email or str(event.actor or nobody(event.request_id)))

    @admin.display(description="account")
    def whose(self, event: Any) -> SafeString:
        """Name the account acted upon."""
        return address(event.subject_email or str(event.subject or NONE))

    @admin.display(description="from")
    def from_where(self, event: Any) -> str:
        """Return the address, as long as it is kept."""
        return event.address or NONE

    def facts(self, thing: Any) -> Iterable[Fact]:
        """Return the facts of an event."""
        return [
            ("When", moment(thing.at)),
            ("What", thing.action),
            ("Ended", outcome_tag(thing.outcome)),
            ("By", person(thing.actor or nobody(thing.request_id), thing.actor_email)),
            ("Account", person(thing.subject, thing.subject_email)),
            ("Dataset", format_html("<code>{}</code>", thing.dataset) if thing.dataset else NONE),
            ("From", self.from_where(thing)),
            ("Device", thing.device or NONE),
            ("Request", format_html("<code>{}</code>", thing.request_id or NONE)),
        ]


def _address_of(model: type[Model]) -> str:
    page = admin.site.get_model_admin(model)
    assert isinstance(page, FactsAdmin)
    return page.address()
