"""Requests as the platform's views get them, and what kind of answer a request wants."""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, TypeVar

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render

from fairdb_site.errors import FairdbError

if TYPE_CHECKING:
    from django_htmx.middleware import HtmxDetails

    from accounts.models import SupabaseSession, User
    from fairdb_site.supabase.clients import Supabase


_LONGEST_DEVICE = 200  # characters
View = TypeVar("View", bound=Callable[..., HttpResponseBase])


def memory_only(view: View) -> View:
    """Mark a view whose input is held in memory alone, and no longer than its request.

    Its files do not go to disk, and what was typed is not kept when the session has ended.
    """
    view.is_memory_only = True  # type: ignore[attr-defined]  # as `login_not_required` marks views
    return view


def is_memory_only(request: HttpRequest) -> bool:
    """Return whether a request is for a view that is marked `memory_only`."""
    match = request.resolver_match
    return match is not None and getattr(match.func, "is_memory_only", False)


def is_unattended(request: HttpRequest) -> bool:
    """Return whether a page sent the request by itself, to follow what goes on, and no person did.

    Such a request is answered as any other, but it does not keep a session from ending.
    """
    return "unattended" in request.GET or "X-Unattended" in request.headers


class HtmxHttpRequest(HttpRequest):
    """A request behind sign-in: `user` is a person, `supabase` speaks with their own token.

    `supabase` costs nothing until it is used. Public views get an anonymous `user` at times; they
    annotate plain `HttpRequest`.
    """

    id: str  # shown on error pages, in the answer's X-Request-ID and in the log
    htmx: HtmxDetails
    user: User
    supabase: Supabase
    supabase_session: SupabaseSession


def is_htmx(request: HttpRequest) -> bool:
    """Return whether HTMX will swap the answer into a page; a boosted link wants a whole page."""
    htmx = getattr(request, "htmx", None)
    return htmx is not None and bool(htmx) and not (htmx.boosted or htmx.history_restore_request)


def wants_json(request: HttpRequest) -> bool:
    """Return whether a program asks: it prefers JSON to HTML, or sends JSON."""
    if request.content_type == "application/json":
        return True
    return request.get_preferred_type(["text/html", "application/json"]) == "application/json"


def client_address(request: HttpRequest) -> str | None:
    """Return the address a request came from, None where there is none (a socket of this host).

    Of `X-Forwarded-For` only what our own proxies wrote is believed: FAIRDB_TRUSTED_PROXIES entries
    from its end. What stands before them anybody may have sent.
    """
    hops = settings.FAIRDB_TRUSTED_PROXIES
    claimed = request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")
    address = claimed[-hops] if 0 < hops <= len(claimed) else request.META.get("REMOTE_ADDR", "")
    try:
        return str(ip_address(address.strip()))
    except ValueError:
        return None


def device_of(request: HttpRequest) -> str:
    """Return what a request's browser calls itself, in one line of bounded length."""
    agent = request.META.get("HTTP_USER_AGENT", "")[:_LONGEST_DEVICE]
    return "".join(letter if letter.isprintable() else "?" for letter in agent)


def error_response(request: HttpRequest, error: FairdbError) -> HttpResponse:
    """Tell a person, or a program, what went wrong: a page, a fragment or JSON.

    Templates `error.html` and `_error.html` get `message`, `status`, `code` and `request_id`.
    """
    request_id = getattr(request, "id", "")
    if wants_json(request):
        body = {"error": {"code": error.code, "message": error.message, "request": request_id}}
        return JsonResponse(body, status=error.status)
    context: dict[str, Any] = {
        "message": error.message,
        "status": error.status,
        "code": error.code,
        "request_id": request_id,
    }
    template = "_error.html" if is_htmx(request) else "error.html"
    return render(request, template, context, status=error.status)
