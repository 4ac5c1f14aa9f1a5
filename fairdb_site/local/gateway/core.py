"""The parts of one gateway, put together."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from fairdb_site.local.gateway.config import GatewayConfig
from fairdb_site.local.gateway.database import Pool
from fairdb_site.local.gateway.keys import Keys
from fairdb_site.local.gateway.outbox import Outbox
from fairdb_site.local.gateway.passwords import Passwords

# together well below the server's 200 connections, which Django and loads need too
_REST_CONNECTIONS = 24
_AUTH_CONNECTIONS = 8


@dataclass(frozen=True)
class Gateway:
    """What the handlers work with."""

    config: GatewayConfig
    keys: Keys
    passwords: Passwords
    outbox: Outbox
    rest: Pool
    auth: Pool

    @classmethod
    def build(cls, config: GatewayConfig) -> Self:
        """Return the gateway of `config`; connects to nothing yet."""
        return cls(
            config=config,
            keys=Keys(config),
            passwords=Passwords(),
            outbox=Outbox(Path(config.outbox), config.site_url),
            rest=Pool(config.authenticator_dsn, _REST_CONNECTIONS),
            auth=Pool(
                config.auth_admin_dsn, _AUTH_CONNECTIONS, lock_timeout="5s", statement_timeout="10s"
            ),
        )

    def close(self) -> None:
        """Let go of the connections."""
        self.rest.close()
        self.auth.close()


Row = dict[str, Any]  # a row of a table in schema auth, by column name
Cursor = Any  # psycopg2 has no types: a RealDictCursor inside a transaction
