"""The page that takes a dataset out."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.http import HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_http_methods

from accounts import audit
from accounts.downloads import download, the_only_one_of
from accounts.models import AuditAction
from datasets import rpc, selectors
from datasets.browse.query import Condition, read_query
from datasets.browse.shown import Dataset
from datasets.exporting.forms import ExportForm, choice_shown, in_words, initial_of
from datasets.exporting.wanted import CONTENT_TYPES
from datasets.exporting.writing import dataset_write
from fairdb_site.errors import FairdbError, SignInRequired
from fairdb_site.http import HtmxHttpRequest
from fairdb_site.streams import Write


@require_http_methods(["GET", "HEAD", "POST"])
def export(request: HtmxHttpRequest, dataset_id: UUID) -> HttpResponseBase:
    """Ask what is wanted of a dataset; on POST, send it while it is read.

    `?columns=` and `?where=` say what was on show, as the address of a page of rows does.
    """
    dataset = selectors.dataset_ready(supabase=request.supabase, dataset_id=dataset_id)
    sent = request.POST if request.method == "POST" else request.GET
    query, faults = read_query(dict(sent.lists()))
    if request.method != "POST":
        initial = initial_of(
            choice_shown(query.columns, dataset.width), has_filter=bool(query.conditions)
        )
        form = ExportForm(conditions=query.conditions, initial=initial)
        return _page(request, dataset, form, query.conditions, faults=faults)
    form = ExportForm(request.POST, conditions=query.conditions)
    status = 422
    if form.is_valid() and not faults:
        try:
            return _download(request, dataset, form)
        except SignInRequired:
            raise
        except FairdbError as error:
            form.refuse(error)
            status = error.status
    return _page(request, dataset, form, query.conditions, faults=faults, status=status)


def _download(request: HtmxHttpRequest, dataset: Dataset, form: ExportForm) -> HttpResponseBase:
    owner, wanted, asked = request.user.pk, form.wanted, form.asked

    def work(write: Write) -> None:
        with (
            audit.trail(
                AuditAction.DATASET_EXPORTED, actor=owner, request=request, dataset=dataset.id
            ),
            the_only_one_of(owner),
        ):
            dataset_write(dataset_id=dataset.id, reader_id=owner, write=write, wanted=asked)

    return download(
        request,
        work,
        name=wanted.file_name(dataset.title, dataset.id),
        content_type=CONTENT_TYPES[wanted.format],
    )


def _page(
    request: HtmxHttpRequest,
    dataset: Dataset,
    form: ExportForm,
    conditions: Sequence[Condition],
    *,
    faults: Sequence[str],
    status: int = 200,
) -> HttpResponseBase:
    context: dict[str, Any] = {
        "dataset": dataset,
        "form": form,
        "faults": faults,
        "where": [condition.written for condition in conditions],
    }
    if conditions:
        context |= _filter(request, dataset, conditions)
    return render(request, "datasets/export.html", context, status=status)


def _filter(
    request: HtmxHttpRequest, dataset: Dataset, conditions: Sequence[Condition]
) -> dict[str, Any]:
    """Return the filter in words, and how many rows meet it; None where that takes too long."""
    positions = list(dict.fromkeys(condition.position for condition in conditions))
    columns = selectors.columns_at(supabase=request.supabase, dataset=dataset, positions=positions)
    labels = {column.position: column.label for column in columns}
    shown = [in_words(one, labels.get(one.position, f"#{one.position}")) for one in conditions]
    try:
        matching = rpc.count_dataset_rows(
            request.supabase,
            dataset.id,
            [
                {"position": one.position, "operator": one.operator, "values": list(one.values)}
                for one in conditions
            ],
        )
    except SignInRequired:
        raise
    except FairdbError:
        matching = None
    return {"filter": shown, "matching": matching}
