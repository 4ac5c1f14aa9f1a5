"""Call a database function through PostgREST: `.execute()`, plain errors, no value in the log."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import httpx

from fairdb_site.supabase.errors import rpc_error

if TYPE_CHECKING:
    from supabase import AsyncClient, Client


def safe_rpc_call(client: Client, name: str, params: Mapping[str, Any] | None = None) -> Any:
    """Run the function and return its result as PostgREST's JSON says it; else raise FairdbError.

    `TokenExpired` is raised apart from other refusals, so that the caller can refresh and repeat:
    PostgREST checks the token before it opens a transaction, so nothing was done.
    """
    from postgrest.exceptions import APIError

    try:
        return client.rpc(name, dict(params or {})).execute().data
    except (APIError, httpx.HTTPError) as error:
        # `from None`: the original holds the values of the call in its text.
        raise rpc_error(error, name) from None


async def async_safe_rpc_call(
    client: AsyncClient, name: str, params: Mapping[str, Any] | None = None
) -> Any:
    """As `safe_rpc_call`, on an async client."""
    from postgrest.exceptions import APIError

    try:
        return (await client.rpc(name, dict(params or {})).execute()).data
    except (APIError, httpx.HTTPError) as error:
        raise rpc_error(error, name) from None
