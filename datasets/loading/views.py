"""Pages of loads: the list, and one that follows a load until it leads to its receipt."""

from __future__ import annotations

from uuid import UUID

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, resolve_url
from django.views.decorators.http import require_POST, require_safe
from django_htmx.http import HttpResponseClientRedirect

from accounts import limits
from accounts.limits import Limit
from datasets.forms import MomentField
from datasets.loading.shown import load_get, load_list
from datasets.loading.submissions import submission_cancel, submission_start
from datasets.models import Submission
from datasets.pages import page_or_fragment, valid
from fairdb_site.errors import FairdbError, SignInRequired
from fairdb_site.http import HtmxHttpRequest, is_htmx


class PageForm(forms.Form):
    """Where the list of loads goes on: when the last one shown was sent."""

    before = MomentField(required=False)


@require_safe
def loads(request: HtmxHttpRequest) -> HttpResponse:
    """List the person's loads, newest first: under way, drafts, and what became of the others."""
    place = valid(PageForm(request.GET))
    found, more = load_list(owner_id=request.user.pk, before=place.get("before"))
    under_way = [one.asked_every for one in found if one.is_under_way]
    context = {
        "loads": found,
        "more": more,
        "is_first": "before" not in request.GET,
        "is_live": bool(under_way),
        "asked_every": max(min(under_way, default=0), 3),
    }
    return page_or_fragment(request, "datasets/loads.html", "datasets/_load_list.html", context)


@require_safe
def load(request: HtmxHttpRequest, submission_id: UUID) -> HttpResponse:
    """Show how far a load is; once it is stored, lead to the receipt."""
    shown = load_get(owner_id=request.user.pk, submission_id=submission_id)
    submission = shown.submission
    if submission.state == Submission.State.STORED:
        if is_htmx(request):
            receipt = resolve_url("datasets:receipt", submission.dataset)
            return HttpResponseClientRedirect(receipt)
        return redirect("datasets:receipt", submission.dataset)
    return page_or_fragment(
        request,
        "datasets/load.html",
        "datasets/_load.html",
        {"load": shown, "hours": settings.FAIRDB_STAGED_HOURS},
    )


@require_POST
def load_cancel(request: HtmxHttpRequest, submission_id: UUID) -> HttpResponse:
    """Cancel a load, and show what became of it."""
    submission_cancel(owner_id=request.user.pk, submission_id=submission_id)
    return redirect("datasets:load", submission_id)


@require_POST
def load_retry(request: HtmxHttpRequest, submission_id: UUID) -> HttpResponse:
    """Load the same file once more, as it was asked for."""
    try:
        limits.require(Limit.UPLOAD, request=request)
        submission_start(owner_id=request.user.pk, submission_id=submission_id)
    except SignInRequired:
        raise
    except FairdbError as error:
        load_get(owner_id=request.user.pk, submission_id=submission_id)
        messages.error(request, error.message)
    return redirect("datasets:load", submission_id)
