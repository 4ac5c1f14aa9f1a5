"""The platform's addresses and a few async views, to see what becomes of the clients they used."""

import asyncio
from typing import Any, cast

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path

from fairdb_site.errors import NotFound
from fairdb_site.http import HtmxHttpRequest
from fairdb_site.supabase.clients import Supabase
from fairdb_site.urls import handler400, handler500  # noqa: F401  Django asks for them by name
from fairdb_site.urls import urlpatterns as of_the_platform

used: list[tuple[Supabase, Any]] = []
"""Whose Supabase the last views had, and the HTTP client below its async one."""


async def use(request: HttpRequest) -> Supabase:
    supabase = cast("HtmxHttpRequest", request).supabase
    client = await supabase.async_client
    used.append((supabase, client.options.httpx_client))
    return supabase


async def three(request: HttpRequest) -> HttpResponse:
    supabase = await use(request)
    calls = [supabase.async_safe_rpc_call("get_all_tables") for _ in "123"]
    return JsonResponse({"tables": await asyncio.gather(*calls)})


async def failing(request: HttpRequest, kind: str) -> HttpResponse:
    await use(request)
    raise {"ours": NotFound("A plain sentence."), "unexpected": ValueError("x")}[kind]


async def waiting(request: HttpRequest) -> HttpResponse:
    await use(request)
    waits.set()
    await asyncio.sleep(30)
    return HttpResponse("nobody is there to read this")


waits = asyncio.Event()


def sync_failing(request: HttpRequest) -> HttpResponse:
    supabase = cast("HtmxHttpRequest", request).supabase
    supabase.safe_rpc_call("get_all_tables")
    used.append((supabase, supabase.client.options.httpx_client))
    raise ValueError("x")


urlpatterns = [
    *of_the_platform,
    path("async/three/", three),
    path("async/failing/<str:kind>/", failing),
    path("async/waiting/", waiting),
    path("sync/failing/", sync_failing),
]
