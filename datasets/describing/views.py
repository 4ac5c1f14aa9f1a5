"""The page that describes a dataset and its columns, and its data dictionary as a file."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render, resolve_url
from django.utils.cache import patch_vary_headers
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from datasets import rpc, selectors
from datasets.browse.shown import Column, Dataset
from datasets.describing.forms import (
    ColumnsForm,
    DictionaryForm,
    PastedForm,
    WordsForm,
    as_json,
)
from datasets.describing.pasted import read_dictionary
from datasets.exporting.archive import dictionary_csv, dictionary_json
from datasets.exporting.dictionary import dictionary_of
from datasets.models import DatasetColumn
from datasets.rpc.describing import ColumnWords
from datasets.templatetags.fairdb import times
from fairdb_site.archives import file_name_of
from fairdb_site.database import as_user
from fairdb_site.errors import Conflict, FairdbError, Refused, SignInRequired
from fairdb_site.http import HtmxHttpRequest, is_htmx


@dataclass(frozen=True)
class Line:
    """A column as the page lists it: what is typed beside it, and what is wrong with that."""

    column: Column
    description: str
    unit: str
    fault: str = ""


@require_http_methods(["GET", "HEAD", "POST"])
def describe(request: HtmxHttpRequest, dataset_id: UUID) -> HttpResponse:
    """Show what describes a dataset as forms; on POST, store title, keywords and the like."""
    dataset = selectors.dataset_ready(supabase=request.supabase, dataset_id=dataset_id)
    if request.method != "POST":
        return _page(request, dataset)
    form = WordsForm(request.POST)
    status = 422
    if form.is_valid():
        try:
            changed = rpc.describe_dataset(
                request.supabase, dataset.id, form.words, expected=form.cleaned_data["seen"]
            )
        except Conflict as error:
            now = selectors.dataset_ready(supabase=request.supabase, dataset_id=dataset_id)
            form.add_error(None, error.message)
            form.tell_overtaken(now)
            status = error.status
        except Refused as error:
            form.add_error(None, error.message)
        else:
            said = "The description is stored." if changed else "Nothing was changed."
            messages.success(request, said)
            return redirect("datasets:describe", dataset.id)
    return _page(request, dataset, words=form, status=status)


@require_POST
def describe_columns(request: HtmxHttpRequest, dataset_id: UUID) -> HttpResponse:
    """Store descriptions and units typed beside columns: all that were changed, or none."""
    dataset = selectors.dataset_ready(supabase=request.supabase, dataset_id=dataset_id)
    form = ColumnsForm(request.POST)
    if not form.is_valid():
        return _page(request, dataset, columns_refusal=str(form.errors["seen"][0]), status=422)
    place = {"q": form.cleaned_data["q"], "after": form.cleaned_data["after"] or 0}
    status, refusal = 422, ""
    if not form.faults:
        try:
            stored = rpc.describe_columns(
                request.supabase, dataset.id, form.changed, expected=form.before
            )
        except SignInRequired:
            raise
        except FairdbError as error:
            refusal, status = error.message, error.status
        else:
            said = f"{times(stored, 'column')} described anew."
            messages.success(request, said if stored else "Nothing was changed.")
            return redirect(_address(dataset, **place))
    return _page(request, dataset, **place, typed=form, columns_refusal=refusal, status=status)


@require_POST
def describe_by_dictionary(request: HtmxHttpRequest, dataset_id: UUID) -> HttpResponse:
    """Store what a pasted data dictionary says of columns: all of it, or nothing."""
    dataset = selectors.dataset_ready(supabase=request.supabase, dataset_id=dataset_id)
    form = PastedForm(request.POST)
    status = 422
    if form.is_valid():
        try:
            words = read_dictionary(form.cleaned_data["dictionary"], _labels(request, dataset))
            stored = rpc.describe_columns(
                request.supabase, dataset.id, words, seen=form.cleaned_data["described"]
            )
        except SignInRequired:
            raise
        except Conflict as error:
            now = selectors.dataset_ready(supabase=request.supabase, dataset_id=dataset_id)
            form.tell_overtaken(now, error.message)
            status = error.status
        except FairdbError as error:
            form.add_error("dictionary", error.message)
            status = error.status
        else:
            messages.success(
                request,
                f"{times(len(words), 'column')} in the dictionary, {stored:,} described anew.",
            )
            return redirect("datasets:describe", dataset.id)
    return _page(request, dataset, pasted=form, status=status)


@require_safe
def dictionary(request: HtmxHttpRequest, dataset_id: UUID, form: str) -> HttpResponseBase:
    """Send the data dictionary as CSV, cells made harmless where that is asked for, or JSON."""
    dataset = selectors.dataset_ready(supabase=request.supabase, dataset_id=dataset_id)
    with as_user(request.user.pk):
        entries = dictionary_of(dataset.id)
    if form == "csv":
        asked = DictionaryForm(request.GET)
        asked.is_valid()
        pieces = dictionary_csv(entries, is_harmless=asked.cleaned_data["harmless"])
        content_type = "text/csv; charset=utf-8"
    else:
        pieces, content_type = dictionary_json(entries), "application/json"
    answer = StreamingHttpResponse(pieces, content_type=content_type)
    name = f"{file_name_of(dataset.title) or 'dataset'}-{dataset.id.hex[-12:]}-dictionary.{form}"
    answer["Content-Disposition"] = content_disposition_header(as_attachment=True, filename=name)
    return answer


def _labels(request: HtmxHttpRequest, dataset: Dataset) -> list[tuple[int, str, bool]]:
    with as_user(request.user.pk):
        return [
            (position, label, part is None)
            for position, label, part in DatasetColumn.objects.filter(dataset=dataset.id)
            .order_by("position")
            .values_list("position", "label", "part")
        ]


def _page(
    request: HtmxHttpRequest,
    dataset: Dataset,
    *,
    words: WordsForm | None = None,
    typed: ColumnsForm | None = None,
    pasted: PastedForm | None = None,
    columns_refusal: str = "",
    status: int = 200,
    **place: Any,
) -> HttpResponse:
    if not place:
        asked = ColumnsForm(request.GET)
        asked.is_valid()
        place = {
            "q": asked.cleaned_data.get("q", ""),
            "after": asked.cleaned_data.get("after") or 0,
        }
    page = selectors.columns_page(
        supabase=request.supabase, dataset=dataset, search=place["q"], after=place["after"]
    )
    seen = {
        column.position: ColumnWords(description=column.description, unit=column.unit)
        for column in page.columns
    }
    context = {
        "dataset": dataset,
        "page": page,
        "lines": _lines(page.columns, typed, seen),
        "seen": as_json(seen),
        "q": place["q"],
        "after": place["after"],
        "columns_refusal": columns_refusal,
    }
    if is_htmx(request) and request.method != "POST":
        answer = render(request, "datasets/_describe_columns.html", context)
    else:
        context |= {
            "download": DictionaryForm(),
            "words": words or WordsForm.of(dataset),
            "pasted": pasted or PastedForm(initial={"described": dataset.described_at}),
        }
        answer = render(request, "datasets/describe.html", context, status=status)
    patch_vary_headers(answer, ["HX-Request"])
    return answer


def _lines(
    columns: tuple[Column, ...], typed: ColumnsForm | None, now: Mapping[int, ColumnWords]
) -> list[Line]:
    """Return the columns with what was typed beside them, else with what is there."""
    if typed is None:
        return [Line(column, column.description, column.unit) for column in columns]
    said, before, faults = typed.typed, typed.before, typed.faults
    lines = []
    for column in columns:
        position = column.position
        words = said.get(position, now[position])
        fault = faults.get(position, "")
        is_overtaken = position in before and before[position] != now[position]
        if is_overtaken and words != now[position]:
            there = now[position]["description"] or now[position]["unit"] or "nothing"
            fault = f"Meanwhile somebody wrote “{there[:500]}”. Save again to replace it."
        lines.append(Line(column, words["description"], words["unit"], fault))
    return lines


def _address(dataset: Dataset, *, q: str, after: int) -> str:
    query = {name: value for name, value in (("q", q), ("after", after)) if value}
    page = resolve_url("datasets:describe", dataset.id)
    return f"{page}?{urlencode(query)}#columns-title" if query else f"{page}#columns-title"
