"""Every database function of the platform, typed: what goes in, what PostgREST gives back.

Each call takes the `Supabase` of the request or command and goes through its `safe_rpc_call`:
under the caller's row level security, but for the two that say service role. A table or dataset
of somebody else and one that does not exist raise the same NotFound. The schema of the data is
the functions' own default and is never sent. See `datasets/sql/` for their rules.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, TypedDict
from uuid import UUID

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.core.cache import cache

from fairdb_site.supabase.clients import Supabase

# Long enough for the requests of one page, short enough that nobody misses a change made by
# another process, whose memory `forget_cached_tables` does not reach.
CACHE_SECONDS = 20
_NO_PARAMS: dict[str, Any] = {}


class TableInfo(TypedDict):
    """A part: one table of a ready dataset."""

    table_name: str
    table_type: str  # always "BASE TABLE"


class ColumnInfo(TypedDict):
    """A physical column, described as information_schema does."""

    column_name: str
    data_type: str  # PostgreSQL's name: "bigint", "double precision", ...
    is_nullable: str  # "YES" or "NO"


class DatasetFacts(TypedDict):
    """A dataset without its rows. Times are ISO 8601, digests hex; None: not known before ready."""

    id: str
    title: str
    description: str
    origin: str
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


class DatasetDetails(DatasetFacts):
    """A dataset with the receipt of its load."""

    receipt: dict[str, Any] | None


class DatasetColumn(TypedDict):
    """A column as in the file, and its statistics over the whole file."""

    position: int  # from 1, the id column counted
    label: str
    name: str  # physical
    part: int | None  # from 1; None for the id column
    data_type: str  # "integer", "float", "boolean", "date", "timestamp" or "text"
    role: str | None
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


class RowsPage(TypedDict):
    """Some rows in order: each [rowid, pseudonym, value, ...], values as canonical text or None.

    `first` and `last` are the rowids at the page's ends, None where it is empty.
    """

    rows: list[list[Any]]
    first: int | None
    last: int | None
    has_previous: bool
    has_next: bool


class FoundColumn(TypedDict):
    """A column found by its label among all datasets of the caller."""

    dataset: str
    title: str
    position: int
    label: str
    data_type: str
    is_id: bool
    matching: int  # columns of that dataset which the search finds


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


# Tables ------------------------------------------------------------------------------------------


def get_all_tables(supabase: Supabase) -> list[TableInfo]:
    """Return the caller's tables: the parts of ready datasets, newest dataset first."""
    tables: list[TableInfo] = supabase.safe_rpc_call("get_all_tables", _NO_PARAMS)
    return tables


async def async_get_all_tables(supabase: Supabase) -> list[TableInfo]:
    """As `get_all_tables`, in an event loop."""
    tables: list[TableInfo] = await supabase.async_safe_rpc_call("get_all_tables", _NO_PARAMS)
    return tables


def get_cached_tables(supabase: Supabase, user_id: UUID) -> list[TableInfo]:
    """Return `get_all_tables` of `user_id`, whose `supabase` it must be, a few seconds old at most.

    Kept per user and schema, so nobody meets another's list.
    """
    key = _cache_key(user_id)
    tables: list[TableInfo] | None = cache.get(key)
    if tables is None:
        tables = get_all_tables(supabase)
        cache.set(key, tables, CACHE_SECONDS)
    return tables


def forget_cached_tables(user_id: UUID) -> None:
    """Drop the kept list of this person: after an upload, a deletion, and at sign-out."""
    cache.delete(_cache_key(user_id))


def forget_tables_at_sign_out(user: AbstractBaseUser | None, **kwargs: object) -> None:
    """Drop the kept list of whoever signs out (a receiver of Django's `user_logged_out`)."""
    if user is not None:
        forget_cached_tables(user.pk)


def _cache_key(user_id: UUID) -> str:
    return f"datasets.tables.{settings.FAIRDB_DATA_SCHEMA}.{user_id}"


def get_table_columns(supabase: Supabase, table_name: str) -> list[ColumnInfo]:
    """Return the physical columns of one of the caller's tables, in order."""
    columns: list[ColumnInfo] = supabase.safe_rpc_call(
        "get_table_columns", {"p_table_name": table_name}
    )
    return columns


def table_exists(supabase: Supabase, table_name: str) -> bool:
    """Return whether the caller has a table of this name."""
    exists: bool = supabase.safe_rpc_call("table_exists", {"p_table_name": table_name})
    return exists


