"""Reports that are kept: listed, compared, printed, taken out and deleted."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
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
from datasets.templatetags.fairdb import share
from fairdb_site.archives import file_name_of
from fairdb_site.errors import FairdbError, NotFound, Refused, SignInRequired
from fairdb_site.http import HtmxHttpRequest
from fairdb_site.supabase.clients import Supabase
from privacy import rpc
from privacy.pages.sentences import MODELS, number
from privacy.services import report_keep, report_make

_A_PAGE = 50
_SHARES = {
    "prosecutor_max",
    "prosecutor_average",
    "prosecutor_max_persons",
    "journalist_max",
    "marketer",
}
_NAMES = (
    ("rows", "Rows measured"),
    ("rows_left_out", "Rows left out"),
    ("classes", "Groups"),
    ("k", "Smallest group (k)"),
    ("k_persons", "Smallest group in persons"),
    ("uniques", "Rows alone"),
    ("uniques_persons", "Persons alone"),
    ("prosecutor_max", "Highest risk"),
    ("prosecutor_max_persons", "Highest risk of persons"),
    ("prosecutor_average", "Average risk"),
    ("prosecutor_above", "Rows above the threshold of risk"),
    ("journalist_max", "Highest risk (journalist)"),
    ("marketer", "Marketer's risk"),
    ("p29", "P29 score"),
    ("p29_v2", "P29 score, v2"),
)
_ROLES = (
    ("quasi_identifiers", "Quasi-identifiers"),
    ("sensitive", "Sensitive"),
    ("direct_identifiers", "Direct identifiers, not measured"),
    ("id_column", "Tells persons apart"),
)
_LIMITS = {"missing": "Missing quasi-identifier", "population": "Population"}
_THRESHOLDS = {
    "k": "smallest group (k)",
    "l": "different values (l)",
    "t": "distance from the table (t)",
    "risk": "highest risk",
}
_MISSING = {
    "own": "a value of its own",
    "any": "matches anything",
    "drop": "its row is left out",
}


@dataclass(frozen=True)
class Difference:
    """A figure of two reports, the older first."""

    name: str
    older: str
    newer: str

    @property
    def differs(self) -> bool:
        """Whether it is another in the newer one."""
        return self.older != self.newer


@require_http_methods(["GET", "HEAD", "POST"])
def reports(request: HtmxHttpRequest, dataset_id: UUID) -> HttpResponse:
    """List the kept reports, two of them compared where asked; on POST, keep one of today."""
    dataset = selectors.dataset_ready(supabase=request.supabase, dataset_id=dataset_id)
    if request.method != "POST":
        return _list(request, dataset)
    try:
        made = report_make(owner_id=request.user.pk, dataset_id=dataset.id)
        audit.rows_read(request, dataset.id)
        kept = report_keep(supabase=request.supabase, made=made)
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
    figures = found["figures"]
    context = {
        "dataset": dataset,
        "kept": found,
        "at": parse_datetime(found["at"]),
        "missed": [_in_words(one) for one in _texts(figures, "missed")],
        "figures": [(name, _written(key, figures[key])) for key, name in _NAMES if key in figures],
        "roles": [(name, _texts(found["roles"], key)) for key, name in _ROLES],
        "limits": _limits(found["thresholds"]),
        "models": [
            (column, [_written(key, _of_columns(figures, key).get(column)) for key, *_ in MODELS])
            for column in _of_columns(figures, "alpha")
        ],
        "models_explained": MODELS,
        "remarks": _texts(figures, "remarks"),
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
            (report, parse_datetime(report["at"]), _limits(report["thresholds"]))
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
    differences = [
        Difference(
            name,
            *("\n".join(_texts(report["roles"], key)) or "none" for report in (older, newer)),
        )
        for key, name in _ROLES
    ]
    limits = dict(_limits(newer["thresholds"]))
    differences += [
        Difference(
            _LIMITS.get(name, f"Threshold: {name}"),
            value,
            limits[name],
        )
        for name, value in _limits(older["thresholds"])
    ]
    for key, name in _NAMES:
        pair = [_written(key, report["figures"].get(key)) for report in (older, newer)]
        differences.append(Difference(name, *pair))
    columns = dict.fromkeys(
        [*_of_columns(older["figures"], "t"), *_of_columns(newer["figures"], "t")]
    )
    for column in columns:
        for key, name in (("l_distinct", "l"), ("t", "t")):
            values = [_of_columns(report["figures"], key).get(column) for report in (older, newer)]
            differences.append(
                Difference(f"{name} of {column}", *(_written(key, value) for value in values))
            )
    return {
        "differences": differences,
        "older_at": parse_datetime(older["at"]),
        "newer_at": parse_datetime(newer["at"]),
    }


def _behind(request: HtmxHttpRequest) -> tuple[datetime | None, UUID | None]:
    try:
        before = parse_datetime(request.GET.get("before", ""))
        return before, UUID(request.GET.get("before_id", "")) if before else None
    except ValueError:
        return None, None


def _limits(thresholds: dict[str, Any]) -> list[tuple[str, str]]:
    population = thresholds.get("population")
    return [
        ("k", f"at least {thresholds.get('k')}"),
        ("l", f"at least {thresholds.get('l')}"),
        ("t", f"at most {thresholds.get('t')}"),
        ("risk", f"at most {thresholds.get('risk')}"),
        ("missing", _MISSING.get(str(thresholds.get("missing")), "")),
        ("population", "not given" if population is None else _written("population", population)),
    ]


def _in_words(missed: str) -> str:
    measure, of, column = missed.partition(" of ")
    return f"{_THRESHOLDS.get(measure, measure)}{of}{column}"


def _moment(report: rpc.WholeReport) -> str:
    return report["at"]


# Whoever keeps a report over the API may put anything into it: what is of another kind than ours is
# shown as text, or left out.


def _texts(found: Mapping[str, Any], key: str) -> list[str]:
    value = found.get(key)
    return [str(one) for one in value] if isinstance(value, list) else []


def _of_columns(figures: Mapping[str, Any], key: str) -> dict[str, Any]:
    value = figures.get(key)
    return value if isinstance(value, dict) else {}


def _written(key: str, value: Any) -> str:
    if value is None:
        return "none"
    if not isinstance(value, int | float):
        return str(value)
    return share(value) if key in _SHARES else number(value)
