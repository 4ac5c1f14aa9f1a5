"""Functions that describe a dataset and its columns."""

from collections.abc import Mapping
from typing import TypedDict
from uuid import UUID

from fairdb_site.supabase.clients import Supabase


class DatasetWords(TypedDict, total=False):
    """What describes a dataset; `licence` is an identifier of SPDX, or a sentence."""

    title: str
    description: str
    origin: str
    licence: str
    keywords: list[str]


class ColumnWords(TypedDict, total=False):
    """What describes a column."""

    description: str
    unit: str


def describe_dataset(
    supabase: Supabase,
    dataset_id: UUID,
    words: DatasetWords,
    *,
    expected: DatasetWords | None = None,
) -> list[str]:
    """Describe a dataset; return the names of what changed.

    `expected` is what was seen. Raises Conflict where one is another by now, Refused for what is
    too long.
    """
    changed: list[str] = supabase.safe_rpc_call(
        "describe_dataset",
        {"p_dataset_id": str(dataset_id), "p_facts": words, "p_expected": expected},
    )
    return changed


def describe_columns(
    supabase: Supabase,
    dataset_id: UUID,
    words: Mapping[int, ColumnWords],
    *,
    expected: Mapping[int, ColumnWords] | None = None,
    seen: str | None = None,
) -> int:
    """Describe columns by their positions, all or none; return how many changed.

    `expected` is what was seen of them, `seen` when the dataset was last described, as it was seen
    (empty for never). Raises Conflict where either is another by now.
    """
    changed: int = supabase.safe_rpc_call(
        "describe_columns",
        {
            "p_dataset_id": str(dataset_id),
            "p_columns": _by_position(words),
            "p_expected": None if expected is None else _by_position(expected),
            "p_seen": seen,
        },
    )
    return changed


def _by_position(words: Mapping[int, ColumnWords]) -> dict[str, ColumnWords]:
    return {str(position): said for position, said in words.items()}
