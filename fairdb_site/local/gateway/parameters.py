"""JSON bodies of the account endpoints, read field by field with their types checked."""

import json
import math
import re
from dataclasses import dataclass
from typing import Any

from fairdb_site.local.gateway.messages import Call, GatewayError, auth_error

MAX_EMAIL = 255
MAX_METADATA_BYTES = 16_384  # metadata travels in every access token, and tokens in headers
_MAX_BAN_SECONDS = 290 * 365 * 86_400  # Go's durations, which GoTrue reads, end at 292 years

# "valid e-mail address" of the HTML standard, which GoTrue's check follows too
_LABEL = r"[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?"
_EMAIL = re.compile(rf"[a-zA-Z0-9.!#$%&'*+/=?^_`{{|}}~-]+@{_LABEL}(?:\.{_LABEL})*")
_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_DURATION_PART = re.compile(r"(\d+(?:\.\d*)?)(ns|us|µs|ms|s|m|h)")


@dataclass(frozen=True)
class Parameters:
    """The fields of one body; null and absent are the same, as GoTrue reads them."""

    values: dict[str, Any]

    def text(self, name: str) -> str:
        """Return a string field, or the empty string."""
        return str(self._typed(name, str) or "")

    def flag(self, name: str) -> bool:
        """Return a boolean field, or False."""
        return bool(self._typed(name, bool))

    def mapping(self, name: str) -> dict[str, Any] | None:
        """Return an object field, or None."""
        value = self._typed(name, dict)
        return value if isinstance(value, dict) else None

    def email(self, name: str = "email") -> str:
        """Return an address in lower case; 400 where it is missing or is none."""
        email = self.text(name).lower()
        if len(email) > MAX_EMAIL:
            raise invalid("An email address is too long")
        if not _EMAIL.fullmatch(email):
            raise invalid("Unable to validate email address: invalid format")
        return email

    def ban_seconds(self) -> float | None:
        """Return `ban_duration` in seconds, 0 to lift a ban, None where it is not asked for."""
        text = self.text("ban_duration")
        if text in ("", "none"):
            return 0 if text else None
        if not re.fullmatch(f"(?:{_DURATION_PART.pattern})+", text):
            raise invalid(f"invalid format for ban duration: {text[:40]!r}")
        seconds = math.fsum(
            float(number) * _UNITS[unit] for number, unit in _DURATION_PART.findall(text)
        )
        if seconds > _MAX_BAN_SECONDS:
            raise invalid("invalid format for ban duration: too long")
        return seconds

    def _typed(self, name: str, kind: type) -> Any:
        value = self.values.get(name)
        if value is not None and not isinstance(value, kind):
            raise _bad_json(f"{name} must be a JSON {_KINDS[kind]}")
        return value


_KINDS = {str: "string", bool: "boolean", dict: "object"}


def read_parameters(call: Call) -> Parameters:
    """Return the JSON object in the body of `call`; 400 where there is none."""
    try:
        values = json.loads(call.body or b"{}", parse_constant=_refuse_constant)
        # what PostgreSQL's text and jsonb cannot hold: NUL characters and lone surrogates
        storable = "\0" not in "".join(_strings(values))
        json.dumps(values, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        raise _bad_json("it is not valid JSON") from None
    if not isinstance(values, dict):
        raise _bad_json("it is not an object")
    if not storable:
        raise _bad_json("it holds a NUL character")
    return Parameters(values)


def merge_metadata(old: dict[str, Any] | None, new: dict[str, Any] | None) -> dict[str, Any]:
    """Return `old` with the keys of `new` put over it; a null takes its key away."""
    merged = {key: value for key, value in ((old or {}) | (new or {})).items() if value is not None}
    if len(json.dumps(merged)) > MAX_METADATA_BYTES:
        raise invalid(f"Metadata is limited to {MAX_METADATA_BYTES} bytes")
    return merged


def invalid(message: str) -> GatewayError:
    """Return GoTrue's answer to a field that does not hold."""
    return auth_error(400, "validation_failed", message)


def _bad_json(reason: str) -> GatewayError:
    return auth_error(400, "bad_json", f"Could not parse request body as JSON: {reason}")


def _refuse_constant(name: str) -> None:
    raise ValueError(name)


def _strings(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return [text for key, item in value.items() for text in (key, *_strings(item))]
    if isinstance(value, list):
        return [text for item in value for text in _strings(item)]
    return []
