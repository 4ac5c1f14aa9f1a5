"""Pages to browse a dataset by: its rows, its columns, the choice of columns, and the search."""

from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs
from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import redirect, render, resolve_url
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django_htmx.http import push_url, reswap, retarget

from accounts import audit, limits
from accounts.limits import Limit
from accounts.models import AuditAction
from datasets import selectors
from datasets.browse import card
from datasets.browse.column_choice import MOST, change_choice, read_choice, write_choice
from datasets.browse.found import datasets_found, sample_found
from datasets.browse.page import FormRow, RowsPage
from datasets.browse.query import OPERATORS, Query, read_query, read_typed
from datasets.browse.rows import conditions_typed, rows_counted, rows_page_or_plainer
from datasets.browse.shown import Dataset
from datasets.forms import ChooseForm, ColumnsForm, NamesForm, RowsForm, SampleForm, SearchForm
from datasets.pages import page_or_fragment, valid, vary
from fairdb_site.errors import FairdbError, Refused, SignInRequired
from fairdb_site.http import HtmxHttpRequest, is_htmx, memory_only
from fairdb_site.supabase.errors import TooSlow

SHORTEST_SEARCH = 2  # characters; a single letter is in nearly every name


@require_safe
def detail(request: HtmxHttpRequest, dataset_id: UUID) -> HttpResponse:
    """Show a dataset: its facts, its map, and those rows of the chosen columns that are asked for.

    A form of conditions, and a jump to a column, lead on to the address that says the same.
    """
    dataset = selectors.dataset_get(supabase=request.supabase, dataset_id=dataset_id)
    if not dataset.is_ready:
        (unfinished,) = selectors.datasets_unfinished([dataset])
        return render(
            request, "datasets/unready.html", {"dataset": dataset, "unfinished": unfinished}
        )
    audit.rows_read(request, dataset.id)
    query, faults = read_query(dict(request.GET.lists()))
    sought = valid(RowsForm(request.GET)).get("jump", "")
    no_column = ""
    if sought:
        position = selectors.column_named(supabase=request.supabase, dataset=dataset, name=sought)
        if position is not None:
            window = write_choice(dataset.width.window(position))
            return redirect(rows_address(dataset, replace(query, columns=window)))
        no_column = _no_column(dataset, sought)
    typed: tuple[FormRow, ...] = ()
    if "column" in request.GET:
        conditions, typed = conditions_typed(
            supabase=request.supabase,
            dataset=dataset,
            typed=read_typed(dict(request.GET.lists())),
        )
        query = replace(query.at(), conditions=conditions)
        if "more" not in request.GET and not any(row.error for row in typed):
            return redirect(rows_address(dataset, query))
    page, reason = rows_page_or_plainer(supabase=request.supabase, dataset=dataset, query=query)
    if "count" in request.GET:
        try:
            page = rows_counted(supabase=request.supabase, page=page)
        except TooSlow:
            reason = "Counting took too long and was stopped: the count stays an estimate."
    context = {
        "dataset": dataset,
        "page": page,
        "refusals": [*faults, *filter(None, [reason])],
        "sought": sought,
        "no_column": no_column,
    } | _form_of_conditions(request, page, query, typed)
    if is_htmx(request):
        return vary(render(request, "datasets/_rows.html", context))
    context["outline"] = selectors.dataset_outline(supabase=request.supabase, dataset=dataset)
    return vary(render(request, "datasets/dataset.html", context))


@require_safe
def columns(request: HtmxHttpRequest, dataset_id: UUID) -> HttpResponse:
    """List a dataset's columns with their statistics, 200 a page, searchable by name."""
    dataset = selectors.dataset_ready(supabase=request.supabase, dataset_id=dataset_id)
    asked = valid(ColumnsForm(request.GET))
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
        return vary(render(request, "datasets/_columns.html", context))
    context["outline"] = selectors.dataset_outline(supabase=request.supabase, dataset=dataset)
    return vary(render(request, "datasets/columns.html", context))


@require_safe
def column_card(request: HtmxHttpRequest, dataset_id: UUID, position: int) -> HttpResponse:
    """Show one column: its values as they are now, their chart, and its neighbours."""
    dataset = selectors.dataset_ready(supabase=request.supabase, dataset_id=dataset_id)
    audit.rows_read(request, dataset.id)
    found = card.column_card(supabase=request.supabase, dataset=dataset, position=position)
    return render(request, "datasets/column.html", {"dataset": dataset, "card": found})


