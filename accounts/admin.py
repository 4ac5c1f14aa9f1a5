"""People in Django's admin, which staff enter by the same sign-in as everybody."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import redirect_to_login
from django.http import Http404, HttpRequest, HttpResponse

from accounts import views
from accounts.kept_input import on_this_site
from accounts.models import User
from fairdb_site.errors import Forbidden

if TYPE_CHECKING:
    UserModelAdmin = admin.ModelAdmin[User]
else:  # Django's class takes no parameter when it runs
    UserModelAdmin = admin.ModelAdmin


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


admin.site.login = staff_sign_in  # type: ignore[method-assign]
admin.site.logout = login_not_required(staff_sign_out)  # type: ignore[method-assign,assignment]
admin.site.password_change = no_local_password  # type: ignore[method-assign,assignment]
admin.site.password_change_done = no_local_password  # type: ignore[method-assign,assignment]
