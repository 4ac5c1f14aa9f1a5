"""How the ids of two datasets match."""

from typing import TypedDict
from uuid import UUID

from fairdb_site.supabase.clients import Supabase


class JoinReport(TypedDict):
    """Distinct ids that match or not, rows of the first, and 20 rows of each without a match."""

    matched: int
    only_here: int
    only_there: int
    rows_matched: int
    rows_unmatched: int
    repeated_there: int
    rows_here: list[int]
    rows_there: list[int]


def get_join_report(
    supabase: Supabase, dataset_id: UUID, source_id: UUID, *, no_id: str
) -> JoinReport:
    """Return how the ids of two of the caller's datasets match, compared by their pseudonyms.

    `no_id` is the pseudonym of an empty id, which matches nothing.
    """
    report: JoinReport = supabase.safe_rpc_call(
        "get_join_report",
        {
            "p_dataset_id": str(dataset_id),
            "p_source_id": str(source_id),
            "p_no_id": no_id,
        },
    )
    return report
