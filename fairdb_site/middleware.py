"""What every request passes: an id, security headers, the person's Supabase, sign-in, errors."""

from __future__ import annotations

import logging
import traceback
import uuid
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, cast
from urllib.parse import urlencode

from asgiref.sync import iscoroutinefunction, markcoroutinefunction, sync_to_async
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.core.exceptions import BadRequest, PermissionDenied, SuspiciousOperation
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.http.response import HttpResponseRedirect
from django.shortcuts import resolve_url
from django.template.loader import get_template
from django.urls import resolve
from django.utils.deprecation import MiddlewareMixin
from django_htmx.http import HttpResponseClientRedirect

from accounts.kept_input import keep_input, page_of, remember_person
from accounts.sessions import SessionTokens, row_of
from fairdb_site.errors import FairdbError, Forbidden, NotFound, Refused, SignInRequired
from fairdb_site.http import HtmxHttpRequest, error_response, is_htmx, wants_json
from fairdb_site.reports import NOT_UNDERSTOOD, OUR_MISTAKE
from fairdb_site.supabase.clients import Supabase
from fairdb_site.supabase.errors import SESSION_ENDED, SessionEnded

logger = logging.getLogger(__name__)

current_request_id: ContextVar[str] = ContextVar("request_id", default="-")


class RequestIdMiddleware(MiddlewareMixin):
    """Give each request an id: on error pages, in the answer's X-Request-ID, in the log."""

    def process_request(self, request: HttpRequest) -> None:
        """Make the id; one sent along is not trusted, since it would get into our log."""
        cast("HtmxHttpRequest", request).id = request_id = uuid.uuid4().hex[:16]
        current_request_id.set(request_id)

    def process_response(
        self, request: HttpRequest, response: HttpResponseBase
    ) -> HttpResponseBase:
        """Name the id in the answer."""
        response["X-Request-ID"] = getattr(request, "id", "")
        return response


class RequestIdFilter(logging.Filter):
    """Put `request_id` on every log record."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Add the id of the request being answered, or "-"."""
        record.request_id = current_request_id.get()
        return True


class SecurityHeadersMiddleware(MiddlewareMixin):
    """Let pages load from here alone and run no inline code; keep private pages out of caches."""

    policy = "; ".join(
        [
            "default-src 'self'",
            "img-src 'self' data:",
            "object-src 'none'",
            "base-uri 'none'",
            "form-action 'self'",
            "frame-ancestors 'none'",
        ]
    )
    permissions = "camera=(), geolocation=(), microphone=(), payment=(), usb=()"

    def process_response(
        self, request: HttpRequest, response: HttpResponseBase
    ) -> HttpResponseBase:
        """Set what the view has not set itself."""
        response.headers.setdefault("Content-Security-Policy", self.policy)
        response.headers.setdefault("Permissions-Policy", self.permissions)
        user = getattr(request, "user", None)
        if user is not None and user.is_authenticated:
            # Other people use the same computer after them; "back" must not show what they saw.
            response.headers.setdefault("Cache-Control", "private, no-store")
        return response


class SupabaseMiddleware:
    """Give the request its person's Supabase, with a token that lasts; end dead sessions.

    Works in both modes, since async clients have to be closed in the loop that made them.
    """

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        self.get_response = get_response
        self.is_async = iscoroutinefunction(get_response)
        if self.is_async:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> Any:
        """Answer the request between giving it Supabase and closing it."""
        return self._answer_async(request) if self.is_async else self._answer(request)

    def _answer(self, request: HttpRequest) -> HttpResponseBase:
        supabase = attach_supabase(request)
        try:
            response: HttpResponseBase = self.get_response(request)
        finally:
            supabase.close()
        remember_person(request, response)
        return response

    async def _answer_async(self, request: HttpRequest) -> HttpResponseBase:
        supabase = await sync_to_async(attach_supabase)(request)
        try:
            response: HttpResponseBase = await self.get_response(request)
        finally:
            await supabase.aclose()
        await sync_to_async(remember_person)(request, response)
        return response


class SignInRequiredMiddleware(LoginRequiredMiddleware):
    """Let only signed-in people pass, except to views marked `login_not_required`."""

    def handle_no_permission(  # type: ignore[override]  # not every client can be redirected
        self, request: HttpRequest, view_func: Callable[..., HttpResponseBase]
    ) -> HttpResponseBase:
        """Ask to sign in; the CSRF check comes before this, so that typed input may be kept."""
        return ask_to_sign_in(request)


