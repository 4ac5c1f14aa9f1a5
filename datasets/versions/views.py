"""The page of a dataset's versions."""

from uuid import UUID

from django import forms
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from datasets import rpc, selectors
from datasets.browse.shown import Dataset
from datasets.joining.services import no_id_of
from datasets.models import DatasetColumn
from datasets.versions.comparison import Comparison, compare_columns
from fairdb_site.database import as_user
from fairdb_site.errors import NotFound
from fairdb_site.http import HtmxHttpRequest

LISTED = 200
"""Columns that a comparison names of each kind; the rest are counted."""


class VersionsForm(forms.Form):
    """With which version this one is compared."""

    compare = forms.UUIDField(required=False)


@require_safe
def versions(request: HtmxHttpRequest, dataset_id: UUID) -> HttpResponse:
    """List the versions of a dataset; compare this one with another, the one before by itself.

    A comparison tells what the later of the two has, or lacks, beside the earlier one.
    """
    dataset = selectors.dataset_ready(supabase=request.supabase, dataset_id=dataset_id)
    found = selectors.dataset_versions(supabase=request.supabase, dataset=dataset)
    form = VersionsForm(request.GET)
    form.is_valid()
    other = _other(dataset, found, form.cleaned_data.get("compare"))
    context = {"dataset": dataset, "versions": found, "other": other, "most": LISTED}
    if other:
        earlier, later = sorted((dataset, other), key=lambda version: version.version)
        context |= {
            "earlier": earlier,
            "later": later,
            "comparison": _comparison(request, earlier, later),
            "report": rpc.get_join_report(
                request.supabase, later.id, earlier.id, no_id=no_id_of(request.user.pk)
            ),
        }
    return render(request, "datasets/versions.html", context)


def _other(dataset: Dataset, versions: tuple[Dataset, ...], wanted: UUID | None) -> Dataset | None:
    if wanted:
        for version in versions:
            if version.id == wanted != dataset.id:
                return version
        raise NotFound("This dataset has no such version.")
    before = [version for version in versions if version.version < dataset.version]
    return before[0] if before else None


def _comparison(request: HtmxHttpRequest, before: Dataset, after: Dataset) -> Comparison:
    with as_user(request.user.pk):
        columns = [
            list(
                DatasetColumn.objects.filter(dataset=version.id, part__isnull=False)
                .order_by("position")
                .defer("top")
            )
            for version in (before, after)
        ]
    return compare_columns(*columns)
