"""One request as the handlers see it, and one answer."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Headers = tuple[tuple[str, str], ...]
JSON_TYPE = "application/json; charset=utf-8"
API_VERSION = ("X-Supabase-Api-Version", "2024-01-01")  # errors carry `code`, read by clients


@dataclass(frozen=True)
class Call:
    """A request, read whole; header names are lower case, the first of duplicates counts."""

    method: str
    path: str
    query: Headers
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)

    def argument(self, name: str, default: str = "") -> str:
        """Return the last value of a query argument."""
        return next((value for key, value in reversed(self.query) if key == name), default)

    @property
    def bearer(self) -> str | None:
        """The token of the Authorization header; None where there is no bearer token at all."""
        scheme, _, token = self.headers.get("authorization", "").partition(" ")
        return token.strip() if scheme.lower() == "bearer" else None


@dataclass(frozen=True)
class Reply:
    """An answer: status, bytes, and headers beside length and type."""

    status: int
    body: bytes = b""
    headers: Headers = ()


class GatewayError(Exception):
    """An answer that ends a request early; `keep` commits what the transaction did so far."""

    def __init__(self, reply: Reply, *, keep: bool = False) -> None:
        super().__init__(str(reply.status))
        self.reply = reply
        self.keep = keep


def json_reply(status: int, value: Any, headers: Headers = ()) -> Reply:
    """Return `value` as a JSON answer."""
    body = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    # a lone surrogate cannot be sent; it is echoed as a question mark
    return Reply(status, body.encode("utf-8", "replace"), (("Content-Type", JSON_TYPE), *headers))


def auth_error(status: int, code: str, message: str, *, keep: bool = False) -> GatewayError:
    """Return an error in the form of GoTrue's API version 2024-01-01."""
    body = {"code": code, "message": message}
    return GatewayError(json_reply(status, body, (API_VERSION,)), keep=keep)


def rest_error(
    status: int,
    code: str,
    message: str,
    details: str | None = None,
    *,
    hint: str | None = None,
    headers: Headers = (),
) -> GatewayError:
    """Return an error in the form of PostgREST."""
    body = {"code": code, "message": message, "details": details, "hint": hint}
    source = ("Proxy-Status", f"PostgREST; error={code}")
    return GatewayError(json_reply(status, body, (source, *headers)))


def not_supported(details: str) -> GatewayError:
    """Return the answer to what a hosted project does and this gateway does not."""
    return rest_error(501, "PGRST127", "Feature not implemented", details)
