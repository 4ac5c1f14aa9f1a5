"""The administration's front: who is let in, by which door, and the list of its pages.

Django's log of what was done in its admin (`LogEntry`) is not used: none of its forms that write it
is here, and the audit trail keeps what staff do.
"""

from __future__ import annotations

from functools import wraps
from typing import Any, cast

from django.contrib.admin import AdminSite
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import URLPattern, URLResolver, include, path
from django.views.decorators.http import require_safe

from accounts import limits, views
from accounts.kept_input import on_this_site
from accounts.limits import Limit
from accounts.second_factor import is_wholly_signed_in
from accounts.staff.pages import FactsAdmin
from fairdb_site.errors import Forbidden


class StaffSite(AdminSite):
    """Pages for staff who signed in by the platform's own doors, with their second factor."""

    def has_permission(self, request: HttpRequest) -> bool:
        """Whether the administration is open to this session."""
        return is_wholly_signed_in(request) and request.user.is_active and request.user.is_staff

    def admin_view(self, view: Any, cacheable: bool = False) -> Any:
        """Let staff alone see a page; whatever is sent to it counts against a limit."""
        inner = super().admin_view(view, cacheable)

        @wraps(inner)
        def counted(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if request.method == "POST":
                limits.require(Limit.ADMIN, request=request)
            answer: HttpResponse = inner(request, *args, **kwargs)
            return answer

        return counted

    @login_not_required
    def login(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """Send visitors through our own sign-in; only staff get on."""
        if request.user.is_authenticated and not self.has_permission(request):
            raise Forbidden("The administration is for staff of this platform.")
        return redirect_to_login(on_this_site(request, request.GET.get("next", "")) or "/admin/")

    @login_not_required
    def logout(self, request: HttpRequest, extra_context: Any = None) -> Any:
        """Sign out as everywhere, at Supabase too."""
        return views.sign_out(request)

    def get_urls(self) -> list[URLPattern | URLResolver]:
        """List the pages: the front, the doors, and those of each model. No passwords are here."""
        own: list[URLPattern | URLResolver] = [
            path("", self.admin_view(require_safe(self.index)), name="index"),
            path("login/", self.login, name="login"),
            path("logout/", self.logout, name="logout"),
        ]
        return own + [
            path(f"{page.opts.app_label}/{page.opts.model_name}/", include(page.urls))
            for page in self.pages()
        ]

    def pages(self) -> list[FactsAdmin]:
        """Return the pages of all models, in their order."""
        pages = cast("list[FactsAdmin]", list(self._registry.values()))
        return sorted(pages, key=lambda page: page.place)

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        """Return what every page shows: the way to the others."""
        return {"pages": self.pages()}

    def index(self, request: HttpRequest, extra_context: Any = None) -> Any:
        """Lead to the pages, with what there is of each."""
        return render(request, "admin/index.html", self.each_context(request))
