"""Reports that are kept: listed, compared, printed, taken out and deleted."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.dateparse import parse_datetime
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import audit
from datasets import selectors
from datasets.browse.shown import Dataset
from fairdb_site.archives import file_name_of
from fairdb_site.errors import FairdbError, NotFound, Refused, SignInRequired
from fairdb_site.http import HtmxHttpRequest
from fairdb_site.supabase.clients import Supabase
from privacy import rpc
from privacy.pages.kept import differences, kept_shown, limits_of
from privacy.pages.sentences import MODELS
from privacy.services import report_keep, report_make, taxa_figures

_A_PAGE = 50


@require_http_methods(["GET", "HEAD", "POST"])
def reports(request: HtmxHttpRequest, dataset_id: UUID) -> HttpResponse:
    """List the kept reports, two of them compared where asked; on POST, keep one of today."""
    dataset = selectors.dataset_ready(supabase=request.supabase, dataset_id=dataset_id)
    if request.method != "POST":
        return _list(request, dataset)
    try:
        made = report_make(owner_id=request.user.pk, dataset_id=dataset.id)
        audit.rows_read(request, dataset.id)
        taxa = None
        if request.POST.get("taxa") == "1":
            taxa = taxa_figures(owner_id=request.user.pk, made=made)
        kept = report_keep(supabase=request.supabase, made=made, taxa=taxa)
    except (NotFound, SignInRequired):
        raise
    except FairdbError as error:
        status = error.status if error.status != Refused.status else 422
        return _list(request, dataset, refusal=error.message, status=status)
    messages.success(request, "The report is kept.")
    return redirect("privacy:kept", dataset.id, kept)


@require_safe
def kept(request: HtmxHttpRequest, dataset_id: UUID, report_id: UUID) -> HttpResponse:
    """Show a kept report, made to be printed."""
    dataset = selectors.dataset_ready(supabase=request.supabase, dataset_id=dataset_id)
    found = _report(request.supabase, dataset, report_id)
    context = {
        "dataset": dataset,
        "kept": found,
        "at": parse_datetime(found["at"]),
        "shown": kept_shown(found),
        "models_explained": MODELS,
    }
    return render(request, "privacy/kept.html", context)


@require_safe
def kept_json(request: HtmxHttpRequest, dataset_id: UUID, report_id: UUID) -> HttpResponse:
    """Send a kept report as JSON: when, of which dataset, by what roles, and all figures."""
    dataset = selectors.dataset_ready(supabase=request.supabase, dataset_id=dataset_id)
    found = _report(request.supabase, dataset, report_id)
    body = {
        "report": found["id"],
        "dataset": found["dataset_id"],
        "title": dataset.title,
        # of which version an older report is, nobody knows
        "version": dataset.version if found["is_current"] else None,
        "at": found["at"],
        "is_current": found["is_current"],
        "roles": found["roles"],
        "thresholds": found["thresholds"],
        "figures": found["figures"],
    }
    answer = HttpResponse(
        json.dumps(body, ensure_ascii=False, indent=2) + "\n", content_type="application/json"
    )
    day = found["at"][:10]
    name = f"{file_name_of(dataset.title) or 'dataset'}-{dataset.id.hex[-12:]}-privacy-{day}.json"
    answer["Content-Disposition"] = content_disposition_header(as_attachment=True, filename=name)
    return answer


@require_POST
def kept_delete(request: HtmxHttpRequest, dataset_id: UUID, report_id: UUID) -> HttpResponse:
    """Delete a kept report."""
    dataset = selectors.dataset_ready(supabase=request.supabase, dataset_id=dataset_id)
    _report(request.supabase, dataset, report_id)
    rpc.delete_privacy_report(request.supabase, report_id)
    messages.success(request, "The report is deleted.")
    return redirect("privacy:reports", dataset.id)


def _report(supabase: Supabase, dataset: Dataset, report_id: UUID) -> rpc.WholeReport:
    found = rpc.get_privacy_report(supabase, report_id)
    if UUID(found["dataset_id"]) != dataset.id:
        raise NotFound("No such report.")
    return found


def _list(
    request: HtmxHttpRequest, dataset: Dataset, *, refusal: str = "", status: int = 200
) -> HttpResponse:
    before, before_id = _behind(request)
    found = rpc.list_privacy_reports(
        request.supabase, dataset.id, before=before, before_id=before_id, limit=_A_PAGE + 1
    )
    context: dict[str, Any] = {
        "dataset": dataset,
        "reports": [
            (report, parse_datetime(report["at"]), limits_of(report["thresholds"]))
            for report in found[:_A_PAGE]
        ],
        "more": found[_A_PAGE - 1] if len(found) > _A_PAGE else None,
        "is_first": before is None,
        "refusal": refusal,
        "ticked": request.GET.getlist("report")[:2],
    }
    if ticked := request.GET.getlist("report"):
        try:
            context |= _compared(request.supabase, dataset, ticked)
        except Refused as error:
            context["refusal"], status = error.message, 422
    return render(request, "privacy/reports.html", context, status=status)


def _compared(supabase: Supabase, dataset: Dataset, ticked: list[str]) -> dict[str, Any]:
    try:
        ids = {UUID(one) for one in ticked}
    except ValueError:
        ids = set()
    if len(ids) != 2:
        raise Refused("Tick two reports to compare them.")
    older, newer = sorted((_report(supabase, dataset, one) for one in ids), key=_moment)
    found = differences(older, newer)
    return {
        "compared": True,
        "changed": [one for one in found if one.differs],
        "same": [one for one in found if not one.differs],
        "older_at": parse_datetime(older["at"]),
        "newer_at": parse_datetime(newer["at"]),
    }


def _behind(request: HtmxHttpRequest) -> tuple[datetime | None, UUID | None]:
    try:
        before = parse_datetime(request.GET.get("before", ""))
        return before, UUID(request.GET.get("before_id", "")) if before else None
    except ValueError:
        return None, None


def _moment(report: rpc.WholeReport) -> str:
    return report["at"]
