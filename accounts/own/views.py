"""The pages of one's own account: password, second factor, sessions."""

from __future__ import annotations

from typing import Protocol
from uuid import UUID

import segno
from django.contrib import messages
from django.contrib.auth import logout
from django.forms import Form
from django.http import HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render, resolve_url
from django.utils.safestring import mark_safe
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import limits, second_factor
from accounts.forms import ChangePasswordForm, CodeForm, OwnPasswordForm
from accounts.kept_input import forget_person, on_this_site
from accounts.limits import Limit
from accounts.links import came_by_link
from accounts.own import deletion, password, sessions, takeout
from accounts.own.events import newest_of
from accounts.second_factor import before_second_factor
from fairdb_site.errors import FairdbError, Refused, SignInRequired, Unavailable
from fairdb_site.http import HtmxHttpRequest, memory_only
from fairdb_site.supabase.account import Account
from fairdb_site.supabase.errors import SamePassword, WeakPassword, WrongCode, WrongPassword

SHOWN_EVENTS = 10


@never_cache
@require_safe
def overview(request: HtmxHttpRequest) -> HttpResponse:
    """Show one's account: password, second factor, where one is signed in, what was done lately."""
    context = {
        "sessions": sessions.sessions_of(request.user, this=request.supabase_session),
        "events": newest_of(request.user, most=SHOWN_EVENTS),
    }
    return render(request, "accounts/own.html", context)


@memory_only
@sensitive_post_parameters()
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def change_password(request: HtmxHttpRequest) -> HttpResponse:
    """Set a new password."""
    by_link = came_by_link(request)
    if request.method != "POST":
        form = ChangePasswordForm(by_link=by_link)
        return render(request, "accounts/password.html", {"form": form, "by_link": by_link})
    form = ChangePasswordForm(request.POST, by_link=by_link)
    status = 400
    if form.is_valid():
        limits.require(Limit.SIGN_IN, request=request)
        try:
            password.password_change(
                request=request,
                old=form.cleaned_data.get("old", ""),
                new=form.cleaned_data["password"],
            )
        except SignInRequired:
            raise
        except FairdbError as error:
            status = _refuse(form, error, _FIELDS.get(type(error)))
        else:
            messages.success(
                request,
                "Your password is set."
                if by_link
                else "Your password is changed. Other sessions have ended.",
            )
            return redirect("accounts:own")
    context = {"form": form, "by_link": by_link}
    return render(request, "accounts/password.html", context, status=status)


@memory_only
@sensitive_post_parameters("old")
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def delete_account(request: HtmxHttpRequest) -> HttpResponse:
    """Delete one's own account with all that is in it, for the password."""
    form = _own_password_form(request)
    if _proven_by_password(request, form):
        account = request.user.pk
        done = deletion.account_delete(account=account, by=account, request=request)
        logout(request)
        return _gone(request, done=done)
    context = {"form": form, "goes": deletion.what_goes(request.user.pk)}
    return render(request, "accounts/delete.html", context, status=_status(form))


@memory_only
@sensitive_post_parameters("old")
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def download(request: HtmxHttpRequest) -> HttpResponseBase:
    """Send everything held on one's account as a ZIP archive, for the password."""
    form = _own_password_form(request)
    if (account := _proven_by_password(request, form)) is None:
        if form.is_bound:
            takeout.takeout_refused(request=request)
        context = {"form": form}
        return render(request, "accounts/download.html", context, status=_status(form))
    return takeout.takeout(request=request, account=account)


def _own_password_form(request: HtmxHttpRequest) -> OwnPasswordForm:
    return OwnPasswordForm(request.POST if request.method == "POST" else None)


def _proven_by_password(request: HtmxHttpRequest, form: OwnPasswordForm) -> Account | None:
    """Return whose password was typed, the person's own; else None, and the form says why.

    An open session alone is not enough for what cannot be undone. Each try counts.
    """
    if not form.is_valid():
        return None
    limits.require(Limit.SIGN_IN, request=request)
    try:
        return password.password_require(
            email=request.user.email, password=form.cleaned_data["old"]
        )
    except Refused as error:
        form.add_error("old", error.message)
        return None


def _gone(request: HtmxHttpRequest, *, done: bool) -> HttpResponse:
    messages.success(
        request,
        "Your account is deleted, with all that was in it."
        if done
        else "Your account is closed, and nobody sees its data any more. What is left of it is "
        "removed within minutes.",
    )
    response = redirect("landing")
    forget_person(response)
    return response


# -- The second factor ----------------------------------------------------------------------------


@before_second_factor
@memory_only
@sensitive_post_parameters("code")
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def give_second_factor(request: HtmxHttpRequest) -> HttpResponse:
    """Ask for a code and go on to `next`."""
    if second_factor.page_of_missing_factor(request) != second_factor.GIVE:
        return _go_on(request)
    form = CodeForm(request.POST or None)
    if _takes_code(request, form, second_factor.second_factor_give):
        limits.give_back(Limit.SECOND_FACTOR, request=request)
        return _go_on(request)
    context = {"form": form, "next": _next(request)}
    return render(request, "accounts/second_factor.html", context, status=_status(form))


