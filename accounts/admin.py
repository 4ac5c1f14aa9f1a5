"""People in Django's admin, which staff enter by the same sign-in as everybody."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import redirect_to_login
from django.http import Http404, HttpRequest, HttpResponse

from accounts import audit, limits, views
from accounts.kept_input import on_this_site
from accounts.limits import Limit
from accounts.models import AuditEvent, User
from accounts.second_factor import is_wholly_signed_in
from fairdb_site.errors import Forbidden

if TYPE_CHECKING:
    UserModelAdmin = admin.ModelAdmin[User]
    AuditEventModelAdmin = admin.ModelAdmin[AuditEvent]
else:  # Django's class takes no parameter when it runs
    UserModelAdmin = AuditEventModelAdmin = admin.ModelAdmin

View = Callable[..., HttpResponse]


@admin.register(User)
class UserAdmin(UserModelAdmin):
    """Facts about people. Supabase holds the truth, so nothing is changed here by hand."""

    list_display = ("email", "is_staff", "is_active", "created_at", "last_login")
    list_filter = ("is_staff", "is_active")
    search_fields = ("email", "id")
    fields = ("id", "email", "is_staff", "is_active", "created_at", "last_login")
    readonly_fields = fields
    date_hierarchy = "created_at"

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Accounts are made at Supabase: by registration or `manage.py create_account`."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """The mirror is written by mirroring alone."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """An account is deleted at Supabase, with its datasets."""
        return False


@admin.register(AuditEvent)
class AuditEventAdmin(AuditEventModelAdmin):
    """What was done, for staff to look through; nothing is changed or dropped, here or anywhere."""

    list_display = ("at", "action", "outcome", "who", "whose", "dataset", "place")
    list_filter = ("action", "outcome")
    search_fields = ("=actor", "=subject", "=dataset", "=request_id")
    date_hierarchy = "at"
    fields = (
        "at", "action", "outcome", "who", "whose", "dataset", "place", "device", "request_id"
    )  # fmt: skip
    readonly_fields = fields
    show_full_result_count = False

    @admin.display(description="by")
    def who(self, event: AuditEvent) -> str:
        """Name who acted."""
        if event.actor is None:
            return "a stranger" if event.origin else "an operator"
        return audit.name_of(event.actor)

    @admin.display(description="account")
    def whose(self, event: AuditEvent) -> str:
        """Name the account acted upon."""
        return audit.name_of(event.subject) if event.subject else ""

    @admin.display(description="from")
    def place(self, event: AuditEvent) -> str:
        """Return the address, as long as it is kept."""
        origin = audit.origin_of(event)
        return str(origin.address or "") if origin else ""

    @admin.display
    def device(self, event: AuditEvent) -> str:
        """Return what the browser called itself, as long as it is kept."""
        origin = audit.origin_of(event)
        return origin.device if origin else ""

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Events are added by what happens."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: AuditEvent | None = None) -> bool:
        """A trigger refuses it, too."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: AuditEvent | None = None) -> bool:
        """A trigger refuses it, too."""
        return False


@login_not_required
def staff_sign_in(request: HttpRequest, extra_context: Any = None) -> HttpResponse:
    """Send the admin's visitors through our own sign-in; only staff get on."""
    if request.user.is_authenticated and not admin.site.has_permission(request):
        raise Forbidden("The administration is for staff of this platform.")
    wanted = on_this_site(request, request.GET.get("next", ""))
    return redirect_to_login(wanted or "/admin/")


def staff_sign_out(request: HttpRequest, extra_context: Any = None) -> HttpResponse:
    """Sign out as everywhere, at Supabase too."""
    return views.sign_out(request)


def no_local_password(*args: Any, **kwargs: Any) -> HttpResponse:
    """Answer the admin's pages of Django passwords: there are none."""
    raise Http404


def limited(admin_view: Callable[..., View]) -> Callable[..., View]:
    """Let whatever is sent to the admin count against the limit on it."""

    def wrap(view: View, cacheable: bool = False) -> View:
        inner = admin_view(view, cacheable)

        @wraps(inner)
        def counted(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if request.method == "POST":
                limits.require(Limit.ADMIN, request=request)
            return inner(request, *args, **kwargs)

        return counted

    return wrap


admin.site.admin_view = limited(admin.site.admin_view)  # type: ignore[method-assign,assignment]


def is_staff_with_second_factor(request: HttpRequest) -> bool:
    """Whether the administration is open to this session."""
    return is_wholly_signed_in(request) and request.user.is_active and request.user.is_staff


admin.site.has_permission = is_staff_with_second_factor  # type: ignore[method-assign]
admin.site.login = staff_sign_in  # type: ignore[method-assign]
admin.site.logout = login_not_required(staff_sign_out)  # type: ignore[method-assign,assignment]
admin.site.password_change = no_local_password  # type: ignore[method-assign,assignment]
admin.site.password_change_done = no_local_password  # type: ignore[method-assign,assignment]
