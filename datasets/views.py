"""Pages of datasets. One view serves a page and its fragment: HTMX gets the part that changed."""

from typing import Any
from urllib.parse import parse_qsl, urlencode
from uuid import UUID

from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib import messages
from django.forms import Form
from django.http import HttpResponse
from django.shortcuts import redirect, render, resolve_url
from django.utils.cache import patch_vary_headers
from django.utils.html import format_html
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django_htmx.http import HttpResponseClientRedirect, push_url, reswap, retarget

from accounts import audit, limits
from accounts.kept_input import kept_input
from accounts.limits import Limit
from accounts.models import AuditAction
from accounts.sessions import session_require
from datasets import selectors, services
from datasets.browse.activity import activity_of
from datasets.browse.column_choice import MOST, change_choice, read_choice, write_choice
from datasets.browse.id_chooser import id_chooser, sheet_menu
from datasets.browse.shown import Dataset, Overview
from datasets.forms import (
    ChooseForm,
    ColumnsForm,
    HeadingForm,
    PageForm,
    RowsForm,
    SearchForm,
    UploadForm,
)
from datasets.ingest.heading import read_heading
from datasets.ingest.pipeline import dataset_import
from datasets.ingest.sheets import SheetRefused
from datasets.quota import storage_of
from datasets.templatetags.fairdb import times
from datasets.uploads import LARGEST_PIECE, not_staged, opener_of, piece_of, too_large
from fairdb_site.errors import FairdbError, Refused, SignInRequired
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
    place = _valid(PageForm(request.GET))
    found, more = selectors.dataset_list(
        supabase=request.supabase, before=place.get("before"), before_id=place.get("before_id")
    )
    context = {"datasets": found, "more": more, "is_first": "before" not in request.GET}
    return _page_or_fragment(
        request, "datasets/dataset_list.html", "datasets/_dataset_list.html", context
    )


@require_http_methods(["GET", "HEAD", "POST"])
def upload(request: HtmxHttpRequest) -> HttpResponse:
    """Take a table: show the form, or load the file and lead to its receipt."""
    if request.method != "POST":
        context = {
            "form": UploadForm(initial=kept_input(request)),
            "storage": storage_of(request.user.pk),
        }
        return render(request, "datasets/upload.html", context)
    form = UploadForm(
        request.POST,
        request.FILES,
        too_large=too_large(request),
        not_staged=not_staged(request),
    )
    status = form.not_staged.status if form.not_staged else 422
    if form.is_valid():
        session_require(request=request)  # the file may have taken hours to arrive
        try:
            limits.require(Limit.UPLOAD, request=request)
            with audit.trail(
                AuditAction.DATASET_LOADED, actor=request.user.pk, request=request
            ) as event:
                stored = dataset_import(
                    owner=request.user,
                    source=opener_of(form.cleaned_data["file"]),
                    **form.as_arguments(),
                )
                event.dataset = stored.dataset
        except SignInRequired:
            raise
        except FairdbError as error:
            form.refuse(error)
            status = error.status
        else:
            return _go(request, "datasets:receipt", stored.dataset)
        finally:
            form.cleaned_data["file"].close()  # before anybody is told that the load has ended
    context = {"form": form, "storage": storage_of(request.user.pk)}
    response = _page_or_fragment(
        request, "datasets/upload.html", "datasets/_upload_form.html", context
    )
    response.status_code = status
    return response


