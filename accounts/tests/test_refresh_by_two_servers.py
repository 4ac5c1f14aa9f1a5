"""Twenty requests at once at two server processes: Supabase is asked once, nobody is signed out."""

from collections.abc import Callable
from http.client import RemoteDisconnected
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import SupabaseSession
from accounts.session_life import CHECK_EVERY
from accounts.tests.doors import (
    give_expired_token,
    give_token_of_a_lost_key,
    let_it_expire,
    let_it_nearly_expire,
    refreshes_of,
    row_of,
    sign_in,
    tokens_of,
)
from accounts.tests.two_servers import PARALLEL, Server, ask_at_once, two_servers
from fairdb_site.supabase import auth
from fairdb_site.tests.supabase_servers import answering, hang_up, pass_on, point_at

PAGES = ["/probe/tables/", "/dashboard/"]  # a sync view and an async one
REFRESH = "/auth/v1/token?grant_type=refresh_token"
WHO = "/auth/v1/user"


def make_a_check_due(row: SupabaseSession) -> None:
    SupabaseSession.objects.filter(id=row.id).update(checked_at=timezone.now() - CHECK_EVERY)


@pytest.mark.parametrize(
    ("change", "is_check_due"),
    [
        (let_it_nearly_expire, True),
        (let_it_expire, False),
        (give_expired_token, True),
        (give_token_of_a_lost_key, False),
        (give_token_of_a_lost_key, True),
    ],
)
def test_two_servers_refresh_once_for_twenty_requests(
    alice: Any, settings: Any, change: Callable[[SupabaseSession], object], is_check_due: bool
) -> None:
    client = sign_in(alice)
    row, home = row_of(client), settings.SUPABASE_URL
    change(row)
    if is_check_due:
        make_a_check_due(row)

    with answering(settings, pass_on(home)) as asked, two_servers() as servers:
        statuses = ask_at_once(servers, client, PAGES)

    assert statuses == [200] * PARALLEL
    assert asked.count(REFRESH) == 1
    assert asked.count(WHO) <= 2 * is_check_due
    point_at(settings, home)
    let_it_expire(row_of(client))
    assert client.get("/probe/tables/").status_code == 200
    assert refreshes_of(row) == 2


def test_all_of_twenty_requests_learn_that_the_session_has_ended(alice: Any) -> None:
    client = sign_in(alice)
    row = row_of(client)
    auth.sign_out(tokens_of(row)["access"], "global")
    let_it_expire(row)

    with two_servers() as servers:
        statuses = ask_at_once(servers, client, PAGES)

    assert statuses == [302] * PARALLEL
    assert not SupabaseSession.objects.filter(id=row.id).exists()


def test_twenty_requests_ask_a_supabase_that_hangs_up_once(alice: Any, settings: Any) -> None:
    client = sign_in(alice)
    row = row_of(client)
    let_it_expire(row)

    with answering(settings, hang_up) as asked, two_servers() as servers:
        statuses = ask_at_once(servers, client, PAGES)

    assert statuses == [503] * PARALLEL
    assert asked.count(REFRESH) == 1
    assert SupabaseSession.objects.filter(id=row.id).exists()


def test_server_that_is_killed_while_it_refreshes_takes_no_session_along(
    alice: Any, settings: Any
) -> None:
    """Supabase has made the next tokens; who asked for them is gone, and so is the row's lock."""
    client, home = sign_in(alice), settings.SUPABASE_URL
    row = row_of(client)
    let_it_expire(row)
    to_supabase, lost = pass_on(home), pass_on(home, lost=REFRESH)
    killed: list[Server] = []

    def kill(handler: BaseHTTPRequestHandler) -> None:
        if handler.path == REFRESH and not killed:
            lost(handler)
            first.process.kill()
            killed.append(first)
        else:
            to_supabase(handler)

    with answering(settings, kill), two_servers() as (first, second):
        with pytest.raises(RemoteDisconnected):
            first.get(PAGES[0], client)
        statuses = [second.get(page, client) for page in PAGES]

    assert statuses == [200] * len(PAGES)
    assert refreshes_of(row) == 1
