"""Supabase as one person: sync and async, lazily, nobody mixed with anybody."""

import asyncio
import subprocess
import sys
from typing import Any

import httpx
import pytest

from fairdb_site.errors import Forbidden, SignInRequired, Unavailable
from fairdb_site.supabase import auth, clients
from fairdb_site.supabase.clients import Supabase
from fairdb_site.supabase.errors import TokenExpired
from fairdb_site.tests.supabase_servers import answering, gateway_config, say

WHO = "get_all_tables"  # any function of ours that signed-in people may call


def expired_token(person: Any) -> str:
    import time

    import jwt

    from fairdb_site.local.gateway.keys import Keys

    claims = jwt.decode(person.access_token, options={"verify_signature": False})
    return Keys(gateway_config()).sign(claims | {"exp": int(time.time()) - 3600})


def test_person_calls_as_themselves_sync_and_async(alice: Any) -> None:
    async def call() -> Any:
        supabase = Supabase(alice.access_token)
        try:
            return await supabase.async_safe_rpc_call(WHO)
        finally:
            await supabase.aclose()

    assert Supabase(alice.access_token).safe_rpc_call(WHO) == []
    assert asyncio.run(call()) == []


def test_clients_of_the_guide_are_there_under_their_names(alice: Any) -> None:
    async def execute() -> Any:
        supabase = Supabase(alice.access_token)
        client = await supabase.async_client
        service = await supabase.async_service_role_client
        data = (await client.rpc(WHO, {}).execute()).data
        users = await service.auth.admin.list_users()
        await supabase.aclose()
        return data, users

    supabase = Supabase(alice.access_token)
    assert supabase.client.rpc(WHO, {}).execute().data == []
    assert supabase.service_role_client.auth.admin.get_user_by_id(str(alice.user.id)).user
    data, users = asyncio.run(execute())
    assert (data, bool(users)) == ([], True)


def test_nobody_is_refused_where_people_are_let_in(db_ready: None) -> None:
    with pytest.raises((Forbidden, SignInRequired)):
        Supabase().safe_rpc_call(WHO)


def test_clients_are_made_when_first_used_and_kept(alice: Any) -> None:
    supabase = Supabase(alice.access_token)

    assert supabase.client is supabase.client
    assert supabase.service_role_client is supabase.service_role_client
    assert supabase.client is not supabase.service_role_client


