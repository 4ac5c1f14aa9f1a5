"""Pages of datasets. One view serves a page and its fragment: HTMX gets the part that changed."""

from typing import Any
from uuid import UUID

from asgiref.sync import sync_to_async
from django.conf import settings
from django.http import HttpResponse
from django.shortcuts import redirect, render, resolve_url
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django_htmx.http import HttpResponseClientRedirect

from accounts import audit, limits
from accounts.kept_input import kept_input
from accounts.limits import Limit
from accounts.sessions import session_require
from datasets import selectors
from datasets.browse.activity import activity_of
from datasets.browse.id_chooser import id_chooser, sheet_menu
from datasets.browse.shown import Dataset, Overview
from datasets.forms import (
    HeadingForm,
    PageForm,
    UploadForm,
)
from datasets.ingest.heading import read_heading
from datasets.ingest.sheets import SheetRefused
from datasets.loading.sending import fields_of, submission_named, submissions_sent
from datasets.pages import page_or_fragment, valid
from datasets.quota import storage_of
from datasets.uploads import LARGEST_PIECE, not_staged, piece_of, too_large
from fairdb_site.errors import FairdbError, SignInRequired
from fairdb_site.http import HtmxHttpRequest, is_htmx

SHOWN_EVENTS = 200
SHORTEST_SEARCH = 2  # characters; a single letter is in nearly every name


@require_safe
async def dashboard(request: HtmxHttpRequest) -> HttpResponse:
    """Show an account at a glance and what to do next; its parts are asked for at once."""
    overview = await selectors.account_overview(supabase=request.supabase, owner_id=request.user.pk)
    return await sync_to_async(_dashboard)(request, overview)


@require_safe
def dataset_list(request: HtmxHttpRequest) -> HttpResponse:
    """List the person's datasets, newest first."""
    place = valid(PageForm(request.GET))
    found, more = selectors.dataset_list(
        supabase=request.supabase, before=place.get("before"), before_id=place.get("before_id")
    )
    context = {"datasets": found, "more": more, "is_first": "before" not in request.GET}
    return page_or_fragment(
        request, "datasets/dataset_list.html", "datasets/_dataset_list.html", context
    )


@require_http_methods(["GET", "HEAD", "POST"])
def upload(request: HtmxHttpRequest) -> HttpResponse:
    """Take a table: show the form, or hold the file and lead to where it is looked at.

    Several files are drafts, each to be looked at; what is loaded at once leads to its load.
    `load` names one of before that is tried again: its fields are filled in, its file is gone.
    """
    held = submission_named(request)
    if held and held.staged:
        return redirect("datasets:preview", held.pk)
    if request.method != "POST":
        replaced = _replaced(request, request.GET.get("replaces"))
        kept = kept_input(request) or (fields_of(held) if held else None)
        if replaced and not kept:
            kept = {
                "replaces": replaced.id,
                "title": replaced.title,
                "description": replaced.description,
                "origin": replaced.origin,
            }
        context = {
            "form": UploadForm(initial=kept, held=held),
            "storage": storage_of(request.user.pk),
            "replaced": replaced,
        }
        return render(request, "datasets/upload.html", context)
    form = UploadForm(
        request.POST,
        request.FILES,
        too_large=too_large(request),
        not_staged=not_staged(request),
        held=held,
    )
    status = form.not_staged.status if form.not_staged else 422
    if form.is_valid():
        session_require(request=request)  # the file may have taken hours to arrive
        try:
            for _ in form.cleaned_data["files"]:
                limits.require(Limit.UPLOAD, request=request)
            sent = submissions_sent(request=request, form=form)
        except SignInRequired:
            raise
        except FairdbError as error:
            form.refuse(error)
            status = error.status
        else:
            if len(sent) > 1:
                return _go(request, "datasets:loads")
            at_once = form.cleaned_data["at_once"]
            return _go(request, "datasets:load" if at_once else "datasets:preview", sent[0].pk)
    context = {
        "form": form,
        "storage": storage_of(request.user.pk),
        "replaced": _replaced(request, request.POST.get("replaces")),
    }
    response = page_or_fragment(
        request, "datasets/upload.html", "datasets/_upload_form.html", context
    )
    response.status_code = status
    return response


def _replaced(request: HtmxHttpRequest, named: str | None) -> Dataset | None:
    """Return the dataset that an upload is to be the next version of; None where none is named."""
    try:
        number = UUID(named) if named else None
    except ValueError:
        return None
    if number is None:
        return None
    return selectors.dataset_ready(supabase=request.supabase, dataset_id=number)


@require_POST
def upload_columns(request: HtmxHttpRequest) -> HttpResponse:
    """List the columns of a file whose first bytes are the body, so that its id can be chosen.

    The piece is read in memory, up to 16 MiB, and forgotten: nothing of it is stored or logged.
    """
    limits.require(Limit.COLUMNS, request=request)
    said = valid(HeadingForm(request.GET))
    piece = piece_of(request)
    context: dict[str, Any] = {"field": UploadForm()["id_column"]}
    try:
        heading = read_heading(
            piece,
            cut=said["cut"],
            delimiter=said.get("delimiter") or None,
            encoding=said.get("encoding") or None,
            sheet=said.get("sheet") or None,
            max_columns=settings.FAIRDB_MAX_COLUMNS,
        )
    except FairdbError as error:
        context["hint"] = error.message
        if isinstance(error, SheetRefused):
            context["sheets"] = sheet_menu(error.sheets, named=said.get("sheet", ""))
    else:
        if heading is not None:
            context["chooser"] = id_chooser(heading)
            context["sheets"] = sheet_menu(
                heading.evidence.sheets,
                named=said.get("sheet", ""),
                found=heading.evidence.sheet,
            )
        elif len(piece) < LARGEST_PIECE:
            context["wanted"] = LARGEST_PIECE
        else:
            context["hint"] = "This file's columns cannot be listed before all of it is sent."
    return render(request, "datasets/_id_column.html", context)


@require_safe
def receipt(request: HtmxHttpRequest, dataset_id: UUID) -> HttpResponse:
    """Show what was read, stored and refused, and the digests of both ends."""
    dataset = selectors.dataset_get(supabase=request.supabase, dataset_id=dataset_id)
    return render(request, "datasets/receipt.html", {"dataset": dataset})


@require_safe
def activity(request: HtmxHttpRequest, dataset_id: UUID) -> HttpResponse:
    """Show who loaded, read and exported a dataset, when and from where."""
    dataset = selectors.dataset_get(supabase=request.supabase, dataset_id=dataset_id)
    found = audit.events(dataset=dataset.id, most=SHOWN_EVENTS + 1)
    events = [activity_of(event, reader=request.user) for event in found]
    return render(
        request,
        "datasets/activity.html",
        {
            "dataset": dataset,
            "events": events[:SHOWN_EVENTS],
            "more": len(events) > SHOWN_EVENTS,
            "most": SHOWN_EVENTS,
        },
    )


def _dashboard(request: HtmxHttpRequest, overview: Overview) -> HttpResponse:
    # templates may read the session, which Django keeps off loops
    context = {"overview": overview, "storage": storage_of(request.user.pk)}
    return render(request, "datasets/dashboard.html", context)


def _go(request: HtmxHttpRequest, name: str, *args: object) -> HttpResponse:
    if is_htmx(request):
        return HttpResponseClientRedirect(resolve_url(name, *args))
    return redirect(name, *args)