class ErrorMiddleware(MiddlewareMixin):
    """Turn what a view raises into a page, a fragment or JSON, in one place."""

    def process_request(self, request: HttpRequest) -> HttpResponseBase | None:
        """Answer an address that leads nowhere; in debug mode Django would list all that do."""
        try:
            resolve(request.path_info)
        except Http404 as error:
            return answer_of_django(request, error)
        return None

    def process_exception(self, request: HttpRequest, exception: Exception) -> Any:
        """Answer a FairdbError with its sentence, anything unexpected with a plain 500."""
        if isinstance(exception, SignInRequired):
            end_session(request)
            return ask_to_sign_in(request)
        if isinstance(exception, FairdbError):
            return error_response(request, exception)
        if isinstance(exception, Http404 | PermissionDenied | SuspiciousOperation | BadRequest):
            return answer_of_django(request, exception)
        log_unexpected(request, exception)
        return unexpected_response(request)


def attach_supabase(request: HttpRequest) -> Supabase:
    """Put Supabase on the request: as its person, or as nobody when their session has ended."""
    supabase = Supabase()
    if request.user.is_authenticated:
        row = row_of(request)
        if row is None:
            end_session(request)
        else:
            tokens = SessionTokens(row)
            try:
                tokens.refresh_if_due()
                supabase = tokens.supabase()
            except SessionEnded:
                end_session(request)
    cast("HtmxHttpRequest", request).supabase = supabase
    return supabase


def end_session(request: HttpRequest) -> None:
    """Sign out here; the sign-in page will say that the session has ended."""
    if request.user.is_authenticated:
        logout(request)
        request.session_has_ended = True  # type: ignore[attr-defined]


def ask_to_sign_in(request: HttpRequest) -> HttpResponseBase:
    """Send a page to sign-in with `next`, HTMX there by HX-Redirect, a program a 401 in JSON."""
    if wants_json(request):
        return error_response(request, SignInRequired("Please sign in."))
    page = page_of(request)
    if keep_input(request, page):
        messages.info(request, "Your session has ended. Sign in again: what you typed is kept.")
    elif getattr(request, "session_has_ended", False):
        messages.info(request, SESSION_ENDED)
    url = f"{resolve_url(settings.LOGIN_URL)}?{urlencode({'next': page})}"
    return HttpResponseClientRedirect(url) if is_htmx(request) else HttpResponseRedirect(url)


def answer_of_django(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    """Answer one of Django's own exceptions for a request that leads nowhere or makes no sense."""
    error, page = _of_django(exception)
    if wants_json(request) or is_htmx(request):
        return error_response(request, error)
    # 400.html is for requests that cannot be read, so it does not get to see them.
    seen = None if isinstance(error, Refused) else request
    context = {"status": error.status, "request_id": getattr(request, "id", "")}
    return HttpResponse(get_template(page).render(context, seen), status=error.status)


def _of_django(exception: Exception) -> tuple[FairdbError, str]:
    if isinstance(exception, Http404):
        return NotFound("There is nothing at this address."), "404.html"
    if isinstance(exception, PermissionDenied):
        return Forbidden("You are not allowed to do this."), "403.html"
    return Refused(NOT_UNDERSTOOD), "400.html"


def unexpected_response(request: HttpRequest) -> HttpResponse:
    """Say that something of ours broke, without asking the database or the session for anything."""
    message = OUR_MISTAKE
    context = {"message": message, "status": 500, "request_id": getattr(request, "id", "")}
    if wants_json(request):
        error = {"code": "internal", "message": message, "request": context["request_id"]}
        return JsonResponse({"error": error}, status=500)
    template = "_error.html" if is_htmx(request) else "500.html"
    return HttpResponse(get_template(template).render(context), status=500)


def log_unexpected(request: HttpRequest, exception: BaseException) -> None:
    """Log where it broke.

    What exceptions say may quote cells, so outside of development only their kinds are named.
    """
    kinds: list[str] = []
    link: BaseException | None = exception
    while link is not None:
        kinds.append(type(link).__name__)
        link = link.__cause__ or link.__context__
    logger.error(
        "request %s: unexpected %s in %s %s\n%s",
        getattr(request, "id", "-"),
        " from ".join(kinds),
        request.method,
        request.resolver_match.route if request.resolver_match else "?",
        "".join(traceback.format_tb(exception.__traceback__)),
        exc_info=exception if settings.DEBUG else None,
    )