@require_POST
def upload_columns(request: HtmxHttpRequest) -> HttpResponse:
    """List the columns of a file whose first bytes are the body, so that its id can be chosen.

    The piece is read in memory, up to 16 MiB, and forgotten: nothing of it is stored or logged.
    """
    limits.require(Limit.COLUMNS, request=request)
    said = _valid(HeadingForm(request.GET))
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
def detail(request: HtmxHttpRequest, dataset_id: UUID) -> HttpResponse:
    """Show a dataset: its facts, its map, and rows of the chosen columns."""
    dataset = selectors.dataset_get(supabase=request.supabase, dataset_id=dataset_id)
    if not dataset.is_ready:
        (unfinished,) = selectors.datasets_unfinished([dataset])
        return render(
            request, "datasets/unready.html", {"dataset": dataset, "unfinished": unfinished}
        )
    audit.rows_read(request, dataset.id)
    form = RowsForm(request.GET)
    asked = _valid(form)
    refusal = no_column = ""
    if sought := asked.get("jump"):
        position = selectors.column_named(supabase=request.supabase, dataset=dataset, name=sought)
        if position is not None:
            window = write_choice(dataset.width.window(position))
            return redirect(_rows_address(dataset, window, form.place()))
        no_column = "No column has this in its name."
        if sought.strip().casefold() in dataset.id_label.casefold():
            no_column = "Only the id has this in its name: its pseudonyms head every row."
    try:
        page = selectors.rows_page(
            supabase=request.supabase,
            dataset=dataset,
            columns=asked.get("columns", ""),
            **form.place(),
        )
    except Refused as error:
        refusal = error.message
        page = selectors.rows_page(
            supabase=request.supabase, dataset=dataset, columns="", **form.place()
        )
    context = {
        "dataset": dataset,
        "page": page,
        "refusal": refusal,
        "sought": sought,
        "no_column": no_column,
    }
    if is_htmx(request):
        return _vary(render(request, "datasets/_rows.html", context))
    context["outline"] = selectors.dataset_outline(supabase=request.supabase, dataset=dataset)
    return _vary(render(request, "datasets/dataset.html", context))


@require_safe
def columns(request: HtmxHttpRequest, dataset_id: UUID) -> HttpResponse:
    """List a dataset's columns with their statistics, 200 a page, searchable by name."""
    dataset = selectors.dataset_ready(supabase=request.supabase, dataset_id=dataset_id)
    asked = _valid(ColumnsForm(request.GET))
    page = selectors.columns_page(
        supabase=request.supabase,
        dataset=dataset,
        search=asked.get("q", ""),
        after=asked.get("after") or 0,
    )
    context = {
        "dataset": dataset,
        "page": page,
        "q": asked.get("q", ""),
        "listed": write_choice(column.position for column in page.columns),
    }
    if is_htmx(request):
        return _vary(render(request, "datasets/_columns.html", context))
    context["outline"] = selectors.dataset_outline(supabase=request.supabase, dataset=dataset)
    return _vary(render(request, "datasets/columns.html", context))


@require_safe
def column_names(request: HtmxHttpRequest, dataset_id: UUID) -> HttpResponse:
    """Suggest names of columns while one is typed: options of a list, for HTMX alone."""
    dataset = selectors.dataset_ready(supabase=request.supabase, dataset_id=dataset_id)
    sought = _valid(RowsForm(request.GET)).get("jump", "")
    page = None
    if len(sought) >= SHORTEST_SEARCH:
        page = selectors.columns_page(
            supabase=request.supabase, dataset=dataset, search=sought, limit=20
        )
    return render(request, "datasets/_column_names.html", {"page": page})