def search_tables_by_column(supabase: Supabase, column_name: str) -> list[TableInfo]:
    """Return the caller's tables with a column whose label contains this text, in any case."""
    tables: list[TableInfo] = supabase.safe_rpc_call(
        "search_tables_by_column", {"p_column_name": column_name}
    )
    return tables


def select_from_table(
    supabase: Supabase, table_name: str, row_limit: int = 100
) -> list[dict[str, Any]]:
    """Return the first rows of a table by physical column name; at most 1,000."""
    rows: list[dict[str, Any]] = supabase.safe_rpc_call(
        "select_from_table", {"p_table_name": table_name, "p_row_limit": row_limit}
    )
    return rows


def update_table_row(
    supabase: Supabase,
    table_name: str,
    row_id: int,
    updates: Mapping[str, str | int | float | bool | None],
) -> bool:
    """Change cells of one row, by physical column name; False where there is no such row.

    Raises Refused for a column that is not there or not to be changed, and for a value that is
    not of the column's type.
    """
    updated: bool = supabase.safe_rpc_call(
        "update_table_row",
        {"p_table_name": table_name, "p_row_id": row_id, "p_updates": dict(updates)},
    )
    return updated


def insert_metadata(
    supabase: Supabase, table_name: str, *, main_table: str, description: str, origin: str
) -> int:
    """Describe a table that is registered to the caller; return the record's id."""
    record: int = supabase.safe_rpc_call(
        "insert_metadata",
        {
            "p_table_name": table_name,
            "p_main_table": main_table,
            "p_description": description,
            "p_origin": origin,
        },
    )
    return record


def create_data_table(
    supabase: Supabase,
    *,
    table_name: str,
    column_names: Sequence[str],
    id_column: str,
    user_id: UUID,
    column_types: Sequence[str] | None = None,
) -> bool:
    """Make one part, empty and closed to its owner until sealed. Service role.

    `id_column` is the physical name to which `_hash` is added. Types as in `DatasetColumn`, text
    where None. Raises Conflict where the name is taken.
    """
    created: bool = supabase.safe_rpc_call(
        "create_data_table",
        {
            "p_schema_name": settings.FAIRDB_DATA_SCHEMA,
            "p_table_name": table_name,
            "p_column_names": list(column_names),
            "p_id_column": id_column,
            "p_user_id": str(user_id),
            "p_column_types": None if column_types is None else list(column_types),
        },
        service_role=True,
    )
    return created


def drop_data_table(supabase: Supabase, *, table_name: str, user_id: UUID) -> bool:
    """Drop a part of this owner; False where there is none of this name. Service role.

    Raises Conflict while its dataset is ready: it has to be `deleting` first.
    """
    dropped: bool = supabase.safe_rpc_call(
        "drop_data_table",
        {"p_table_name": table_name, "p_user_id": str(user_id)},
        service_role=True,
    )
    return dropped


# Datasets ----------------------------------------------------------------------------------------


def list_datasets(
    supabase: Supabase,
    *,
    before: datetime | str | None = None,
    before_id: UUID | None = None,
    limit: int = 100,
) -> list[DatasetFacts]:
    """Return the caller's ready datasets, newest first, at most 1,000.

    `before` and `before_id` are the `created_at` and the id of the last one seen; without the id,
    others of the same moment are passed over.
    """
    if isinstance(before, datetime):
        before = before.isoformat()
    params: dict[str, Any] = {"p_before": before, "p_limit": limit}
    if before_id is not None:
        params["p_before_id"] = str(before_id)
    datasets: list[DatasetFacts] = supabase.safe_rpc_call("list_datasets", params)
    return datasets


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


def select_dataset_rows(
    supabase: Supabase,
    dataset_id: UUID,
    positions: Sequence[int],
    *,
    after: int | None = None,
    before: int | None = None,
    limit: int = 50,
) -> RowsPage:
    """Return a page of rows with the columns at `positions` (at most 1,000), in that order.

    The page begins after rowid `after` or ends before rowid `before`; at most 500 rows.
    """
    page: RowsPage = supabase.safe_rpc_call(
        "select_dataset_rows", _rows_params(dataset_id, positions, after, before, limit)
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
    """As `select_dataset_rows`, in an event loop."""
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


def search_columns(supabase: Supabase, query: str, *, limit: int = 100) -> list[FoundColumn]:
    """Return columns of the caller's ready datasets whose label contains the query, any case."""
    found: list[FoundColumn] = supabase.safe_rpc_call(
        "search_columns", {"p_query": query, "p_limit": limit}
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


def get_overview(supabase: Supabase) -> Overview:
    """Return the caller's account at a glance."""
    overview: Overview = supabase.safe_rpc_call("get_overview", _NO_PARAMS)
    return overview
