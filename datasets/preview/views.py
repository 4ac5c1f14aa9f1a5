"""The page on which a file is looked at, and chosen about, before anything of it is stored.

The file is read anew at each request from where it lies sealed; no cell of it goes to a database.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render, resolve_url
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_http_methods
from django_htmx.http import HttpResponseClientRedirect, push_url

from accounts import audit, limits
from accounts.limits import Limit
from accounts.models import AuditAction
from datasets.browse.id_chooser import sheet_menu
from datasets.ingest.datatypes import DATA_TYPES
from datasets.ingest.read import Evidence
from datasets.ingest.sheets import Sheet, SheetRefused
from datasets.loading.asked import Asked
from datasets.loading.submissions import (
    STARTABLE,
    submission_change,
    submission_get,
    submission_start,
)
from datasets.models import Submission
from datasets.staging import open_kept
from fairdb_site.errors import FairdbError, NotFound, SignInRequired
from fairdb_site.http import HtmxHttpRequest, is_htmx

from .forms import PreviewForm
from .kept import asked_with, choices_of, reading_of
from .listing import Listing
from .sample import Sample, read_sample
from .table import Preview, preview

_LISTED_FLAGS = 20


@dataclass(frozen=True)
class Look:
    """What is on show, or what kept it from being shown; and why choices were dropped."""

    listing: Listing | None
    refusal: FairdbError | None = None
    dropped: str = ""


@require_http_methods(["GET", "HEAD", "POST"])
def look(request: HtmxHttpRequest, submission_id: UUID) -> HttpResponse:
    """Show what a file holds, or take what was chosen about it; its load starts from here."""
    submission = submission_get(owner_id=request.user.pk, submission_id=submission_id)
    if submission.state not in STARTABLE or not submission.staged:
        return _go(request, resolve_url("datasets:load", submission.pk))
    limits.require(Limit.COLUMNS, request=request)
    asked = _asked(submission)
    if request.method == "POST":
        return _chosen(request, submission, asked)
    place = _place(PreviewForm(request.GET))
    try:
        sample = _sample(submission, asked)
        choices, dropped = choices_of(asked, sample.table.file_header)
        found = Look(Listing(preview(sample, choices), **place), dropped=dropped)
    except FairdbError as error:
        found = Look(None, refusal=error)
    return _page(request, submission, PreviewForm(initial=asked.as_fields()), found)


def _asked(submission: Submission) -> Asked:
    """Return what was asked, with what a load that failed suggested since."""
    asked = Asked.of(submission)
    chosen = asked.id_column or asked.number_rows
    if submission.suggestion and submission.error_option == "id_column" and not chosen:
        return replace(asked, id_column=submission.suggestion)
    return asked


def _chosen(request: HtmxHttpRequest, submission: Submission, before: Asked) -> HttpResponse:
    """Take what was chosen, all of it or nothing; then show the outcome, or start the load."""
    form = PreviewForm(request.POST)
    place = _place(form)
    if not form.is_valid():
        return _again(request, submission, before, form)
    asked, do = form.asked(before), form.cleaned_data["do"]
    try:
        if do == "load_unseen":
            return _started(request, submission, asked)
        sample = _sample(submission, asked)
        labels = sample.table.file_header
        kept, dropped = choices_of(asked, labels)
        shown = _with_action(do, preview(sample, form.choices(kept, labels)))
        asked = asked_with(asked, shown.choices, labels)
        if do == "load":
            return _started(request, submission, asked)
        submission_change(owner_id=request.user.pk, submission_id=submission.pk, asked=asked)
    except (SignInRequired, NotFound):
        raise
    except FairdbError as error:
        form.add_error(error.option if error.option in form.fields else None, error.message)
        return _again(request, submission, before, form, status=error.status)
    address = _address(submission, place)
    if not is_htmx(request):
        if dropped:
            messages.warning(request, dropped)
        return redirect(address)
    found = Look(Listing(shown, **place), dropped=dropped)
    return push_url(_page(request, submission, form, found), address)


def _with_action(do: str, shown: Preview) -> Preview:
    """Return what is shown once a button did to columns what only a look at them tells."""
    if do == "flagged":
        return shown.leaving_out(shown.flagged)
    if do == "notations":
        return shown.reading_notations()
    if do == "load":  # the id column that was on show, whatever the rest of the file suggests
        choices = shown.choices
        numbered = shown.id_position is None
        choices = choices.with_row_numbers() if numbered else choices.with_id(shown.id_position)
        return replace(shown, choices=choices)
    return shown


def _again(
    request: HtmxHttpRequest,
    submission: Submission,
    before: Asked,
    form: PreviewForm,
    *,
    status: int = 422,
) -> HttpResponse:
    """Show what was refused, over the file as it was read before."""
    place = _place(form)
    try:
        sample = _sample(submission, before)
        choices, _ = choices_of(before, sample.table.file_header)
        found = Look(Listing(preview(sample, choices), **place))
    except FairdbError as error:
        found = Look(None, refusal=error)
    response = _page(request, submission, form, found)
    response.status_code = status
    return response


def _started(request: HtmxHttpRequest, submission: Submission, asked: Asked) -> HttpResponse:
    owner_id = request.user.pk
    limits.require(Limit.UPLOAD, request=request)
    try:
        submission_start(owner_id=owner_id, submission_id=submission.pk, asked=asked)
    except FairdbError as error:
        audit.record(
            AuditAction.DATASET_LOADED,
            actor=owner_id,
            outcome=audit.outcome_of(error),
            request=request,
        )
        raise
    return _go(request, resolve_url("datasets:load", submission.pk))


def _sample(submission: Submission, asked: Asked) -> Sample:
    return read_sample(
        partial(open_kept, submission.staged),
        reading_of(asked),
        max_columns=settings.FAIRDB_MAX_COLUMNS,
        max_bytes=settings.FAIRDB_MAX_UPLOAD_BYTES,
    )


def _place(form: PreviewForm) -> dict[str, Any]:
    """Return which columns are to be listed; what makes no sense is passed over."""
    form.is_valid()
    said = form.cleaned_data
    after = said.get("after") or 0
    if said.get("go") is not None:
        after = said["go"]
    elif said.get("do") in {"find", "read"}:
        after = 0
    return {"sought": said.get("q") or "", "show": said.get("show") or "all", "after": after}


def _address(submission: Submission, place: dict[str, Any]) -> str:
    said = {"q": place["sought"], "show": place["show"], "after": place["after"]}
    said = {name: value for name, value in said.items() if value and value != "all"}
    query = f"?{urlencode(said)}" if said else ""
    return resolve_url("datasets:preview", submission.pk) + query


def _page(
    request: HtmxHttpRequest, submission: Submission, form: PreviewForm, found: Look
) -> HttpResponse:
    listing = found.listing
    evidence = listing.preview.evidence if listing else None
    context = {
        "submission": submission,
        "form": form,
        "listing": listing,
        "preview": listing.preview if listing else None,
        "flags": listing.flagged_and_taken[:_LISTED_FLAGS] if listing else (),
        "refusal": found.refusal,
        "dropped": found.dropped,
        "sheets": sheet_menu(
            _sheets(evidence, found.refusal),
            named=str(form["sheet"].value() or ""),
            found=evidence.sheet if evidence else None,
        ),
        "marks": form.tick(listing.preview.marks if listing else ()),
        "types": DATA_TYPES,
        "mending": form[option] if (option := submission.error_option) in form.fields else None,
        "is_text": evidence is None or evidence.form == "text",
    }
    name = "_preview" if is_htmx(request) else "preview"
    response = render(request, f"datasets/{name}.html", context)
    patch_vary_headers(response, ["HX-Request"])
    return response


def _sheets(evidence: Evidence | None, refusal: FairdbError | None) -> tuple[Sheet, ...]:
    if evidence is not None:
        return evidence.sheets
    return refusal.sheets if isinstance(refusal, SheetRefused) else ()


def _go(request: HtmxHttpRequest, address: str) -> HttpResponse:
    return HttpResponseClientRedirect(address) if is_htmx(request) else redirect(address)
