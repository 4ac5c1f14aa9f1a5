"""A probe is told whether the process lives and whether it can work, and nothing else."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from accounts.tests.doors import sign_in
from fairdb_site.health import Readiness, readiness
from fairdb_site.tests.supabase_servers import answering
from fairdb_site.tests.test_outages import database_away

READY = {
    "status": "ok",
    "database": "ok",
    "migrations": "ok",
    "accounts": "ok",
    "signing_keys": "ok",
}


@pytest.fixture(autouse=True)
def _looked_at_anew(db_ready: None) -> Iterator[None]:
    readiness.forget()
    yield
    readiness.forget()


def test_living_process_says_so_without_the_database_and_without_supabase(settings: Any) -> None:
    settings.SUPABASE_URL = "http://127.0.0.1:1"
    with database_away():
        answer = Client().get("/healthz")

    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


def test_nor_does_a_visitors_session_matter(alice: Any) -> None:
    browser = sign_in(alice)
    with database_away():
        answer = browser.get("/healthz")

    assert answer.status_code == 200
    assert not answer.cookies


def test_ready_process_says_so_part_by_part() -> None:
    answer = Client().get("/readyz")

    assert (answer.status_code, answer.json()) == (200, READY)
    assert answer["Cache-Control"] == "no-store"
    assert not answer.cookies


def test_without_the_database_it_is_not_ready() -> None:
    with database_away():
        answer = Client().get("/readyz")

    assert answer.status_code == 503
    assert answer.json() == READY | dict.fromkeys(("status", "database", "migrations"), "failed")


def test_without_a_migration_it_is_not_ready() -> None:
    newest = "(select max(name) from django_migrations where app = 'accounts')"
    with connection.cursor() as cursor:
        cursor.execute(f"update django_migrations set app = 'elsewhere' where name = {newest}")
    try:
        answer = Client().get("/readyz")
    finally:
        with connection.cursor() as cursor:
            cursor.execute("update django_migrations set app = 'accounts' where app = 'elsewhere'")

    assert answer.status_code == 503
    assert answer.json() == READY | dict.fromkeys(("status", "migrations"), "failed")


def test_without_supabase_it_is_not_ready(settings: Any) -> None:
    settings.SUPABASE_URL = "http://127.0.0.1:1"
    assert Client().get("/readyz").json() == READY | dict.fromkeys(
        ("status", "accounts", "signing_keys"), "failed"
    )


def test_supabase_that_answers_in_errors_does_not_count(settings: Any) -> None:
    with answering(settings, lambda server: server.send_error(500)) as asked:
        answer = Client().get("/readyz")

    assert asked == ["/auth/v1/health", "/auth/v1/.well-known/jwks.json"]
    assert answer.json()["accounts"] == answer.json()["signing_keys"] == "failed"


def test_whoever_asks_often_has_nothing_looked_at_again() -> None:
    looks: list[None] = []

    def look() -> dict[str, bool]:
        looks.append(None)
        assert not asked.parts().get("looked", True)  # meanwhile others are told what was known
        return {"database": True}

    asked = Readiness(look)

    assert [asked.parts() for _ in range(50)] == [{"database": True}] * 50
    assert len(looks) == 1


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_probe_comes_by_any_name_and_without_tls(settings: Any, path: str) -> None:
    settings.SECURE_SSL_REDIRECT = True
    settings.ALLOWED_HOSTS = ["fairdb.example.org"]

    answer = Client().get(path, headers={"host": "10.1.2.3:8000"})

    assert answer.status_code == 200


def test_only_a_question_is_answered() -> None:
    assert Client().post("/healthz").status_code == 405
    assert Client().head("/readyz").status_code == 200
