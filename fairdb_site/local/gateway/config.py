"""What the gateway needs to know, as the file it is started with."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal, Self

from fairdb_site.local.state import write_private

HOST = "127.0.0.1"


@dataclass(frozen=True)
class GatewayConfig:
    """Everything that tells one gateway from another; `repr` shows no secret."""

    port: int
    authenticator_dsn: str = field(repr=False)
    auth_admin_dsn: str = field(repr=False)
    publishable_key: str
    secret_key: str = field(repr=False)
    signing_key_pem: str = field(repr=False)
    hs256_secret: str = field(repr=False)
    outbox: str
    site_url: str
    algorithm: Literal["ES256", "HS256"] = "ES256"
    autoconfirm: bool = True
    signup_enabled: bool = True
    # what a new password takes beside a session, as GoTrue's settings of these names ask for it
    current_password_required: bool = False
    reauthentication_required: bool = False
    # signs no more, but tokens it signed are good until they expire
    former_signing_key_pem: str | None = field(default=None, repr=False)

    @property
    def url(self) -> str:
        """The address clients use as SUPABASE_URL."""
        return f"http://{HOST}:{self.port}"

    @property
    def issuer(self) -> str:
        """The `iss` claim of every access token."""
        return f"{self.url}/auth/v1"

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a file that `write` wrote; TypeError names a setting that is missing or unknown."""
        return cls(**json.loads(path.read_text(encoding="utf-8")))

    def write(self, path: Path) -> None:
        """Write the file, readable by this user only."""
        write_private(path, json.dumps(asdict(self), indent=1))
