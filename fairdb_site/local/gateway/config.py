"""What the gateway needs to know, as the file it is started with."""

import json
import os
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Self

_HOST = "127.0.0.1"
_ALGORITHMS = ("ES256", "HS256")
_MIN_SECRET_BYTES = 32  # RFC 7518, 3.2: an HS256 key is at least as long as the hash


@dataclass(frozen=True)
class GatewayConfig:
    """Everything that tells one gateway from another; holds secrets, so files are mode 0600."""

    host: str
    port: int
    authenticator_dsn: str = field(repr=False)
    auth_admin_dsn: str = field(repr=False)
    publishable_key: str
    secret_key: str = field(repr=False)
    signing_key_pem: str = field(repr=False)
    hs256_secret: str = field(repr=False)
    outbox: str
    site_url: str
    algorithm: str = "ES256"
    schemas: tuple[str, ...] = ("public",)
    extra_search_path: tuple[str, ...] = ("public", "extensions")
    max_rows: int = 1000  # hosted default
    autoconfirm: bool = True
    signup_enabled: bool = True
    token_seconds: int = 3600  # life of an access token, hosted default

    def __post_init__(self) -> None:
        """Refuse what would be unsafe or could not work."""
        if self.host != _HOST:
            raise ValueError(f"The gateway listens on {_HOST} only, not on {self.host}.")
        if self.algorithm not in _ALGORITHMS:
            raise ValueError(f"algorithm must be one of {', '.join(_ALGORITHMS)}.")
        if self.algorithm == "HS256" and len(self.hs256_secret.encode()) < _MIN_SECRET_BYTES:
            raise ValueError(f"hs256_secret must have at least {_MIN_SECRET_BYTES} bytes.")

    @property
    def url(self) -> str:
        """The address clients use as SUPABASE_URL."""
        return f"http://{self.host}:{self.port}"

    @property
    def issuer(self) -> str:
        """The `iss` claim of every access token."""
        return f"{self.url}/auth/v1"

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a file that `write` wrote; ValueError names what is missing or unknown."""
        values = json.loads(Path(path).read_text(encoding="utf-8"))
        known = {item.name for item in fields(cls)}
        if unknown := set(values) - known:
            raise ValueError(f"Unknown settings in {path}: {', '.join(sorted(unknown))}.")
        lists = {name: tuple(value) for name, value in values.items() if isinstance(value, list)}
        try:
            return cls(**{**values, **lists})
        except TypeError as error:
            raise ValueError(f"{path}: {error}") from None

    def write(self, path: Path) -> None:
        """Write the file, readable by this user only."""
        temporary = Path(f"{path}.new")
        temporary.unlink(missing_ok=True)
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(descriptor, "w", encoding="utf-8") as file:
            json.dump(asdict(self), file, indent=1)
        temporary.replace(path)
