"""The page on which columns of another dataset are attached, and taken off again."""

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from accounts import audit
from accounts.models import AuditAction
from datasets import rpc, selectors
from datasets.browse.shown import Column, Dataset
from datasets.forms import PositionsField
from datasets.joining.services import dataset_attach, dataset_detach, no_id_of
from datasets.models import Attachment
from datasets.models import Dataset as StoredDataset
from datasets.templatetags.fairdb import times
from fairdb_site.database import as_user
from fairdb_site.errors import FairdbError
from fairdb_site.http import HtmxHttpRequest

LISTED = 500
"""Columns that can be chosen one by one; of a wider table all are attached."""


class JoinForm(forms.Form):
    """Which dataset to attach, and which of its columns."""

    source = forms.UUIDField(required=False)
    tick = PositionsField(required=False)


@require_http_methods(["GET", "HEAD", "POST"])
def join(request: HtmxHttpRequest, dataset_id: UUID) -> HttpResponse:
    """Show what is attached and how another dataset's ids match; on POST attach its columns."""
    dataset = selectors.dataset_ready(supabase=request.supabase, dataset_id=dataset_id)
    posted = request.method == "POST"
    form = JoinForm(request.POST if posted else request.GET)
    form.is_valid()
    source_id = form.cleaned_data.get("source")
    refusal: FairdbError | None = None
    if posted:
        try:
            return _attach(request, dataset, form)
        except FairdbError as error:
            refusal = error
    context = {
        "dataset": dataset,
        "others": _others(request, dataset),
        "attachments": _attachments(request, dataset),
        "refusal": refusal.message if refusal else "",
        **(_source(request, dataset, source_id) if source_id else {}),
    }
    status = refusal.status if refusal else 200
    return render(request, "datasets/join.html", context, status=status)


@require_POST
def detach(request: HtmxHttpRequest, dataset_id: UUID, attachment_id: UUID) -> HttpResponse:
    """Take attached columns off again."""
    with audit.trail(
        AuditAction.DATASET_JOINED, actor=request.user.pk, request=request, dataset=dataset_id
    ):
        columns = dataset_detach(
            owner_id=request.user.pk, dataset_id=dataset_id, attachment_id=attachment_id
        )
    messages.success(request, f"{times(columns, 'column')} taken off.")
    return redirect("datasets:join", dataset_id)


def _attach(request: HtmxHttpRequest, dataset: Dataset, form: JoinForm) -> HttpResponse:
    chosen = None if "all" in request.POST else form.cleaned_data.get("tick", [])
    with audit.trail(
        AuditAction.DATASET_JOINED, actor=request.user.pk, request=request, dataset=dataset.id
    ):
        attached = dataset_attach(
            owner_id=request.user.pk,
            dataset_id=dataset.id,
            source_id=form.cleaned_data.get("source") or UUID(int=0),
            positions=chosen,
        )
    messages.success(
        request,
        f"{times(attached.columns, 'column')} attached: {attached.rows_matched:,} of "
        f"{times(attached.rows, 'row')} found their id.",
    )
    return redirect("datasets:join", dataset.id)


def _others(request: HtmxHttpRequest, dataset: Dataset) -> list[StoredDataset]:
    """Return the datasets that could be attached, newest first."""
    with as_user(request.user.pk):
        ready = StoredDataset.objects.filter(state=StoredDataset.State.READY)
        return list(ready.exclude(pk=dataset.id).order_by("-created_at")[:1_000])


def _attachments(request: HtmxHttpRequest, dataset: Dataset) -> list[Attachment]:
    with as_user(request.user.pk):
        return list(Attachment.objects.filter(dataset=dataset.id))


def _source(request: HtmxHttpRequest, dataset: Dataset, source_id: UUID) -> dict[str, Any]:
    """Return what there is to say of the dataset chosen, and how its ids match."""
    source = selectors.dataset_ready(supabase=request.supabase, dataset_id=source_id)
    audit.rows_read(request, source.id)
    report = rpc.get_join_report(
        request.supabase, dataset.id, source.id, no_id=no_id_of(request.user.pk)
    )
    columns: list[Column] = []
    if source.columns <= LISTED:
        page = selectors.columns_page(supabase=request.supabase, dataset=source, limit=LISTED + 1)
        columns = [column for column in page.columns if not column.is_id]
    return {"source": source, "report": report, "columns": columns}
