"""The server talks to Supabase and to its database, and to nobody else."""

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import psycopg2
import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client

from accounts.tests.doors import sign_in
from conftest import make_person
from datasets.tests.loading.queue import load_by_page
from fairdb_site.health import readiness
from fairdb_site.supabase import clients
from fairdb_site.supabase.tokens import signing_keys


@contextmanager
def destinations(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[set[Any], set[Any]]]:
    """Give the places connected or looked up by sockets, and the hosts of databases, meanwhile.

    Not by an audit hook: it cannot be taken away again, and a hook in Python lets a thread that
    begins under coverage fail (CPython 3.11 refuses `sys.settrace` in two threads at one moment),
    so that what waits for that thread waits for ever.
    """
    places: set[Any] = set()
    databases: set[Any] = set()
    connect = psycopg2.connect

    def heard(patch: pytest.MonkeyPatch, of: Any, name: str, place: Callable[..., Any]) -> None:
        called = getattr(of, name)

        def call(*args: Any, **kwargs: Any) -> Any:
            places.add(place(*args))
            return called(*args, **kwargs)

        patch.setattr(of, name, call)

    def connected(*args: Any, **kwargs: Any) -> Any:  # libpq's sockets are no sockets of Python's
        opened = connect(*args, **kwargs)
        databases.add((opened.info.host, opened.info.dbname))
        return opened

    with monkeypatch.context() as patch:
        for name in ["connect", "connect_ex"]:
            heard(patch, socket.socket, name, lambda _, address: address)
        heard(patch, socket.socket, "sendto", lambda _, *sent: sent[-1])
        heard(patch, socket, "getaddrinfo", lambda host, port, *_: (host, port))
        patch.setattr(psycopg2, "connect", connected)
        yield places, databases


def test_whole_journey_leads_to_supabase_and_the_database_alone(
    db_ready: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    carol = make_person("carol", staff=True)
    connection.close()
    clients._shared_pool.cache_clear()  # connections that are open already would not be heard
    clients._shared_transport.cache_clear()
    signing_keys.forget()
    readiness.forget()

    with destinations(monkeypatch) as (places, databases):
        journey(carol)

    supabase = urlsplit(settings.SUPABASE_URL)
    host, port = supabase.hostname, supabase.port
    assert places == {(host, port)}
    of_ours = connection.settings_dict
    assert databases == {(of_ours["HOST"], of_ours["NAME"])}


def journey(staff: Any) -> None:
    """Register, load, read, link back, delete and leave; then look in as staff."""
    browser = Client()
    email, password = f"new-{uuid4().hex}@example.org", "a long walk by the sea"
    new = {"email": email, "password": password, "password_again": password}
    assert browser.post("/accounts/register/", new).status_code == 302
    browser.post("/accounts/sign-out/")
    known = {"email": email, "password": password}
    assert browser.post("/accounts/sign-in/", known).status_code == 302
    file = SimpleUploadedFile("t.csv", b"id,age\nP1,34\nP2,51\n")
    loaded = load_by_page(browser, {"file": file, "title": "t", "id_column": "id"})
    dataset = loaded["Location"].removesuffix("receipt/")
    pages = ["", "columns/", "choose/", "receipt/", "activity/", "export/", "describe/", "delete/"]
    for path in ["/", "/dashboard/", "/datasets/", "/search/?q=age", "/readyz"]:
        assert browser.get(path).status_code == 200
    for page in pages:
        assert browser.get(f"{dataset}{page}").status_code == 200
    assert browser.post("/pseudonyms/", {"ids": "P1"}).status_code == 200
    assert browser.post(f"{dataset}delete/", {"name": "t"}).status_code == 302

    office = sign_in(staff)
    for path in ["/admin/", "/admin/accounts/user/", "/admin/accounts/auditevent/"]:
        assert office.get(path).status_code == 200