@require_safe
def column_names(request: HtmxHttpRequest, dataset_id: UUID) -> HttpResponse:
    """Suggest names of columns while one is typed: options of a list, for HTMX alone.

    For a condition (`column`) they bear the column's number, as several may have one name.
    """
    dataset = selectors.dataset_ready(supabase=request.supabase, dataset_id=dataset_id)
    asked = valid(NamesForm(request.GET))
    sought = asked.get("column") or asked.get("jump", "")
    page = None
    if len(sought) >= SHORTEST_SEARCH:
        page = selectors.columns_page(
            supabase=request.supabase, dataset=dataset, search=sought, limit=20
        )
    context = {"page": page, "numbered": "column" in request.GET}
    return render(request, "datasets/_column_names.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def choose(request: HtmxHttpRequest, dataset_id: UUID) -> HttpResponse:
    """Choose the columns on show: tick them on a list, search the list, then show the rows."""
    dataset = selectors.dataset_ready(supabase=request.supabase, dataset_id=dataset_id)
    posted = request.method == "POST"
    wants_rows = posted and "show" in request.POST
    asked = valid(ChooseForm(request.POST if posted else request.GET))
    # the rows show the first ones where nothing is said; a form says what is ticked, be it nothing
    chosen = () if posted else dataset.width.at_first()
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
    query, _ = read_query(parse_qs(asked.get("place", ""), keep_blank_values=True))
    if wants_rows and not refusal:
        return redirect(rows_address(dataset, replace(query, columns=write_choice(chosen))))
    shown = asked.get("shown", "") if posted else write_choice(chosen)
    page = selectors.columns_page(
        supabase=request.supabase, dataset=dataset, search=asked.get("q", "")
    )
    context = {
        "dataset": dataset,
        "page": page,
        "shown": shown,
        "back": rows_address(dataset, replace(query, columns=shown)),
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
    response = page_or_fragment(request, "datasets/choose.html", "datasets/_choose.html", context)
    if wants_rows and is_htmx(request):  # what it expects is rows, in another place
        return push_url(reswap(retarget(response, "#chooser"), "innerHTML"), False)
    return response


@require_safe
def search(request: HtmxHttpRequest) -> HttpResponse:
    """Find the person's datasets by what is said of them, and columns by a part of their name."""
    sought = valid(SearchForm(request.GET)).get("q", "")
    context: dict[str, Any] = {"q": sought, "sample_form": SampleForm()}
    if sought:
        found = selectors.columns_found(
            supabase=request.supabase, owner_id=request.user.pk, query=sought
        )
        context |= {
            "datasets": datasets_found(supabase=request.supabase, query=sought),
            "found": found,
            "count": sum(dataset.matching for dataset in found),
        }
    return page_or_fragment(
        request, "datasets/search.html", "datasets/_search_results.html", context
    )


@memory_only
@require_POST
def search_sample(request: HtmxHttpRequest) -> HttpResponse:
    """Find the rows of one sample by its id, typed in the clear and looked up by its pseudonym.

    It comes in the body of a POST alone, and is neither stored, logged nor given back.
    """
    form, status = SampleForm(request.POST), 422
    context: dict[str, Any] = {"sample_form": form}
    if form.is_valid():
        try:
            limits.require(Limit.IDS, request=request)
            with audit.trail(AuditAction.IDS_LINKED, actor=request.user.pk, request=request):
                context["samples"] = sample_found(
                    owner_id=request.user.pk, sample_id=form.cleaned_data["sample"]
                )
        except SignInRequired:
            raise
        except FairdbError as error:
            form.add_error("sample", error.message)
            status = error.status
        else:
            context |= {"sample_form": SampleForm(), "is_sample": True}
            status = 200
    answer = page_or_fragment(
        request, "datasets/search.html", "datasets/_search_results.html", context
    )
    answer.status_code = status
    answer["Cache-Control"] = "no-store"
    return answer


def rows_address(dataset: Dataset, query: Query) -> str:
    """Return the address of the rows of a dataset that a query asks for."""
    return resolve_url("datasets:detail", dataset.id) + query.address


def _no_column(dataset: Dataset, sought: str) -> str:
    if sought.strip().casefold() in dataset.id_label.casefold():
        return "Only the id has this in its name: its pseudonyms head every row."
    return "No column has this in its name."


def _form_of_conditions(
    request: HtmxHttpRequest, page: RowsPage, query: Query, typed: tuple[FormRow, ...]
) -> dict[str, Any]:
    """Return the rows of the form: as typed, or as they hold, and one that is empty."""
    rows = typed or page.form_rows
    if not rows and query.conditions:  # refused: they stay, to be mended
        asked = replace(page, query=query)
        rows = tuple(replace(row, without="") for row in asked.form_rows)
    wants_more = "more" in request.GET
    return {
        "form_rows": [*rows, FormRow()] if wants_more or not rows else rows,
        "form_is_open": bool(typed or wants_more) or (not page.conditions and bool(rows)),
        "operators": OPERATORS.values(),
    }
