"""What staff can do from a page: asked on a page of its own, done by a POST, told one by one."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from accounts.models import User
from fairdb_site.errors import FairdbError, Unavailable


def always(thing: Any) -> bool:
    """Offer an act for whatever it is."""
    return True


def staff_of(request: HttpRequest) -> User:
    """Return who does it."""
    assert isinstance(request.user, User)  # the site lets nobody else in
    return request.user


@dataclass(frozen=True)
class Act:
    """Something that staff do to one or several things of a page.

    `does` takes the request and the thing, with the fields of `form` by name, and returns in words
    what it did; its FairdbError is told as it is. `asks` is the question's verb: "Ban".
    """

    name: str
    button: str
    asks: str
    tells: str
    does: Callable[..., str]
    is_offered: Callable[[Any], bool] = always
    form: type[forms.Form] = forms.Form
    icon: str = "check"
    is_dangerous: bool = False


@dataclass
class Done:
    """What came of an act: each thing with what was done to it, or why it was not."""

    done: list[tuple[str, str]] = field(default_factory=list)
    refused: list[tuple[str, str]] = field(default_factory=list)
    untried: list[str] = field(default_factory=list)


def act_on(
    act: Act, things: Iterable[tuple[str, Any]], *, request: HttpRequest, **given: Any
) -> Done:
    """Do it to each, which come with their names; what is refused for one is done to the others.

    After Supabase did not answer none is tried any more: each would wait as long for it again.
    """
    came = Done()
    is_away = False
    for name, thing in things:
        if is_away:
            came.untried.append(name)
            continue
        try:
            came.done.append((name, act.does(request, thing, **given)))
        except FairdbError as error:
            came.refused.append((name, error.message))
            is_away = isinstance(error, Unavailable)
    return came


def tell(request: HttpRequest, came: Done) -> None:
    """Say what was done, what was not and why, and what was not tried, with their names."""
    if came.done:
        messages.success(request, _lines("Done", came.done))
    if came.refused:
        messages.error(request, _lines("Not done as asked", came.refused))
    if came.untried:
        words = "Not tried any more, as a service did not answer"
        messages.warning(request, _lines(words, [(name, "") for name in came.untried]))


def _lines(head: str, told: list[tuple[str, str]]) -> SafeString:
    lines = [_line(name, words) for name, words in told]
    if len(lines) == 1:
        return format_html("{}: {}", head, lines[0])
    several = format_html_join("", "<li>{}</li>", ((line,) for line in lines))
    return format_html("<p><strong>{}, {}:</strong></p><ul>{}</ul>", head, len(lines), several)


def _line(name: str, words: str) -> SafeString:
    return format_html("<bdi>{}</bdi>{}", name, f": {words}" if words else "")
