"""Functions that correct a dataset, and that tell and undo what was corrected."""

from collections.abc import Mapping, Sequence
from typing import TypedDict
from uuid import UUID

from fairdb_site.supabase.clients import Supabase

_PATIENCE = 75.0  # these functions give themselves 60 s: 500 rows of 9,000 columns take six

Value = str | int | float | bool | None


class Corrected(TypedDict):
    """The change that was made; None where everything was so already."""

    change: str | None


class RowsCorrected(TypedDict):
    """The change that was made, and to how many rows."""

    change: str | None
    rows: int


class ChangedCell(TypedDict):
    """A cell before and after, as text; None is missing."""

    row: int
    position: int
    label: str
    data_type: str
    old: str | None
    new: str | None


class Change(TypedDict):
    """What was corrected at once. `shown` holds the first 20 of `cells` edited cells.

    `first_rows` are the numbers of the first five of `rows` rows.
    """

    change: str
    number: int
    at: str
    account: str | None
    undoes: str | None
    undone: bool
    kind: str  # "edited", "deleted" or "restored"
    rows: int
    cells: int
    first_rows: list[int]
    shown: list[ChangedCell]


def update_dataset_row(
    supabase: Supabase,
    dataset_id: UUID,
    row_id: int,
    updates: Mapping[int, Value],
    *,
    expected: Mapping[int, Value] | None = None,
) -> Corrected:
    """Change cells of one row by the positions of their columns: all of them, or none.

    `expected` are the values that were seen. Raises Conflict where one is another by now, NotFound
    where there is no such row, Refused for a value that is not of its column's type.
    """
    corrected: Corrected = supabase.safe_rpc_call(
        "update_dataset_row",
        {
            "p_dataset_id": str(dataset_id),
            "p_row_id": row_id,
            "p_updates": _by_position(updates),
            "p_expected": None if expected is None else _by_position(expected),
        },
    )
    return corrected


def delete_dataset_rows(
    supabase: Supabase, dataset_id: UUID, row_ids: Sequence[int]
) -> RowsCorrected:
    """Delete up to 500 rows; those that are not there are passed over."""
    corrected: RowsCorrected = supabase.safe_rpc_call(
        "delete_dataset_rows",
        {"p_dataset_id": str(dataset_id), "p_row_ids": list(row_ids)},
        patience=_PATIENCE,
    )
    return corrected


def undo_change(supabase: Supabase, change_id: UUID) -> RowsCorrected:
    """Put back what a change found. Raises Conflict where a later change touched it."""
    corrected: RowsCorrected = supabase.safe_rpc_call(
        "undo_change", {"p_change_id": str(change_id)}, patience=_PATIENCE
    )
    return corrected


def get_changes(
    supabase: Supabase,
    dataset_id: UUID,
    *,
    row_id: int | None = None,
    before: int | None = None,
    limit: int = 50,
    longest: int | None = None,
) -> list[Change]:
    """Return the changes of a dataset, or of one row of it, newest first.

    `before` is the number of the last one seen. A value of more than `longest` characters is cut
    there, and how many it has stands right behind.
    """
    changes: list[Change] = supabase.safe_rpc_call(
        "get_changes",
        {
            "p_dataset_id": str(dataset_id),
            "p_row_id": row_id,
            "p_before": before,
            "p_limit": limit,
            "p_longest": longest,
        },
    )
    return changes


def _by_position(values: Mapping[int, Value]) -> dict[str, Value]:
    return {str(position): value for position, value in values.items()}
