"""The doors: register, sign in, mailed links, sign out."""

from __future__ import annotations

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render, resolve_url
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from accounts import limits, links, policy, services
from accounts.forms import AddressForm, ConfirmForm, RegistrationForm, SignInForm
from accounts.kept_input import forget_person, on_this_site
from accounts.limits import Limit
from fairdb_site.errors import FairdbError, Unavailable
from fairdb_site.supabase.errors import LinkUsed, WeakPassword


@login_not_required
@sensitive_post_parameters("password")
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def sign_in(request: HttpRequest) -> HttpResponse:
    """Show the sign-in form, or sign in and go on to `next`."""
    if request.method != "POST":
        return _show(request, "accounts/sign_in.html", SignInForm())
    form = SignInForm(request.POST)
    if form.is_valid():
        email = form.cleaned_data["email"]
        limits.require(Limit.SIGN_IN, request=request, email=email)
        try:
            services.account_sign_in(request=request, **form.cleaned_data)
        except FairdbError as error:
            form.add_error(None, error.message)
            return _render(request, "accounts/sign_in.html", form, status=_status(error))
        limits.give_back(Limit.SIGN_IN, request=request, email=email)
        return _go_on(request)
    return _render(request, "accounts/sign_in.html", form, status=400)


@login_not_required
@sensitive_post_parameters("password", "password_again")
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def register(request: HttpRequest) -> HttpResponse:
    """Show the registration form, or why there is none; make the account and sign it in."""
    if not policy.registration_is_open():
        return _render(request, "accounts/register.html", None, status=403)
    if request.method != "POST":
        return _show(request, "accounts/register.html", RegistrationForm())
    form = RegistrationForm(request.POST)
    if form.is_valid():
        email, password = form.cleaned_data["email"], form.cleaned_data["password"]
        limits.require(Limit.REGISTER, request=request, email=email)
        try:
            user = services.account_register(request=request, email=email, password=password)
        except limits.TooManyTries:
            raise
        except FairdbError as error:
            form.add_error("password" if isinstance(error, WeakPassword) else None, error.message)
            return _render(request, "accounts/register.html", form, status=_status(error))
        if user is None:
            return render(request, "accounts/check_mail.html", {"email": email})
        return _go_on(request)
    return _render(request, "accounts/register.html", form, status=400)


@login_not_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def reset(request: HttpRequest) -> HttpResponse:
    """Ask for a link to set a new password; the answer is the same for every address."""
    form = AddressForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        email = form.cleaned_data["email"]
        limits.require(Limit.RESET, request=request, email=email)
        try:
            links.reset_ask(request=request, email=email.strip().lower())
        except FairdbError as error:
            form.add_error(None, error.message)
            return render(request, "accounts/reset.html", {"form": form}, status=_status(error))
        return render(request, "accounts/reset_asked.html", {"email": email})
    status = 400 if request.method == "POST" else 200
    return render(request, "accounts/reset.html", {"form": form}, status=status)


@login_not_required
@require_POST
def confirm_again(request: HttpRequest) -> HttpResponse:
    """Have the link to confirm an address mailed again."""
    form = AddressForm(request.POST)
    if not form.is_valid():
        return redirect("accounts:register")
    email = form.cleaned_data["email"]
    limits.require(Limit.CONFIRM, request=request, email=email)
    links.confirmation_resend(request=request, email=email.strip().lower())
    return render(request, "accounts/check_mail.html", {"email": email, "is_again": True})


CHOOSE_ANOTHER = (
    "Your address is confirmed. Now choose your password: the one that this account was registered "
    "with was not given, and counts no more."
)


@login_not_required
@sensitive_post_parameters("password")
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def confirm(request: HttpRequest) -> HttpResponse:
    """Show the button that a mailed link leads to; its POST uses the link up."""
    given = request.POST if request.method == "POST" else request.GET
    link = {"token_hash": given.get("token_hash", ""), "type": given.get("type", "")}
    form = ConfirmForm(request.POST if request.method == "POST" else None)
    if request.method != "POST":
        return render(request, "accounts/confirm.html", {"link": link, "form": form})
    limits.require(Limit.CONFIRM, request=request)
    password = form.cleaned_data["password"] if form.is_valid() else ""
    try:
        kind = links.link_kind(link["type"])
        user = links.link_use(
            request=request, token_hash=link["token_hash"], kind=kind, password=password
        )
    except LinkUsed as error:
        return render(
            request, "accounts/confirm.html", {"used": error.message}, status=error.status
        )
    if links.came_by_link(request):
        if kind not in links.SETS_PASSWORD:
            messages.info(request, CHOOSE_ANOTHER)
        return redirect("accounts:password")
    messages.success(request, f"Your address is confirmed, and you are signed in as {user.email}.")
    return _go_on(request)


@login_not_required
@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    """End the session here and at Supabase; a second click finds it ended already."""
    services.account_sign_out(request=request)
    response = redirect(resolve_url(settings.LOGOUT_REDIRECT_URL or "/"))
    forget_person(response)
    return response


def _show(request: HttpRequest, template: str, form: SignInForm | RegistrationForm) -> HttpResponse:
    if request.user.is_authenticated:
        return _go_on(request)
    return _render(request, template, form)


def _render(
    request: HttpRequest,
    template: str,
    form: SignInForm | RegistrationForm | None,
    status: int = 200,
) -> HttpResponse:
    return render(request, template, {"form": form, "next": _next(request)}, status=status)


def _next(request: HttpRequest) -> str:
    """Return where to go afterwards, if that is on this site."""
    return on_this_site(request, request.POST.get("next") or request.GET.get("next", ""))


def _go_on(request: HttpRequest) -> HttpResponse:
    return HttpResponseRedirect(_next(request) or resolve_url(settings.LOGIN_REDIRECT_URL))


def _status(error: FairdbError) -> int:
    # What Supabase refused is said in the form; that it does not answer is another matter.
    return error.status if isinstance(error, Unavailable) else 400
