"""What every request passes: an id, security headers, the person's Supabase, sign-in, errors."""

from __future__ import annotations

import logging
import sys
import time
import uuid
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator
from http import HTTPStatus
from typing import Any, cast

from asgiref.sync import iscoroutinefunction, markcoroutinefunction, sync_to_async
from django.conf import settings
from django.contrib.auth import logout
from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.core import signals
from django.core.exceptions import BadRequest, PermissionDenied, SuspiciousOperation
from django.http import (
    FileResponse,
    Http404,
    HttpRequest,
    HttpResponseBase,
    StreamingHttpResponse,
)
from django.http.multipartparser import MultiPartParserError
from django.urls import resolve
from django.utils.deprecation import MiddlewareMixin

from accounts.kept_input import remember_person
from accounts.second_factor import (
    is_before_second_factor,
    page_of_missing_factor,
    second_factor_missed,
)
from accounts.session_life import session_continue
from accounts.sessions import SessionTokens, row_of
from fairdb_site.answers import (
    answer_of_django,
    ask_for_second_factor,
    ask_to_sign_in,
    outage_response,
    unexpected_response,
)
from fairdb_site.database import is_outage
from fairdb_site.errors import FairdbError, SignInRequired, Unavailable
from fairdb_site.health import ALIVE, READY
from fairdb_site.http import HtmxHttpRequest, error_response, is_unattended
from fairdb_site.logs import current_request_id, kind_of, log_answer, route_of, where_it_broke
from fairdb_site.supabase.clients import Supabase
from fairdb_site.supabase.errors import SecondFactorNeeded, SessionEnded

logger = logging.getLogger(__name__)

RETRY_AFTER = 60  # seconds; what the sentences of a 503 call a minute

_BEGAN = "fairdb.began"


class AnswerBroken(Exception):
    """An answer broke after it had begun, so that the connection has to end with it."""


class RequestIdMiddleware(MiddlewareMixin):
    """Give each request an id: on error pages, in the answer's X-Request-ID, in the log."""

    def process_request(self, request: HttpRequest) -> None:
        """Make the id; one sent along is not trusted, since it would get into our log."""
        cast("HtmxHttpRequest", request).id = request_id = uuid.uuid4().hex[:16]
        current_request_id.set(request_id)
        request.META[_BEGAN] = time.perf_counter()

    def process_response(
        self, request: HttpRequest, response: HttpResponseBase
    ) -> HttpResponseBase:
        """Name the id in the answer, and log it; not where a file or a probe was answered."""
        response["X-Request-ID"] = getattr(request, "id", "")
        began = request.META.pop(_BEGAN, None)
        unlogged = (settings.STATIC_URL, ALIVE, READY)
        if began is not None and not request.path_info.startswith(unlogged):
            seconds = time.perf_counter() - began
            log_answer(request, status=response.status_code, seconds=seconds)
        return response


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
        if settings.SESSION_COOKIE_NAME in request.COOKIES:
            # Other people use the same computer after them; "back" must not show what they saw.
            response.headers.setdefault("Cache-Control", "private, no-store")
        return response


class OutageMiddleware(MiddlewareMixin):
    """Answer 503 wherever inside of this the database was missed; say when to come back.

    Django makes a 500 of what a middleware raises before any other one sees it, so the request is
    marked as that happens. What a view raises comes to ErrorMiddleware.
    """

    def process_response(
        self, request: HttpRequest, response: HttpResponseBase
    ) -> HttpResponseBase:
        """Put the page of an outage in the place of the 500; tell machines when to come back."""
        if hasattr(request, "missed_database"):
            response = outage_response(request)
        if response.status_code == Unavailable.status:
            response.headers.setdefault("Retry-After", str(RETRY_AFTER))
        if response.status_code == HTTPStatus.TOO_MANY_REQUESTS:
            wait = getattr(request, "retry_after", RETRY_AFTER)  # `accounts.limits` has put it
            response.headers.setdefault("Retry-After", str(wait))
        return response