@before_second_factor
@memory_only
@sensitive_post_parameters("code", "old")
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def add_second_factor(request: HtmxHttpRequest) -> HttpResponse:
    """Set up a second factor: begin, show the QR code, confirm by a first code."""
    if second_factor.page_of_missing_factor(request) == second_factor.GIVE:
        return redirect(second_factor.GIVE)  # who has one gives it before there is another
    if request.user.has_second_factor:
        return redirect("accounts:own")
    if "code" not in request.POST and (
        request.method == "POST" or not second_factor.second_factor_to_add(request)
    ):
        return _begin_second_factor(request)
    form = CodeForm(request.POST or None)
    if _takes_code(request, form, second_factor.second_factor_add):
        messages.success(request, "Your second factor is set up: it is asked for from now on.")
        return _go_on(request, "accounts:own")
    context = {"form": form, "next": _next(request)}
    if new := second_factor.second_factor_to_add(request):
        context |= {"qr": _qr_code(new.uri), "uri": new.uri, "secret": _in_groups(new.secret)}
    return render(request, "accounts/second_factor_new.html", context, status=_status(form))


def _begin_second_factor(request: HtmxHttpRequest) -> HttpResponse:
    """Make the key of a new second factor, for the password.

    In a session left open, somebody else would set up one of their own, and so keep its person out.
    Who came by a mailed link has proven themselves, and may know no password.
    """
    by_link = came_by_link(request)
    form = _own_password_form(request)
    if request.method == "POST" and (by_link or _proven_by_password(request, form)):
        limits.require(Limit.SECOND_FACTOR, request=request)
        second_factor.second_factor_begin(request=request)
        return HttpResponseRedirect(request.get_full_path())
    context = {"proof": None if by_link else form}
    return render(request, "accounts/second_factor_new.html", context, status=_status(form))


@memory_only
@sensitive_post_parameters("code")
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def remove_second_factor(request: HtmxHttpRequest) -> HttpResponse:
    """Take the second factor off the account, for a code."""
    if not request.user.has_second_factor:
        return redirect("accounts:own")
    form = CodeForm(request.POST or None)
    if _takes_code(request, form, second_factor.second_factor_remove):
        messages.success(request, "The second factor is removed: your password is enough.")
        return redirect("accounts:own")
    context = {"form": form, "staff_need_one": second_factor.STAFF_NEED_ONE}
    return render(request, "accounts/second_factor_remove.html", context, status=_status(form))


class _TakesCode(Protocol):
    def __call__(self, *, request: HtmxHttpRequest, code: str) -> None: ...


def _takes_code(request: HtmxHttpRequest, form: CodeForm, work: _TakesCode) -> bool:
    """Do what takes a code, if one was sent; a wrong one is said in the form, and counted."""
    if not form.is_valid():
        return False
    limits.require(Limit.SECOND_FACTOR, request=request)
    try:
        work(request=request, code=form.cleaned_data["code"])
    except WrongCode as error:
        form.add_error("code", error.message)
        return False
    return True


def _status(form: Form) -> int:
    return 400 if form.errors else 200


# -- Sessions -------------------------------------------------------------------------------------


@require_POST
def end_session(request: HtmxHttpRequest, session_id: UUID) -> HttpResponse:
    """Sign out one of my sessions."""
    if sessions.session_end(request=request, session_id=session_id):
        return _signed_out()
    messages.success(request, "That session has ended.")
    return redirect("accounts:own")


@require_POST
def end_other_sessions(request: HtmxHttpRequest) -> HttpResponse:
    """Sign out all my sessions but this one."""
    sessions.sessions_end_others(request=request)
    messages.success(request, "All other sessions have ended.")
    return redirect("accounts:own")


@require_POST
def end_all_sessions(request: HtmxHttpRequest) -> HttpResponse:
    """Sign out everywhere, here too."""
    sessions.sessions_end_all(request=request)
    return _signed_out()


def _signed_out() -> HttpResponse:
    response = redirect("accounts:sign-in")
    forget_person(response)
    return response


_FIELDS = {WrongPassword: "old", WeakPassword: "password", SamePassword: "password"}


def _refuse(form: Form, error: FairdbError, field: str | None) -> int:
    form.add_error(field if field in form.fields else None, error.message)
    return error.status if isinstance(error, Unavailable) else 400


def _next(request: HtmxHttpRequest) -> str:
    return on_this_site(request, request.POST.get("next") or request.GET.get("next", ""))


def _go_on(request: HtmxHttpRequest, page: str = "datasets:dashboard") -> HttpResponse:
    return HttpResponseRedirect(_next(request) or resolve_url(page))


def _qr_code(uri: str) -> str:
    """Draw the address as an SVG of dark on light, which apps read whatever the page's colours."""
    drawn = segno.make(uri, error="m").svg_inline(scale=5, border=4, dark="#000", light="#fff")
    return mark_safe(drawn)  # noqa: S308  segno's own drawing: none of the text is in it


def _in_groups(secret: str) -> str:
    return " ".join(secret[at : at + 4] for at in range(0, len(secret), 4))