@require_http_methods(["GET", "HEAD", "POST"])
def choose(request: HtmxHttpRequest, dataset_id: UUID) -> HttpResponse:
    """Choose the columns on show: tick them on a list, search the list, then show the rows."""
    dataset = selectors.dataset_ready(supabase=request.supabase, dataset_id=dataset_id)
    posted = request.method == "POST"
    wants_rows = posted and "show" in request.POST
    asked = _valid(ChooseForm(request.POST if posted else request.GET))
    # the rows show a screenful where nothing is said; a form says what is ticked, be it nothing
    chosen = () if posted else dataset.width.window(1)
    refusal = ""
    try:
        if asked.get("columns"):
            chosen = read_choice(asked["columns"], dataset.width)
        if asked.get("listed"):
            listed = read_choice(asked["listed"], dataset.width)
            chosen = change_choice(
                chosen, listed=listed, ticked=asked.get("tick", []), width=dataset.width
            )
    except Refused as error:
        refusal = error.message
    if posted and "none" in request.POST:
        chosen = ()
    elif wants_rows and not refusal and not chosen:
        refusal = "No column is ticked. Tick those to show, or cancel to keep what was on show."
    place = _valid(RowsForm(dict(parse_qsl(asked.get("place", "")))))
    if wants_rows and not refusal:
        return redirect(_rows_address(dataset, write_choice(chosen), place))
    shown = asked.get("shown", "") if posted else write_choice(chosen)
    page = selectors.columns_page(
        supabase=request.supabase, dataset=dataset, search=asked.get("q", "")
    )
    context = {
        "dataset": dataset,
        "page": page,
        "shown": shown,
        "back": _rows_address(dataset, shown, place),
        "listed": write_choice(column.position for column in page.columns),
        "chosen": selectors.columns_at(
            supabase=request.supabase, dataset=dataset, positions=chosen
        ),
        "choice": write_choice(chosen),
        "positions": set(chosen),
        "q": asked.get("q", ""),
        "place": asked.get("place", ""),
        "refusal": refusal,
        "most": MOST,
    }
    response = _page_or_fragment(request, "datasets/choose.html", "datasets/_choose.html", context)
    if wants_rows and is_htmx(request):  # what it expects is rows, in another place
        return push_url(reswap(retarget(response, "#chooser"), "innerHTML"), False)
    return response


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


@require_http_methods(["GET", "HEAD", "POST"])
def delete(request: HtmxHttpRequest, dataset_id: UUID) -> HttpResponse:
    """Ask whether a dataset shall go; on POST, delete it and say what went."""
    if request.method != "POST":
        dataset = selectors.dataset_get(supabase=request.supabase, dataset_id=dataset_id)
        return render(request, "datasets/delete.html", {"dataset": dataset})
    with audit.trail(
        AuditAction.DATASET_DELETED, actor=request.user.pk, request=request, dataset=dataset_id
    ):
        gone = services.dataset_delete(owner_id=request.user.pk, dataset_id=dataset_id)
    messages.success(
        request,
        format_html(
            "<bdi>“{}”</bdi> is deleted: {}, and every table that held them.",
            gone.title,
            times(gone.rows, "row"),
        ),
    )
    return redirect("datasets:dashboard")


@require_safe
def search(request: HtmxHttpRequest) -> HttpResponse:
    """Find columns of all the person's datasets by a part of their name."""
    sought = _valid(SearchForm(request.GET)).get("q", "")
    found = (
        selectors.columns_found(supabase=request.supabase, owner_id=request.user.pk, query=sought)
        if sought
        else ()
    )
    context = {
        "q": sought,
        "found": found,
        "count": sum(dataset.matching for dataset in found),
    }
    return _page_or_fragment(
        request, "datasets/search.html", "datasets/_search_results.html", context
    )


def _dashboard(request: HtmxHttpRequest, overview: Overview) -> HttpResponse:
    # templates may read the session, which Django keeps off loops
    context = {"overview": overview, "storage": storage_of(request.user.pk)}
    return render(request, "datasets/dashboard.html", context)


def _valid(form: Form) -> dict[str, Any]:
    """Return the fields of an address that make sense; the others are passed over."""
    form.is_valid()
    return form.cleaned_data


def _rows_address(dataset: Dataset, columns: str, place: dict[str, Any]) -> str:
    query = {"columns": columns} if columns else {}
    query |= {name: str(place[name]) for name in ("after", "before") if place.get(name) is not None}
    return resolve_url("datasets:detail", dataset.id) + "?" + urlencode(query, safe=",-")


def _page_or_fragment(
    request: HtmxHttpRequest, page: str, fragment: str, context: dict[str, Any]
) -> HttpResponse:
    return _vary(render(request, fragment if is_htmx(request) else page, context))


def _vary(response: HttpResponse) -> HttpResponse:
    """Mark an answer that is a page or a fragment, so that no cache takes one for the other."""
    patch_vary_headers(response, ["HX-Request"])
    return response


def _go(request: HtmxHttpRequest, name: str, *args: object) -> HttpResponse:
    if is_htmx(request):
        return HttpResponseClientRedirect(resolve_url(name, *args))
    return redirect(name, *args)
