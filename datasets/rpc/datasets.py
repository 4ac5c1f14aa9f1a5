"""Functions about datasets: their facts and their columns. `rows` reads what is in them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NotRequired, TypedDict
from uuid import UUID

from fairdb_site.supabase.clients import Supabase


class DatasetFacts(TypedDict):
    """A dataset without its rows. Times are ISO 8601, digests hex; None: not known before ready."""

    id: str
    title: str
    description: str
    origin: str
    keywords: list[str]
    licence: str
    described_at: str | None
    privacy_k: int | None  # thresholds; None: the default of privacy.measures.verdict
    privacy_l: int | None
    privacy_t: float | None
    privacy_risk: float | None
    privacy_missing: str | None  # "own", "any" or "drop"
    privacy_population: int | None  # people that the rows are a sample of; None: not said
    privacy_population_dataset: str | None  # that holds these people
    privacy_changed_at: str | None  # a threshold, or a role of a column
    state: str  # "created", "loading", "ready" or "deleting"
    id_label: str | None
    id_position: int | None
    row_count: int | None
    column_count: int | None  # data columns, without the id
    parts: list[str]  # physical table names, in order
    file_name: str | None
    file_bytes: int | None
    file_digest: str | None
    digest: str | None
    seconds: float | None
    created_at: str
    ready_at: str | None
    series: str
    version: int  # from 1, in its series


class LaterVersion(TypedDict):
    """The newest ready version of a dataset."""

    id: str
    version: int


class DatasetDetails(DatasetFacts):
    """A dataset with the receipt of its load, and the newest version where it is another."""

    receipt: dict[str, Any] | None
    newest: LaterVersion | None


class DatasetColumn(TypedDict):
    """A column as in the file, and its statistics over the whole file."""

    position: int  # from 1, the id column counted
    label: str
    name: str  # physical
    part: int | None  # from 1; None for the id column
    data_type: str  # "integer", "float", "boolean", "date", "timestamp" or "text"
    description: str
    unit: str
    role: str | None
    privacy_role: str | None  # `privacy.chosen.Role`; None: not chosen
    missing: int | None
    distinct_count: int | None
    minimum: str | None
    maximum: str | None
    mean: float | None
    top: list[tuple[str, int]] | None  # most frequent values and their counts


class ColumnsPage(TypedDict):
    """Some columns in file order; `matching` of all `total` have a label like the one searched."""

    total: int
    matching: int
    columns: list[DatasetColumn]


class FoundColumn(TypedDict):
    """A column found by its label among all datasets of the caller."""

    dataset: str
    title: str
    position: int
    label: str
    data_type: str
    is_id: bool
    matching: int  # columns of that dataset which the search finds


class ColumnProfile(TypedDict):
    """What a column holds now. Of numbers and dates with `bars`: [step from 1, count], of `steps`
    equal ones between `low` and `high`, dates as days and moments as seconds from 1970 on.
    """

    rows: int
    missing: int
    minimum: NotRequired[str | None]
    maximum: NotRequired[str | None]
    mean: NotRequired[float | None]
    low: NotRequired[float | None]
    high: NotRequired[float | None]
    steps: NotRequired[int | None]
    bars: list[tuple[int, int]]
    top: list[tuple[str, int]]


class OutlineGroup(TypedDict):
    """The columns of one type within one bar of a dataset's outline."""

    bar: int  # from 0
    data_type: str
    count: int  # columns
    missing: int  # cells
    different: int  # distinct values, added up over the columns
    first: int  # positions
    last: int


class Overview(TypedDict):
    """The caller's account at a glance: sums over ready datasets, facts of unfinished ones."""

    datasets: int
    rows: int
    columns: int
    unfinished: list[DatasetFacts]


def list_datasets(
    supabase: Supabase,
    *,
    before: datetime | str | None = None,
    before_id: UUID | None = None,
    limit: int = 100,
) -> list[DatasetFacts]:
    """Return the caller's ready datasets in their newest version, newest first, at most 1,000.

    `before` and `before_id` are the `created_at` and the id of the last one seen; without the id,
    others of the same moment are passed over.
    """
    datasets: list[DatasetFacts] = supabase.safe_rpc_call(
        "list_datasets", _list_params(before, before_id, limit)
    )
    return datasets


def list_versions(supabase: Supabase, dataset_id: UUID) -> list[DatasetFacts]:
    """Return the ready versions of a dataset of the caller's, newest first."""
    versions: list[DatasetFacts] = supabase.safe_rpc_call(
        "list_versions", {"p_dataset_id": str(dataset_id)}
    )
    return versions


