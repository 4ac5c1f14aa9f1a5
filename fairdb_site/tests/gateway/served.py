"""A gateway inside the test process, on a port of its own, and raw requests to it."""

import contextlib
import json
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from unittest.mock import patch
from uuid import uuid4

import httpx
import psycopg2
from argon2 import PasswordHasher

from fairdb_site.local.gateway import users
from fairdb_site.local.gateway.__main__ import make_server
from fairdb_site.local.gateway.config import GatewayConfig
from fairdb_site.local.state import SUPERUSER, LocalState

DATABASE = "gateway_tests"  # on the cluster of the whole run


@dataclass(frozen=True)
class Session:
    """A signed-in account."""

    id: str
    email: str
    password: str
    access_token: str
    refresh_token: str


@dataclass(frozen=True)
class Served:
    """A gateway that answers, and its database."""

    config: GatewayConfig
    http: httpx.Client
    database: str = field(repr=False)  # libpq URL of the superuser

    def request(
        self,
        method: str,
        path: str,
        *,
        key: str | None = None,
        token: str | None = None,
        **more: Any,
    ) -> httpx.Response:
        """Send a request with an API key (the publishable one unless told) and a bearer token."""
        key = self.config.publishable_key if key is None else key
        headers = {"apikey": key, "authorization": f"Bearer {token or key}"}
        headers |= more.pop("headers", {})
        return self.http.request(method, path, headers=headers, **more)

    def rpc(self, name: str, body: Any = None, **more: Any) -> httpx.Response:
        """Call a function by POST."""
        return self.request("POST", f"/rest/v1/rpc/{name}", json=body or {}, **more)

    def admin(self, method: str, path: str, body: Any = None) -> httpx.Response:
        """Ask an admin endpoint with the secret key."""
        more = {} if body is None else {"json": body}
        key = self.config.secret_key
        return self.request(method, f"/auth/v1{path}", key=key, **more)

    def auth(self, path: str, body: Any, **more: Any) -> httpx.Response:
        """Post to an account endpoint."""
        return self.request("POST", f"/auth/v1{path}", json=body, **more)

    def sign_up(self, **more: Any) -> Session:
        """Make an account with an address of its own and sign it in."""
        body = {"email": f"{uuid4().hex}@example.org", "password": "a password", **more}
        answer = self.auth("/signup", body).json()
        return Session(
            answer["user"]["id"],
            body["email"],
            body["password"],
            answer["access_token"],
            answer["refresh_token"],
        )

    def refresh(self, token: str) -> httpx.Response:
        """Swap a refresh token."""
        return self.auth("/token?grant_type=refresh_token", {"refresh_token": token})

    def sign_in(self, email: str, password: str) -> httpx.Response:
        """Sign in with a password."""
        return self.auth("/token?grant_type=password", {"email": email, "password": password})

    def mails(self, to: str) -> list[dict[str, Any]]:
        """Return the mails to an address, oldest first."""
        files = sorted(Path(self.config.outbox).glob("*.json"))
        mails = [json.loads(file.read_text()) for file in files]
        return [mail for mail in mails if mail["to"] == to]

    def sql(self, statement: str, *values: Any) -> list[Any]:
        """Run a statement as the superuser."""
        connection = psycopg2.connect(self.database)
        try:
            with connection, connection.cursor() as cursor:
                cursor.execute(statement, values)
                return list(cursor.fetchall()) if cursor.description else []
        finally:
            connection.close()


@contextlib.contextmanager
def cheap_passwords() -> Iterator[None]:
    """Let gateways of this process hash with Argon2's lowest cost: most time goes there else."""
    cheap = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    with (
        patch.object(users, "_HASHER", cheap),
        patch.object(users, "_NOBODYS", cheap.hash("nobody has this password")),
    ):
        yield


@contextlib.contextmanager
def serve(state: LocalState, database: str, outbox: Path, **changes: Any) -> Iterator[Served]:
    """Serve a gateway of this database, changed as told, from a thread of this process."""
    # the protocol is named, else asyncio leaves Nagle's algorithm on: 40 ms an answer
    with cheap_passwords(), socket.socket(proto=socket.IPPROTO_TCP) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()  # else who asks before the thread runs is refused
        config = replace(
            GatewayConfig(
                port=listener.getsockname()[1],
                authenticator_dsn=state.database_url("authenticator", database),
                auth_admin_dsn=state.database_url("supabase_auth_admin", database),
                publishable_key=state.publishable_key,
                secret_key=state.secret_key,
                signing_key_pem=state.signing_key_pem,
                hs256_secret=state.hs256_secret,
                outbox=str(outbox),
                site_url="http://127.0.0.1:8000",
            ),
            **changes,
        )
        server = make_server(config)
        thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
        thread.start()
        try:
            with httpx.Client(base_url=config.url, timeout=30) as client:
                assert client.get("/auth/v1/health").status_code == 200
                yield Served(config, client, state.database_url(SUPERUSER, database))
        finally:
            server.should_exit = True
            thread.join(10)
