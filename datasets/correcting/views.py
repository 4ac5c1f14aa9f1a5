"""Pages that correct a dataset: a row as a form, a cell in its place, history, undo."""

from dataclasses import replace
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render, resolve_url
from django.utils.html import format_html
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django_htmx.http import HttpResponseClientRedirect

from accounts import audit
from datasets import selectors
from datasets.browse.cut import cut
from datasets.browse.shown import Cell, Dataset
from datasets.correcting.forms import (
    BIGGEST_ROW,
    DeleteRowsForm,
    HistoryForm,
    RowForm,
    typed_cells,
)
from datasets.correcting.services import (
    Correction,
    cell_get,
    change_undo,
    history,
    row_correct,
    row_get,
    rows_delete,
    with_typed,
)
from datasets.correcting.shown import Field
from fairdb_site.errors import FairdbError, NotFound
from fairdb_site.http import HtmxHttpRequest, is_htmx


@require_http_methods(["GET", "HEAD", "POST"])
def row(request: HtmxHttpRequest, dataset_id: UUID, number: int) -> HttpResponse:
    """Show a row as a form, 100 columns at a time; on POST store what was changed."""
    dataset = _dataset(request, dataset_id, number)
    asked = RowForm(request.GET)
    asked.is_valid()
    search, after = asked.cleaned_data.get("q", ""), asked.cleaned_data.get("after") or 0
    correction = None
    typed = typed_cells(request.POST) if request.method == "POST" else {}
    if typed:
        correction = row_correct(
            supabase=request.supabase, dataset=dataset, row=number, typed=typed
        )
        if correction.is_stored:
            _tell(request, dataset, number, correction)
            return _back_to_row(request, dataset, number)
        audit.correction_refused(request, dataset.id)
    audit.rows_read(request, dataset.id)
    shown = row_get(
        supabase=request.supabase, dataset=dataset, row=number, search=search, after=after
    )
    if correction:
        fields = (
            with_typed(field, typed, correction.errors, correction.overtaken)
            for field in shown.fields
        )
        shown = replace(shown, fields=tuple(fields))
    changes, more = history(
        supabase=request.supabase, dataset=dataset, reader=request.user.pk, row=number
    )
    context = {
        "dataset": dataset,
        "row": shown,
        "correction": correction,
        "general_error": correction.errors.get(0, "") if correction else "",
        "changes": changes,
        "more": more,
        "q": search,
        "here": _row_address(dataset, number, search, after),
        "next_columns": _row_address(dataset, number, search, shown.next_after or 0),
    }
    return render(
        request, "datasets/row.html", context, status=_status(correction) if correction else 200
    )


@require_http_methods(["GET", "HEAD", "POST"])
def cell(request: HtmxHttpRequest, dataset_id: UUID, number: int, position: int) -> HttpResponse:
    """Give one cell of the table of rows as a form, or as it is; on POST store it.

    Without HTMX the row's own page does this.
    """
    dataset = _dataset(request, dataset_id, number)
    if not is_htmx(request):
        return redirect(f"{_row_address(dataset, number, '', position - 1)}#c{position}")
    if request.method != "POST":
        audit.rows_read(request, dataset.id)
        field = cell_get(supabase=request.supabase, dataset=dataset, row=number, position=position)
        return _cell(request, dataset, number, field, is_form="as-it-is" not in request.GET)
    typed = typed_cells(request.POST)
    correction = row_correct(supabase=request.supabase, dataset=dataset, row=number, typed=typed)
    field = cell_get(supabase=request.supabase, dataset=dataset, row=number, position=position)
    if correction.is_stored:
        return _cell(request, dataset, number, field, is_form=False, correction=correction)
    audit.correction_refused(request, dataset.id)
    errors = {position: "; ".join(correction.errors.values())}
    field = with_typed(field, typed, errors, correction.overtaken)
    response = _cell(request, dataset, number, field, is_form=True)
    response.status_code = _status(correction)
    return response