async def async_list_datasets(
    supabase: Supabase,
    *,
    before: datetime | str | None = None,
    before_id: UUID | None = None,
    limit: int = 100,
) -> list[DatasetFacts]:
    """As `list_datasets`, in an event loop."""
    datasets: list[DatasetFacts] = await supabase.async_safe_rpc_call(
        "list_datasets", _list_params(before, before_id, limit)
    )
    return datasets


def _list_params(
    before: datetime | str | None, before_id: UUID | None, limit: int
) -> dict[str, object]:
    if isinstance(before, datetime):
        before = before.isoformat()
    params: dict[str, object] = {"p_before": before, "p_limit": limit}
    if before_id is not None:
        params["p_before_id"] = str(before_id)
    return params


def get_dataset(supabase: Supabase, dataset_id: UUID) -> DatasetDetails:
    """Return one of the caller's datasets, in whatever state it is."""
    dataset: DatasetDetails = supabase.safe_rpc_call(
        "get_dataset", {"p_dataset_id": str(dataset_id)}
    )
    return dataset


async def async_get_dataset(supabase: Supabase, dataset_id: UUID) -> DatasetDetails:
    """As `get_dataset`, in an event loop."""
    dataset: DatasetDetails = await supabase.async_safe_rpc_call(
        "get_dataset", {"p_dataset_id": str(dataset_id)}
    )
    return dataset


def get_dataset_columns(
    supabase: Supabase,
    dataset_id: UUID,
    *,
    search: str | None = None,
    after: int = 0,
    limit: int = 200,
) -> ColumnsPage:
    """Return columns after position `after`, at most 1,000, with labels that contain `search`."""
    page: ColumnsPage = supabase.safe_rpc_call(
        "get_dataset_columns", _columns_params(dataset_id, search, after, limit)
    )
    return page


async def async_get_dataset_columns(
    supabase: Supabase,
    dataset_id: UUID,
    *,
    search: str | None = None,
    after: int = 0,
    limit: int = 200,
) -> ColumnsPage:
    """As `get_dataset_columns`, in an event loop."""
    page: ColumnsPage = await supabase.async_safe_rpc_call(
        "get_dataset_columns", _columns_params(dataset_id, search, after, limit)
    )
    return page


def _columns_params(
    dataset_id: UUID, search: str | None, after: int, limit: int
) -> dict[str, object]:
    return {
        "p_dataset_id": str(dataset_id),
        "p_search": search,
        "p_after": after,
        "p_limit": limit,
    }


def search_columns(supabase: Supabase, query: str, *, limit: int = 100) -> list[FoundColumn]:
    """Return columns of the caller's ready datasets whose label contains the query, any case."""
    found: list[FoundColumn] = supabase.safe_rpc_call(
        "search_columns", {"p_query": query, "p_limit": limit}
    )
    return found


def search_datasets(supabase: Supabase, query: str, *, limit: int = 50) -> list[DatasetFacts]:
    """Return the caller's ready datasets with this in what is said of them, newest first."""
    found: list[DatasetFacts] = supabase.safe_rpc_call(
        "search_datasets", {"p_query": query, "p_limit": limit}
    )
    return found


def get_columns_at(
    supabase: Supabase, dataset_id: UUID, positions: Sequence[int]
) -> list[DatasetColumn]:
    """Return the columns at these positions (at most 1,000), in their order."""
    columns: list[DatasetColumn] = supabase.safe_rpc_call(
        "get_columns_at", {"p_dataset_id": str(dataset_id), "p_positions": list(positions)}
    )
    return columns


def get_dataset_outline(
    supabase: Supabase, dataset_id: UUID, *, bars: int = 240
) -> list[OutlineGroup]:
    """Return all data columns, counted by type in at most `bars` bars from left to right."""
    outline: list[OutlineGroup] = supabase.safe_rpc_call(
        "get_dataset_outline", {"p_dataset_id": str(dataset_id), "p_bars": bars}
    )
    return outline


def get_column_profile(
    supabase: Supabase, dataset_id: UUID, position: int, *, bars: int = 24
) -> ColumnProfile:
    """Return what a column holds, counted now; NotFound for the id, which has pseudonyms alone."""
    profile: ColumnProfile = supabase.safe_rpc_call(
        "get_column_profile",
        {"p_dataset_id": str(dataset_id), "p_position": position, "p_bars": bars},
    )
    return profile


def get_overview(supabase: Supabase) -> Overview:
    """Return the caller's account at a glance."""
    overview: Overview = supabase.safe_rpc_call("get_overview")
    return overview


async def async_get_overview(supabase: Supabase) -> Overview:
    """As `get_overview`, in an event loop."""
    overview: Overview = await supabase.async_safe_rpc_call("get_overview")
    return overview
