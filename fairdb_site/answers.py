"""What is answered in place of a page: to whoever has to sign in first, where something broke.

Each is a page for a browser, a fragment or HX-Redirect for HTMX, JSON for a program.
"""

from __future__ import annotations

from urllib.parse import urlencode

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.http.response import HttpResponseRedirect
from django.shortcuts import resolve_url
from django.template.loader import get_template
from django.utils.http import escape_leading_slashes
from django_htmx.http import HttpResponseClientRedirect

from accounts.kept_input import keep_input, page_of
from fairdb_site.errors import (
    FairdbError,
    Forbidden,
    NotFound,
    Refused,
    SignInRequired,
    Unavailable,
)
from fairdb_site.http import error_response, is_htmx, is_memory_only, wants_json
from fairdb_site.reports import NOT_UNDERSTOOD, OUR_MISTAKE, too_much_typed
from fairdb_site.supabase.errors import SESSION_ENDED

NOT_KEPT = (
    "Your session has ended. What you sent is not kept, as nothing of that page ever is: sign in "
    "and give it again."
)

NO_DATABASE = "The database is not available just now. Please try again in a minute."


def ask_to_sign_in(request: HttpRequest) -> HttpResponseBase:
    """Send a page to sign-in with `next`, HTMX there by HX-Redirect, a program a 401 in JSON."""
    if wants_json(request):
        return error_response(request, SignInRequired("Please sign in."))
    page = page_of(request)
    if keep_input(request, page):
        messages.info(request, "Your session has ended. Sign in again: what you typed is kept.")
    elif request.method == "POST" and is_memory_only(request):
        messages.info(request, NOT_KEPT)
    elif getattr(request, "session_has_ended", False):
        messages.info(request, SESSION_ENDED)
    url = f"{resolve_url(settings.LOGIN_URL)}?{urlencode({'next': page})}"
    return HttpResponseClientRedirect(url) if is_htmx(request) else HttpResponseRedirect(url)


def ask_for_second_factor(request: HttpRequest, page: str) -> HttpResponseBase:
    """Send a page on to give the second factor, HTMX by HX-Redirect, a program a 401 in JSON."""
    if wants_json(request):
        return error_response(request, SignInRequired("Please give the second factor first."))
    url = f"{resolve_url(page)}?{urlencode({'next': page_of(request)})}"
    return HttpResponseClientRedirect(url) if is_htmx(request) else HttpResponseRedirect(url)


def answer_of_django(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    """Answer one of Django's own exceptions for a request that leads nowhere or makes no sense."""
    error, page = _of_django(exception)
    if wants_json(request) or is_htmx(request):
        return error_response(request, error)
    # 400.html is for requests that cannot be read, so it does not get to see them.
    seen = None if isinstance(error, Refused) else request
    context = {"status": error.status, "request_id": getattr(request, "id", "")}
    if isinstance(exception, RequestDataTooBig):
        context["too_much"] = error.message
    return HttpResponse(get_template(page).render(context, seen), status=error.status)


def _of_django(exception: Exception) -> tuple[FairdbError, str]:
    if isinstance(exception, Http404):
        return NotFound("There is nothing at this address."), "404.html"
    if isinstance(exception, PermissionDenied):
        return Forbidden("You are not allowed to do this."), "403.html"
    if isinstance(exception, RequestDataTooBig):
        return Refused(too_much_typed()), "400.html"
    return Refused(NOT_UNDERSTOOD), "400.html"


def outage_response(request: HttpRequest) -> HttpResponse:
    """Say that the database does not answer, without asking it (or the session) who asks."""
    error = Unavailable(NO_DATABASE)
    if wants_json(request) or is_htmx(request):
        return error_response(request, error)
    context = {
        "message": error.message,
        "status": error.status,
        "request_id": getattr(request, "id", ""),
        "again": escape_leading_slashes(request.get_full_path()) if request.method == "GET" else "",
    }
    return HttpResponse(
        get_template("503.html").render(context),
        status=error.status,
        headers={"Cache-Control": "no-store"},
    )


def unexpected_response(request: HttpRequest) -> HttpResponse:
    """Say that something of ours broke, without asking the database or the session for anything."""
    message = OUR_MISTAKE
    context = {"message": message, "status": 500, "request_id": getattr(request, "id", "")}
    if wants_json(request):
        error = {"code": "internal", "message": message, "request": context["request_id"]}
        return JsonResponse({"error": error}, status=500)
    template = "_error.html" if is_htmx(request) else "500.html"
    return HttpResponse(get_template(template).render(context), status=500)
