"""The platform's addresses, and the dashboard in the ways that `bench.dashboard` compares."""

from collections.abc import Callable
from typing import Any, cast

import httpx
from django.conf import settings
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import path

from datasets import rpc, selectors
from datasets.browse.activity import newest_events
from fairdb_site.http import HtmxHttpRequest
from fairdb_site.supabase import clients
from fairdb_site.supabase.clients import Credentials, Supabase
from fairdb_site.urls import handler400, handler500  # noqa: F401  Django asks for them by name
from fairdb_site.urls import urlpatterns as of_the_platform


def in_turn(request: HtmxHttpRequest) -> HttpResponse:
    """The dashboard as a sync view: one call after the other, on the connections of the process."""
    sums = rpc.get_overview(request.supabase)
    newest = rpc.list_datasets(request.supabase, limit=selectors.NEWEST_DATASETS)
    events = newest_events(owner_id=request.user.pk, most=selectors.NEWEST_EVENTS)
    overview = selectors.overview_of(sums, newest, (), events)
    return render(request, "datasets/dashboard.html", {"overview": overview})


async def own_connections(request: HtmxHttpRequest) -> HttpResponse:
    """The dashboard's calls at once, over connections that this request makes for itself."""
    from datasets.views import dashboard

    shared = request.supabase
    request.supabase = own = _OwnConnections(shared._access_token, renew=shared._renew)
    try:
        return await cast("Callable[..., Any]", dashboard)(request)
    finally:
        await own.aclose()


class _OwnConnections(Supabase):
    _client: Any = None

    async def _async_client_for(self, credentials: Credentials) -> Any:
        from supabase import AsyncClient, AsyncClientOptions

        if self._client is None:
            transport = httpx.AsyncHTTPTransport(**clients._transport())
            options = AsyncClientOptions(
                auto_refresh_token=False,
                persist_session=False,
                httpx_client=httpx.AsyncClient(transport=transport, **clients._client(15.0)),
                headers=credentials.headers,
            )
            self._client = AsyncClient(settings.SUPABASE_URL, credentials.key, options)
        return self._client

    async def aclose(self) -> None:
        if self._client is not None:
            await self._client.options.httpx_client.aclose()
        await super().aclose()


urlpatterns = [
    *of_the_platform,
    path("bench/in-turn/", in_turn),
    path("bench/own-connections/", own_connections),
]
