"""Typed form input that survives a session's end: kept on the server, offered back once.

A POST by somebody whose session has ended is answered with the sign-in page. What they typed is
sealed into the (new, anonymous) session, comes through the sign-in, and is given to the view of the
same page as the initial data of its form. It is never sent again on its own.

Whose it is, a signed cookie tells that outlives the session by some days: on a computer that
people share, it is offered to nobody else, and a browser in which nobody ever signed in cannot fill
the database. It holds an account's id and opens nothing; sign-out takes it back.
"""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponseBase
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme

from accounts.sealing import UnsealError, seal, unseal
from fairdb_site.http import is_htmx, is_memory_only

SESSION_KEY = "kept_input"
MOST_BYTES = 256 * 1024
KEPT_FOR = 3600  # seconds
COOKIE = "person"
_OUTLIVES = 3 * 86_400  # seconds after a session's end: a page left open over a weekend
_RENEWED_AFTER = 86_400  # seconds, so that a cookie set for an earlier session lasts for this one
_SECRET = re.compile(r"csrf|pass(word|phrase|wd)|secret|token|otp", re.IGNORECASE)

Kept = dict[str, str | list[str]]


def keep_input(request: HttpRequest, page: str) -> bool:
    """Keep a POST's fields for the form at `page`; no files, passwords or CSRF token.

    Returns whether anything was kept; of a view that is marked `memory_only`, nothing is.

    To be called only for requests that have passed the CSRF check: nobody else may put words into
    a person's form. `page` is the person's own page, so another path never gets the fields.
    """
    person = person_of(request)
    if request.method != "POST" or person is None or is_memory_only(request):
        return False
    fields = {name: values for name, values in request.POST.lists() if not _SECRET.search(name)}
    if not fields or len(json.dumps(fields)) > MOST_BYTES:
        return False
    until = timezone.now().timestamp() + KEPT_FOR
    content = {"fields": fields, "person": person, "until": until}
    request.session[SESSION_KEY] = seal(content, place=urlsplit(page).path).decode()
    return True


def kept_input(request: HttpRequest) -> Kept:
    """Return what was kept for this path, once, as a form's `initial`; {} when there is nothing.

    A field with one value is that string, with several the list of them. The person is told.
    """
    if request.method != "GET" or SESSION_KEY not in request.session:
        return {}
    try:
        content = unseal(request.session[SESSION_KEY].encode(), place=request.path)
    except UnsealError:  # for another page; it may still come
        return {}
    del request.session[SESSION_KEY]
    is_theirs = content["person"] == str(request.user.pk)
    if not is_theirs or content["until"] < timezone.now().timestamp():
        return {}
    messages.info(
        request,
        "Your session had ended. What you typed is here again: look it over and send it. "
        "Files and passwords have to be given anew.",
    )
    fields: dict[str, Any] = content["fields"]
    return {name: values[0] if len(values) == 1 else values for name, values in fields.items()}


def remember_person(request: HttpRequest, response: HttpResponseBase) -> None:
    """Leave a signed cookie that says who is signed in, by which a later loss is theirs."""
    if not request.user.is_authenticated:
        return
    if person_of(request, max_age=_RENEWED_AFTER) == str(request.user.pk):
        return
    response.set_signed_cookie(
        COOKIE,
        str(request.user.pk),
        salt=COOKIE,
        max_age=_cookie_age(),
        httponly=True,
        samesite="Lax",
        secure=settings.SESSION_COOKIE_SECURE,
    )


def forget_person(response: HttpResponseBase) -> None:
    """Take the cookie back, as at sign-out."""
    response.delete_cookie(COOKIE, samesite="Lax")


def person_of(request: HttpRequest, *, max_age: int | None = None) -> str | None:
    """Return the id of whom the cookie names, None where it is older than `max_age` seconds.

    Without `max_age` it may be as old as it gets.
    """
    oldest = _cookie_age() if max_age is None else max_age
    person: str | None = request.get_signed_cookie(
        COOKIE, default=None, salt=COOKIE, max_age=oldest
    )
    return person


def _cookie_age() -> int:
    return settings.SESSION_COOKIE_AGE + _OUTLIVES + _RENEWED_AFTER


def page_of(request: HttpRequest) -> str:
    """Return the path and query of the page the person is looking at, to come back to.

    That is the address asked for; but for what a page sent on (a form, HTMX), the page itself.
    """
    if is_htmx(request):
        return _page_named(request, "HX-Current-URL") or "/"
    page = _page_named(request, "Referer") if request.method == "POST" else ""
    return page or request.get_full_path()


def _page_named(request: HttpRequest, header: str) -> str:
    """Return the path and query of the page of ours that a header names, else an empty string."""
    try:
        url = urlsplit(request.headers.get(header, ""))
    except ValueError:  # whoever sends "http://[" did not come from a page
        return ""
    if url.netloc != request.get_host():
        return ""
    return on_this_site(request, url._replace(scheme="", netloc="").geturl())


def on_this_site(request: HttpRequest, url: str) -> str:
    """Return the address if it stays on this site, else an empty string."""
    if url_has_allowed_host_and_scheme(
        url, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    ):
        return url
    return ""
