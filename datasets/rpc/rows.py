"""Functions about rows, across the parts of a dataset: pages, counts, the order they come in."""

from collections.abc import Sequence
from typing import Any, TypedDict
from uuid import UUID

from fairdb_site.supabase.clients import Supabase


class Condition(TypedDict):
    """What a row has to meet: its value in the column at `position`, compared with values as text.

    Operators: eq, ne, lt, le, gt, ge, between (two values), contains, starts, ends, in (up to
    1,000), missing, present (none). A missing value meets none of them but `missing`.
    """

    position: int
    operator: str
    values: list[str]


class RowsPage(TypedDict):
    """Some rows in order: each [rowid, pseudonym, value, ...], values as canonical text or None.

    `first` and `last` are the rowids at the page's ends, None where it is empty. `matching` counts
    the rows that meet the conditions; where not `exact`, it is an estimate.
    """

    rows: list[list[Any]]
    first: int | None
    last: int | None
    has_previous: bool
    has_next: bool
    matching: int
    exact: bool


def select_dataset_rows(
    supabase: Supabase,
    dataset_id: UUID,
    positions: Sequence[int],
    *,
    after: int | None = None,
    before: int | None = None,
    last: bool = False,
    limit: int = 50,
    conditions: Sequence[Condition] = (),
    sort: int | None = None,
    descending: bool = False,
    longest: int | None = None,
) -> RowsPage:
    """Return a page of rows with the columns at `positions` (at most 1,000), in that order.

    The page begins after rowid `after`, ends before rowid `before` or (`last`) at the end; at most
    500 rows, of those that meet all `conditions`. `sort` is the position of the column to sort by,
    rows without a value last. A text of more than `longest` characters is cut there; how many it
    has stands right behind. Raises Refused for what makes no sense of a column.
    """
    page: RowsPage = supabase.safe_rpc_call(
        "select_dataset_rows",
        _rows_params(dataset_id, positions, after, before, limit)
        | {
            "p_last": last,
            "p_conditions": list(conditions),
            "p_sort": sort,
            "p_descending": descending,
            "p_longest": longest,
        },
    )
    return page


async def async_select_dataset_rows(
    supabase: Supabase,
    dataset_id: UUID,
    positions: Sequence[int],
    *,
    after: int | None = None,
    before: int | None = None,
    limit: int = 50,
) -> RowsPage:
    """As `select_dataset_rows` of all rows in their own order, in an event loop."""
    page: RowsPage = await supabase.async_safe_rpc_call(
        "select_dataset_rows", _rows_params(dataset_id, positions, after, before, limit)
    )
    return page


def _rows_params(
    dataset_id: UUID, positions: Sequence[int], after: int | None, before: int | None, limit: int
) -> dict[str, object]:
    return {
        "p_dataset_id": str(dataset_id),
        "p_positions": list(positions),
        "p_after": after,
        "p_before": before,
        "p_limit": limit,
    }


def count_dataset_rows(
    supabase: Supabase, dataset_id: UUID, conditions: Sequence[Condition]
) -> int:
    """Return exactly how many rows meet all conditions."""
    count: int = supabase.safe_rpc_call(
        "count_dataset_rows", {"p_dataset_id": str(dataset_id), "p_conditions": list(conditions)}
    )
    return count


def index_dataset_column(supabase: Supabase, dataset_id: UUID, position: int) -> bool:
    """Make sure that sorting by a column is quick where it is worth an index; say if there is one.

    Service role: for a dataset that was read as the person's own. It takes a second or two the
    first time, of a large dataset.
    """
    indexed: bool = supabase.safe_rpc_call(
        "index_dataset_column",
        {"p_dataset_id": str(dataset_id), "p_position": position},
        service_role=True,
    )
    return indexed
