"""Functions about parts: the tables themselves, by their physical names."""

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict
from uuid import UUID

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.core.cache import cache

from fairdb_site.supabase.clients import Supabase

# Long enough for the requests of one page, short enough that nobody misses a change made by
# another process, whose memory `forget_cached_tables` does not reach.
CACHE_SECONDS = 20


class TableInfo(TypedDict):
    """A part: one table of a ready dataset."""

    table_name: str
    table_type: str  # always "BASE TABLE"


class ColumnInfo(TypedDict):
    """A physical column, described as information_schema does."""

    column_name: str
    data_type: str  # PostgreSQL's name: "bigint", "double precision", ...
    is_nullable: str  # "YES" or "NO"


def get_all_tables(supabase: Supabase) -> list[TableInfo]:
    """Return the caller's tables: the parts of ready datasets, newest dataset first."""
    tables: list[TableInfo] = supabase.safe_rpc_call("get_all_tables")
    return tables


async def async_get_all_tables(supabase: Supabase) -> list[TableInfo]:
    """As `get_all_tables`, in an event loop."""
    tables: list[TableInfo] = await supabase.async_safe_rpc_call("get_all_tables")
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
    *,
    expected: Mapping[str, str | int | float | bool | None] | None = None,
) -> bool:
    """Change cells of one row, by physical column name; False where there is no such row.

    `expected` are the values that were seen: Conflict where one is another by now. Raises Refused
    for a column that is not there or not to be changed, and for a value that is not of the
    column's type.
    """
    updated: bool = supabase.safe_rpc_call(
        "update_table_row",
        {
            "p_table_name": table_name,
            "p_row_id": row_id,
            "p_updates": dict(updates),
            "p_expected": None if expected is None else dict(expected),
        },
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
