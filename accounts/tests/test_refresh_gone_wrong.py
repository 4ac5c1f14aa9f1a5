"""A refresh that Supabase does not answer as it should: the page says so, the session lives."""

import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from django.test import Client
from django.utils import timezone

from accounts.models import SupabaseSession
from accounts.sessions import STILL_SIGNED_IN
from accounts.tests.doors import (
    give_expired_token,
    let_it_expire,
    let_it_nearly_expire,
    refreshes_of,
    row_of,
    sign_in,
    tokens_of,
)
from fairdb_site.tests.supabase_servers import (
    Answer,
    another_gateway,
    answering,
    hang_up,
    pass_on,
    point_at,
    say,
)

DATA, NO_DATA = "/probe/tables/", "/probe/page/"
REFRESH = "/auth/v1/token?grant_type=refresh_token"
AWAY = "http://127.0.0.1:9"  # the discard port: nothing listens there
ANSWERS: dict[str, Answer] = {
    "500": say(500, "Internal Server Error"),
    "502 of a proxy": say(502, "<h1>Bad Gateway</h1>"),
    "503 in JSON": say(
        503, '{"code": 503, "error_code": "unexpected_failure"}', "application/json"
    ),
    "too many": say(429, '{"error_code": "over_request_rate_limit"}', "application/json"),
    "wrong key": say(401, '{"message": "Invalid API key"}', "application/json"),
    "page of a proxy": say(200, "<h1>Welcome</h1>"),
    "other JSON": say(200, "{}", "application/json"),
    "hung up": hang_up,
}


def as_if_time_went_by() -> None:
    """End the pause that follows a failure."""
    SupabaseSession.objects.update(refresh_failed_at=None)


@pytest.mark.parametrize("make_expired", [let_it_expire, give_expired_token])
@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
def test_page_says_so_and_the_session_lives(
    alice: Any, settings: Any, answer: Answer, make_expired: Callable[[SupabaseSession], object]
) -> None:
    client, home = sign_in(alice), settings.SUPABASE_URL
    make_expired(row_of(client))

    with answering(settings, refresh_answered(home, answer)) as asked:
        told = client.get(DATA)
        without_data = client.get(NO_DATA)
    point_at(settings, home)
    as_if_time_went_by()

    assert asked.count(REFRESH) == 1
    assert told.status_code == 503
    assert STILL_SIGNED_IN in told.content.decode()
    assert without_data.status_code == 200
    assert client.get(DATA).status_code == 200


def refresh_answered(home: str, answer: Answer) -> Answer:
    """Return an answer for `answering`: this one to a refresh, Supabase's own to all else."""
    else_ = pass_on(home)

    def either(handler: BaseHTTPRequestHandler) -> None:
        (answer if handler.path == REFRESH else else_)(handler)

    return either


@pytest.mark.parametrize("make_expired", [let_it_expire, give_expired_token])
@pytest.mark.parametrize("times", [1, 3])
def test_session_goes_on_after_answers_to_refreshes_were_lost(
    alice: Any, settings: Any, times: int, make_expired: Callable[[SupabaseSession], object]
) -> None:
    """Supabase has made the next tokens, we know but the ones before."""
    client, home = sign_in(alice), settings.SUPABASE_URL
    row = row_of(client)
    make_expired(row)

    with answering(settings, pass_on(home, lost=REFRESH)):
        for _ in range(times):
            told = client.get(DATA)
            assert (told.status_code, STILL_SIGNED_IN in told.content.decode()) == (503, True)
            as_if_time_went_by()
    point_at(settings, home)

    assert refreshes_of(row) == 1
    assert client.get(DATA).status_code == 200
    let_it_expire(row_of(client))
    assert client.get(DATA).status_code == 200


def test_session_lives_while_nothing_listens(alice: Any, settings: Any) -> None:
    client, home = sign_in(alice), settings.SUPABASE_URL
    let_it_expire(row_of(client))

    settings.SUPABASE_URL = AWAY
    told = client.get(DATA)
    without_data = client.get(NO_DATA)
    settings.SUPABASE_URL = home
    as_if_time_went_by()

    assert (told.status_code, STILL_SIGNED_IN in told.content.decode()) == (503, True)
    assert without_data.status_code == 200
    assert client.get(DATA).status_code == 200


def test_token_with_some_life_left_serves_while_supabase_is_away(alice: Any, settings: Any) -> None:
    client, home = sign_in(alice), settings.SUPABASE_URL
    let_it_nearly_expire(row_of(client))

    with answering(settings, refresh_answered(home, hang_up)) as asked:
        assert client.get(DATA).status_code == 200

    assert asked.count(REFRESH) == 1


def test_nobody_waits_again_right_after_supabase_failed_to_answer(
    alice: Any, settings: Any
) -> None:
    client = sign_in(alice)
    let_it_expire(row_of(client))

    with answering(settings, hang_up) as asked:
        answers = [client.get(DATA).status_code for _ in range(3)]

    assert answers == [503] * 3
    assert asked.count(REFRESH) == 1


def test_pause_begins_when_supabase_was_given_up_and_not_when_it_was_asked(
    alice: Any, settings: Any
) -> None:
    """Waiting may take longer than the pause: each of many requests would else wait in its turn."""
    settings.FAIRDB_SUPABASE_TIMEOUT = 0.2
    client = sign_in(alice)
    let_it_expire(row_of(client))
    asked_at, over = [], threading.Event()

    def silent(handler: BaseHTTPRequestHandler) -> None:
        asked_at.append(timezone.now())
        over.wait(30)

    with answering(settings, silent):
        told = client.get(DATA)
        over.set()

    assert (told.status_code, STILL_SIGNED_IN in told.content.decode()) == (503, True)
    failed_at = row_of(client).refresh_failed_at
    assert failed_at is not None
    assert failed_at > asked_at[0]


def test_session_goes_on_while_the_signing_key_is_rotated(
    alice: Any, settings: Any, tmp_path: Path
) -> None:
    before, after = new_key(), new_key()
    with another_gateway(settings, tmp_path, signing_key_pem=before) as gateway:
        client = sign_in(alice)
    both = {"signing_key_pem": after, "former_signing_key_pem": before}

    with another_gateway(settings, tmp_path, port=gateway.port, **both):
        with_both = client.get(DATA).status_code, refreshes_of(row_of(client))
        old = kid_of(client)
    with another_gateway(settings, tmp_path, port=gateway.port, signing_key_pem=after):
        with_the_new = client.get(DATA).status_code, refreshes_of(row_of(client))

    assert with_both == (200, 0)
    assert with_the_new == (200, 1)
    assert kid_of(client) != old


def new_key() -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def kid_of(client: Client) -> str:
    return str(jwt.get_unverified_header(tokens_of(row_of(client))["access"])["kid"])