def test_supabase_is_not_imported_before_it_is_needed() -> None:
    code = (
        "import django, sys; django.setup()\n"
        "import fairdb_site.middleware, accounts.views, accounts.admin\n"
        "from fairdb_site.supabase.clients import Supabase; Supabase('token')\n"
        "print(sorted({m.split('.')[0] for m in sys.modules} & "
        "{'supabase', 'supabase_auth', 'postgrest', 'polars'}))"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"


def test_signing_in_leaves_the_service_role_client_what_it_was(alice: Any) -> None:
    supabase = Supabase(alice.access_token)
    service = supabase.service_role_client
    before = dict(service.options.headers)

    auth.sign_in(alice.email, alice.password)

    assert service.options.headers == before
    assert service.auth.admin.get_user_by_id(str(alice.user.id)).user.email == alice.email


def test_people_share_connections_and_never_headers(people: Any) -> None:
    alice, bob = Supabase(people.alice.access_token), Supabase(people.bob.access_token)
    pool = clients.shared_http()

    assert alice.client.options.httpx_client is bob.client.options.httpx_client is pool
    for person, supabase in ((people.alice, alice), (people.bob, bob)):
        assert supabase.client.options.headers["Authorization"] == f"Bearer {person.access_token}"
    assert "authorization" not in pool.headers


def test_cookie_of_an_answer_goes_out_with_no_request(alice: Any, settings: Any) -> None:
    seen: list[str | None] = []

    def set_cookie(handler: Any) -> None:
        seen.append(handler.headers.get("Cookie"))
        handler.send_response(200)
        handler.send_header("Set-Cookie", "sb-access-token=of-alice; Path=/")
        handler.send_header("Content-Length", "2")
        handler.end_headers()
        handler.wfile.write(b"[]")

    token = alice.access_token
    with answering(settings, set_cookie):
        for _ in range(2):
            assert Supabase(token).safe_rpc_call(WHO) == []

    assert seen == [None, None]


def test_no_session_is_kept_and_no_token_refreshed_behind_our_back(alice: Any) -> None:
    options = Supabase(alice.access_token).client.options

    assert options.persist_session is False
    assert options.auto_refresh_token is False


def test_closed_supabase_forgets_its_tokens(alice: Any) -> None:
    supabase = Supabase(alice.access_token)
    supabase.safe_rpc_call(WHO)

    supabase.close()

    assert supabase._clients == {}
    assert not clients.shared_http().is_closed


def test_expired_token_is_renewed_once_and_the_call_repeated(alice: Any) -> None:
    asked: list[str] = []
    expired = expired_token(alice)

    def renew(refused: str) -> str:
        asked.append(refused)
        return str(alice.access_token)

    async def call() -> Any:
        supabase = Supabase(expired, renew=renew)
        try:
            return await supabase.async_safe_rpc_call(WHO)
        finally:
            await supabase.aclose()

    assert Supabase(expired, renew=renew).safe_rpc_call(WHO) == []
    assert asyncio.run(call()) == []
    assert asked == [expired, expired]


def test_token_that_is_still_expired_after_renewal_is_an_error(alice: Any) -> None:
    expired = expired_token(alice)

    with pytest.raises(TokenExpired):
        Supabase(expired, renew=lambda refused: expired).safe_rpc_call(WHO)


def test_expired_token_without_renewal_asks_to_sign_in(alice: Any) -> None:
    with pytest.raises(SignInRequired):
        Supabase(expired_token(alice)).safe_rpc_call(WHO)


def test_token_is_asked_for_at_every_call(people: Any) -> None:
    tokens = [people.alice.access_token, people.bob.access_token]
    supabase = Supabase(lambda: tokens[0])
    supabase.safe_rpc_call(WHO)

    tokens.pop(0)

    assert supabase.client.options.headers["Authorization"] == f"Bearer {tokens[0]}"


def test_calls_run_side_by_side_in_one_loop(alice: Any) -> None:
    async def gather() -> list[Any]:
        supabase = Supabase(lambda: str(alice.access_token))
        try:
            return await asyncio.gather(*(supabase.async_safe_rpc_call(WHO) for _ in range(20)))
        finally:
            await supabase.aclose()

    assert asyncio.run(gather()) == [[]] * 20


def test_async_clients_are_closed_with_aclose(alice: Any) -> None:
    async def use() -> httpx.AsyncClient:
        supabase = Supabase(alice.access_token)
        http = (await supabase.async_client).options.httpx_client
        assert http is not None
        assert not http.is_closed
        await supabase.aclose()
        return http

    assert asyncio.run(use()).is_closed


def test_async_clients_left_open_are_closed_when_their_loop_ends(alice: Any) -> None:
    supabase = Supabase(alice.access_token)

    async def use() -> Any:
        await supabase.async_safe_rpc_call(WHO)
        return (await supabase.async_client).options.httpx_client

    assert asyncio.run(use()).is_closed


def test_one_supabase_serves_several_loops_in_turn(alice: Any) -> None:
    supabase = Supabase(alice.access_token)

    assert [asyncio.run(supabase.async_safe_rpc_call(WHO)) for _ in range(2)] == [[], []]


def test_service_role_calls_by_its_own_key(alice: Any) -> None:
    supabase = Supabase(alice.access_token)
    parameters = {"p_table_name": "no_such_table", "p_user_id": str(alice.user.id)}

    with pytest.raises(Forbidden):
        supabase.safe_rpc_call("drop_data_table", parameters)
    assert supabase.safe_rpc_call("drop_data_table", parameters, service_role=True) is False
    as_service = supabase.async_safe_rpc_call("drop_data_table", parameters, service_role=True)
    assert asyncio.run(as_service) is False


@pytest.mark.parametrize("status", [500, 502, 503, 520])
def test_supabase_in_trouble_is_unavailable(alice: Any, settings: Any, status: int) -> None:
    with answering(settings, say(status, "<html>Bad gateway</html>")):
        with pytest.raises(Unavailable, match="does not answer"):
            Supabase(alice.access_token).safe_rpc_call(WHO)
        with pytest.raises(Unavailable):
            auth.sign_in(alice.email, alice.password)
        with pytest.raises(Unavailable):
            auth.refresh("token")


def test_page_in_the_place_of_json_is_unavailable(alice: Any, settings: Any) -> None:
    with answering(settings, say(200, "<html>Sign in to the hotel's network</html>")):
        with pytest.raises(Unavailable):
            auth.sign_in(alice.email, alice.password)
        with pytest.raises(Unavailable):
            auth.refresh("token")


def test_slow_supabase_is_unavailable(alice: Any, settings: Any) -> None:
    import threading

    settings.FAIRDB_SUPABASE_TIMEOUT = 0.2
    patience = threading.Event()
    with answering(settings, lambda handler: patience.wait(10)):
        with pytest.raises(Unavailable):
            Supabase(alice.access_token).safe_rpc_call(WHO)
        with pytest.raises(Unavailable):
            auth.sign_in(alice.email, alice.password)
        patience.set()


def test_wrong_api_key_signs_nobody_out(alice: Any, settings: Any) -> None:
    body = '{"message":"Invalid API key","hint":"Double check your key."}'
    with answering(settings, say(401, body, "application/json")), pytest.raises(Unavailable):
        auth.refresh("token")
