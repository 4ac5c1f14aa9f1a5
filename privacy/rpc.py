"""Functions of the database about privacy, typed; `privacy/sql/` has their rules.

All run under the caller's row level security: somebody else's dataset or report and one that does
not exist raise the same NotFound.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypedDict
from uuid import UUID

from fairdb_site.supabase.clients import Supabase
from privacy.chosen import Role


class ThresholdsToKeep(TypedDict, total=False):
    """Thresholds of a dataset; None is the platform's default."""

    k: int | None
    l: int | None  # noqa: E741  (the model's own letter)
    t: float | None
    risk: float | None
    missing: str | None
    population: int | None
    population_dataset: str | None


class KeptReport(TypedDict):
    """A report in a list; `figures` are those of the whole table. `is_current`: of today's data."""

    id: str
    at: str  # ISO 8601
    is_current: bool
    thresholds: dict[str, Any]
    figures: dict[str, Any]


class WholeReport(KeptReport):
    """A kept report with the columns of each role, and all figures."""

    dataset_id: str
    roles: dict[str, list[str]]


def set_privacy_roles(
    supabase: Supabase,
    dataset_id: UUID,
    roles: Mapping[int, Role | None],
    *,
    expected: Mapping[int, Role | None] | None = None,
    seen: str | None = None,
) -> int:
    """Give columns their roles by position, all or none; return how many changed.

    `expected` is what was seen of them, `seen` when roles or thresholds last changed, as it was
    seen (empty for never). Raises Conflict where either is another by now.
    """
    changed: int = supabase.safe_rpc_call(
        "set_privacy_roles",
        {
            "p_dataset_id": str(dataset_id),
            "p_roles": {str(position): role for position, role in roles.items()},
            "p_expected": expected and {str(position): role for position, role in expected.items()},
            "p_seen": seen,
        },
    )
    return changed


def set_privacy_thresholds(
    supabase: Supabase, dataset_id: UUID, thresholds: ThresholdsToKeep, *, seen: str | None = None
) -> list[str]:
    """Set thresholds of a dataset; return the names of what changed. `seen` as above."""
    changed: list[str] = supabase.safe_rpc_call(
        "set_privacy_thresholds",
        {"p_dataset_id": str(dataset_id), "p_thresholds": thresholds, "p_seen": seen},
    )
    return changed


def keep_privacy_report(
    supabase: Supabase,
    dataset_id: UUID,
    *,
    state: str,
    roles: Mapping[str, list[str]],
    thresholds: Mapping[str, Any],
    figures: Mapping[str, Any],
) -> UUID:
    """Keep a report; return its id. Conflict where the dataset is in another state by now."""
    report: str = supabase.safe_rpc_call(
        "keep_privacy_report",
        {
            "p_dataset_id": str(dataset_id),
            "p_state": state,
            "p_roles": roles,
            "p_thresholds": thresholds,
            "p_figures": figures,
        },
    )
    return UUID(report)


def list_privacy_reports(
    supabase: Supabase,
    dataset_id: UUID,
    *,
    before: datetime | None = None,
    before_id: UUID | None = None,
    limit: int = 100,
) -> list[KeptReport]:
    """Return kept reports, newest first, those behind `before` and `before_id` (one seen last)."""
    found: list[KeptReport] = supabase.safe_rpc_call(
        "list_privacy_reports",
        {
            "p_dataset_id": str(dataset_id),
            "p_before": before and before.isoformat(),
            "p_before_id": before_id and str(before_id),
            "p_limit": limit,
        },
    )
    return found


def get_privacy_report(supabase: Supabase, report_id: UUID) -> WholeReport:
    """Return a kept report."""
    found: WholeReport = supabase.safe_rpc_call(
        "get_privacy_report", {"p_report_id": str(report_id)}
    )
    return found


def delete_privacy_report(supabase: Supabase, report_id: UUID) -> None:
    """Delete a kept report."""
    supabase.safe_rpc_call("delete_privacy_report", {"p_report_id": str(report_id)})