def mark_outage(request: HttpRequest | None = None, **kwargs: Any) -> None:
    """Mark a request that is failing for want of the database (`got_request_exception`)."""
    if request is not None and is_outage(sys.exception()):
        request.missed_database = True  # type: ignore[attr-defined]


signals.got_request_exception.connect(mark_outage)


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
    """Let only signed-in people pass, except to views marked `login_not_required`.

    Whose account has a second factor, or has to have one, is signed in once it was given; until
    then views marked `before_second_factor` alone are open.
    """

    def process_view(
        self, request: HttpRequest, view_func: Callable[..., HttpResponseBase], *args: Any
    ) -> HttpResponseBase | None:
        """Ask for what is missing: the sign-in, or its second factor."""
        answer: HttpResponseBase | None = super().process_view(request, view_func, *args)
        if answer is not None or not request.user.is_authenticated:
            return answer
        if not getattr(view_func, "login_required", True) or is_before_second_factor(view_func):
            return None
        page = page_of_missing_factor(request)
        return ask_for_second_factor(request, page) if page else None

    def handle_no_permission(  # type: ignore[override]  # not every client can be redirected
        self, request: HttpRequest, view_func: Callable[..., HttpResponseBase]
    ) -> HttpResponseBase:
        """Ask to sign in; the CSRF check comes before this, so that typed input may be kept."""
        return ask_to_sign_in(request)


_OF_DJANGO = (Http404, PermissionDenied, SuspiciousOperation, BadRequest, MultiPartParserError)


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
        if isinstance(exception, SecondFactorNeeded) and (page := second_factor_missed(request)):
            return ask_for_second_factor(request, page)
        if isinstance(exception, FairdbError):
            return error_response(request, exception)
        if isinstance(exception, _OF_DJANGO):
            return answer_of_django(request, exception)
        if is_outage(exception):
            logger.error("no database in %s %s: %s", *_where(request), kind_of(exception))
            return outage_response(request)
        log_unexpected(request, exception)
        return unexpected_response(request)

    def process_response(
        self, request: HttpRequest, response: HttpResponseBase
    ) -> HttpResponseBase:
        """Let what breaks inside a streamed answer get into the server's log without its words."""
        if isinstance(response, StreamingHttpResponse) and not isinstance(response, FileResponse):
            guard = _guarded_async if response.is_async else _guarded
            response.streaming_content = guard(request, response.streaming_content)  # type: ignore[arg-type]
        return response


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
                session_continue(row=row, tokens=tokens, is_attended=not is_unattended(request))
                tokens.refresh_if_due()
                supabase = tokens.supabase()
                request.supabase_session = row  # type: ignore[attr-defined]
            except SessionEnded:
                end_session(request)
    cast("HtmxHttpRequest", request).supabase = supabase
    return supabase


def end_session(request: HttpRequest) -> None:
    """Sign out here; the sign-in page will say that the session has ended."""
    if request.user.is_authenticated:
        logout(request)
        request.session_has_ended = True  # type: ignore[attr-defined]


def log_unexpected(request: HttpRequest, exception: BaseException) -> None:
    """Log where it broke; what exceptions say may quote cells, so only their kinds are named."""
    logger.error(
        "unexpected %s in %s %s\n%s",
        type(exception).__name__,
        *_where(request),
        where_it_broke(exception),
    )


def _where(request: HttpRequest) -> tuple[str | None, str]:
    return request.method, route_of(request)


def _guarded(request: HttpRequest, parts: Iterable[bytes]) -> Iterator[bytes]:
    broken = False
    try:
        yield from parts
    except Exception as error:
        log_unexpected(request, error)
        broken = True
    if broken:  # raised out here, it drags nothing along that a server would print
        raise AnswerBroken


async def _guarded_async(request: HttpRequest, parts: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
    broken = False
    try:
        async for part in parts:
            yield part
    except Exception as error:
        log_unexpected(request, error)
        broken = True
    if broken:
        raise AnswerBroken