@require_http_methods(["GET", "HEAD", "POST"])
def rows_deleted(request: HtmxHttpRequest, dataset_id: UUID) -> HttpResponse:
    """Ask which rows shall go; on POST delete them. They can be brought back from the history."""
    dataset = selectors.dataset_ready(supabase=request.supabase, dataset_id=dataset_id)
    form = DeleteRowsForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        gone = rows_delete(
            supabase=request.supabase, dataset=dataset, rows=form.cleaned_data["rows"]
        )
        if not gone["change"]:
            messages.info(request, "Nothing was deleted: these rows are not there.")
        elif gone["rows"] == 1:
            messages.success(request, "1 row is deleted. Undo brings it back.")
        else:
            messages.success(request, f"{gone['rows']:,} rows are deleted. Undo brings them back.")
        return redirect("datasets:history", dataset.id)
    status = 422 if form.is_bound else 200
    return render(
        request, "datasets/delete_rows.html", {"dataset": dataset, "form": form}, status=status
    )


@require_safe
def changes(request: HtmxHttpRequest, dataset_id: UUID) -> HttpResponse:
    """Show what was corrected in a dataset, newest first."""
    dataset = selectors.dataset_ready(supabase=request.supabase, dataset_id=dataset_id)
    asked = HistoryForm(request.GET)
    asked.is_valid()
    audit.rows_read(request, dataset.id)
    found, more = history(
        supabase=request.supabase,
        dataset=dataset,
        reader=request.user.pk,
        before=asked.cleaned_data.get("before"),
    )
    context = {
        "dataset": dataset,
        "changes": found,
        "more": more,
        "is_first": "before" not in asked.cleaned_data or not asked.cleaned_data["before"],
    }
    return render(request, "datasets/history.html", context)


@require_POST
def undo(request: HtmxHttpRequest, dataset_id: UUID, change_id: UUID) -> HttpResponse:
    """Undo a change and say so; where a later one stands in the way, say that."""
    dataset = selectors.dataset_ready(supabase=request.supabase, dataset_id=dataset_id)
    try:
        undone = change_undo(supabase=request.supabase, dataset=dataset, change=change_id)
    except FairdbError as error:
        if isinstance(error, NotFound):
            raise
        audit.correction_refused(request, dataset.id)
        messages.error(request, error.message)
    else:
        noun = "row is" if undone["rows"] == 1 else "rows are"
        messages.success(request, f"Undone: {undone['rows']:,} {noun} as before.")
    row_number = request.POST.get("row", "")
    if _is_row(row_number):
        return _go(request, _row_address(dataset, int(row_number), "", 0))
    return _go(request, resolve_url("datasets:history", dataset.id))


def _dataset(request: HtmxHttpRequest, dataset_id: UUID, number: int) -> Dataset:
    dataset = selectors.dataset_ready(supabase=request.supabase, dataset_id=dataset_id)
    if number > BIGGEST_ROW:
        raise NotFound("This dataset has no row of this number.")
    return dataset


def _cell(
    request: HtmxHttpRequest,
    dataset: Dataset,
    number: int,
    field: Field,
    *,
    is_form: bool,
    correction: Correction | None = None,
) -> HttpResponse:
    kind = "number" if field.column.is_number else "text"
    shown = cut(field.shown)
    context: dict[str, Any] = {
        "dataset": dataset,
        "number": number,
        "field": field,
        "cell": Cell(shown.beginning or None, kind, shown.left_out),
        "correction": correction,
    }
    template = "datasets/_cell_form.html" if is_form else "datasets/_cell.html"
    return render(request, template, context)


def _tell(request: HtmxHttpRequest, dataset: Dataset, number: int, correction: Correction) -> None:
    if correction.change is None:
        messages.info(request, "Nothing was changed: every value is as it was.")
    else:
        messages.success(
            request,
            format_html("Row {} is stored. Its history is below, with undo.", f"{number:,}"),
        )


def _status(correction: Correction) -> int:
    return 409 if correction.overtaken else 422


def _is_row(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < 19


def _row_address(dataset: Dataset, number: int, search: str, after: int) -> str:
    query = {name: value for name, value in (("q", search), ("after", str(after or ""))) if value}
    address = resolve_url("datasets:row", dataset.id, number)
    return f"{address}?{urlencode(query)}" if query else address


def _back_to_row(request: HtmxHttpRequest, dataset: Dataset, number: int) -> HttpResponse:
    asked = RowForm(request.GET)
    asked.is_valid()
    found = asked.cleaned_data
    return _go(request, _row_address(dataset, number, found.get("q", ""), found.get("after") or 0))


def _go(request: HtmxHttpRequest, address: str) -> HttpResponse:
    return HttpResponseClientRedirect(address) if is_htmx(request) else redirect(address)
