"""What staff do to accounts and sessions, over the services of `accounts.administration`."""

from __future__ import annotations

from django import forms
from django.http import HttpRequest

from accounts import administration
from accounts.administration import MOST_HOURS
from accounts.models import SupabaseSession, User
from accounts.staff.acts import Act, staff_of


class BanForm(forms.Form):
    """How long an account is refused."""

    hours = forms.IntegerField(
        required=False,
        min_value=1,
        max_value=MOST_HOURS,
        label="Hours",
        help_text="Leave it empty to refuse them for good, which can be lifted too.",
    )


def _ban(request: HttpRequest, user: User, hours: int | None) -> str:
    administration.account_ban(user=user, hours=hours, by=staff_of(request), request=request)
    if hours is None:
        return "banned for good"
    return f"banned for {hours:,} hour{'' if hours == 1 else 's'}"


def _unban(request: HttpRequest, user: User) -> str:
    administration.account_unban(user=user, by=staff_of(request), request=request)
    return "may sign in again"


def _reset_second_factor(request: HttpRequest, user: User) -> str:
    removed = administration.account_reset_second_factor(
        user=user, by=staff_of(request), request=request
    )
    return "the second factor is taken off" if removed else "there was no second factor"


def _sign_out(request: HttpRequest, user: User) -> str:
    ended = administration.account_sign_out_everywhere(
        user=user, by=staff_of(request), request=request
    )
    return f"signed out everywhere ({ended} here)"


def _end_session(request: HttpRequest, session: SupabaseSession) -> str:
    administration.session_end(session_id=session.pk, by=staff_of(request), request=request)
    return "ended"


ON_ACCOUNTS = (
    Act(
        name="ban",
        button="Ban",
        asks="Ban",
        tells="They are refused at sign-in and signed out everywhere at once, and open no "
        "dataset from other programs either. Their datasets stay.",
        does=_ban,
        is_offered=lambda user: user.is_active,
        form=BanForm,
        icon="lock",
        is_dangerous=True,
    ),
    Act(
        name="unban",
        button="Let in again",
        asks="Let in again",
        tells="They can sign in as before the ban.",
        does=_unban,
        is_offered=lambda user: not user.is_active,
        icon="check",
    ),
    Act(
        name="reset-second-factor",
        button="Reset second factor",
        asks="Take the second factor off",
        tells="For who lost it: make sure that it is they who ask. They are signed out "
        "everywhere and come back with the password alone; staff then have to set up a new "
        "one.",
        does=_reset_second_factor,
        icon="key",
        is_dangerous=True,
    ),
    Act(
        name="sign-out",
        button="Sign out everywhere",
        asks="Sign out everywhere",
        tells="All their sessions end, here and in other programs. They can sign in again.",
        does=_sign_out,
        icon="sign-out",
    ),
)

ON_SESSIONS = (
    Act(
        name="end",
        button="End",
        asks="End",
        tells="Whoever is there is signed out with the next click, and can sign in again.",
        does=_end_session,
        icon="sign-out",
    ),
)
