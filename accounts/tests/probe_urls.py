"""The platform's addresses and a few views of the tests', to look through the middleware."""

import asyncio
import os
import socket
from collections.abc import Iterator
from typing import Any, cast

from django.contrib.auth.decorators import login_not_required
from django.db import connection, transaction
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    JsonResponse,
    StreamingHttpResponse,
)
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


def failing(request: HttpRequest, kind: str) -> HttpResponseBase:
    if kind == "Http404":
        raise Http404
    if kind == "unexpected":
        raise ValueError(SENTINEL)
    if kind in REFUSED_BY_POSTGRESQL:
        refused_by_postgresql(kind)
    if kind == "cut-off":
        cut_off()
    if kind in FAILING:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(FAILING[kind])
    if kind == "streamed":
        return StreamingHttpResponse(breaks_off())
    raise getattr(errors, kind)("A plain sentence.")


REFUSED_BY_POSTGRESQL = {
    # error, and where it quotes the value: in its message, in its detail
    "DataError": "select %s::int",
    "IntegrityError": "insert into accounts_user (id, email) values (gen_random_uuid(), upper(%s))",
}


FAILING = {
    "terminated": "select pg_terminate_backend(pg_backend_pid())",
    "timed-out": "set local statement_timeout = '1ms'; select pg_sleep(10)",
    "mistaken": "select from no_such_table",
}


def cut_off() -> None:
    """Lose the connection as by a cable that is pulled, and ask for something."""
    connection.ensure_connection()
    with socket.socket(fileno=os.dup(connection.connection.fileno())) as wire:
        wire.shutdown(socket.SHUT_RDWR)
    with connection.cursor() as cursor:
        cursor.execute("select 1")


def refused_by_postgresql(kind: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(REFUSED_BY_POSTGRESQL[kind], [SENTINEL])


def breaks_off() -> Iterator[bytes]:
    yield b"the first rows"
    refused_by_postgresql("DataError")


urlpatterns = [
    *of_the_platform,
    path("probe/page/", page),
    path("probe/other/", page),
    path("probe/tables/", tables),
    path("probe/tables-async/", tables_async),
    path("probe/public/", public),
    path("probe/failing/<str:kind>/", failing),
]
