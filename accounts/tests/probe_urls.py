"""The platform's addresses and a few views of the tests', to look through the middleware."""

import asyncio
from typing import Any, cast

from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.urls import path

from accounts.kept_input import kept_input
from fairdb_site import errors
from fairdb_site.http import HtmxHttpRequest
from fairdb_site.urls import handler400, handler500  # noqa: F401  Django asks for them by name
from fairdb_site.urls import urlpatterns as of_the_platform

SENTINEL = "cell-value-4711"


def page(request: HttpRequest) -> HttpResponse:
    """A page with a form that posts to itself."""
    if request.method == "POST":
        return JsonResponse({"taken": request.POST.dict()})
    return JsonResponse({"kept": kept_input(request)})


def tables(request: HttpRequest) -> HttpResponse:
    found = cast("HtmxHttpRequest", request).supabase.safe_rpc_call("get_all_tables", {})
    return JsonResponse({"tables": found})


async def tables_async(request: HttpRequest) -> HttpResponse:
    supabase = cast("HtmxHttpRequest", request).supabase
    calls = [supabase.async_safe_rpc_call("get_all_tables", {}) for _ in range(5)]
    opened.append(await supabase.async_client)
    return JsonResponse({"tables": await asyncio.gather(*calls)})


opened: list[Any] = []


@login_not_required
def public(request: HttpRequest) -> HttpResponse:
    return JsonResponse({"user": str(request.user)})


def failing(request: HttpRequest, kind: str) -> HttpResponse:
    if kind == "Http404":
        raise Http404
    if kind == "unexpected":
        raise ValueError(SENTINEL)
    raise getattr(errors, kind)("A plain sentence.")


urlpatterns = [
    *of_the_platform,
    path("probe/page/", page),
    path("probe/other/", page),
    path("probe/tables/", tables),
    path("probe/tables-async/", tables_async),
    path("probe/public/", public),
    path("probe/failing/<str:kind>/", failing),
]
