"""API keys and access tokens: who is calling, proven."""

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from jwt.algorithms import ECAlgorithm

from fairdb_site.local.gateway.config import GatewayConfig
from fairdb_site.local.gateway.messages import Call, GatewayError, json_reply

AUDIENCE = "authenticated"
_LEEWAY_SECONDS = 30  # the clock skew that PostgREST allows
_KEY_HINT = "Double check your Supabase `anon` or `service_role` API key."


@dataclass(frozen=True)
class Caller:
    """Who calls: the database role and the verified claims; an API key has no `sub`."""

    role: str
    claims: Mapping[str, Any] = field(repr=False)


class TokenError(Exception):
    """A bearer token that does not hold, with the code PostgREST has for the reason."""

    def __init__(self, code: str, message: str, details: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.details = details


class Keys:
    """The project's two API keys and its signing key; one algorithm, never the token's choice."""

    def __init__(self, config: GatewayConfig) -> None:
        self._roles = {config.publishable_key: "anon", config.secret_key: "service_role"}
        self._algorithm = config.algorithm
        self._issuer = config.issuer
        self._headers: dict[str, str] = {}
        self.jwks: dict[str, list[dict[str, Any]]] = {"keys": []}
        self._signing: Any = config.hs256_secret
        self._verifying: Any = config.hs256_secret
        if config.algorithm == "ES256":
            private = load_pem_private_key(config.signing_key_pem.encode(), password=None)
            if not isinstance(private, EllipticCurvePrivateKey):
                raise ValueError("signing_key_pem must hold a P-256 key for ES256.")
            self._signing, self._verifying = private, private.public_key()
            self._publish(self._verifying)

    def _publish(self, public: Any) -> None:
        key = ECAlgorithm.to_jwk(public, as_dict=True)
        # RFC 7638: the thumbprint is over the required members, sorted, without white space
        members = json.dumps({name: key[name] for name in ("crv", "kty", "x", "y")})
        thumbprint = hashlib.sha256(members.replace(" ", "").encode()).hexdigest()
        self._headers = {"kid": thumbprint[:32]}
        self.jwks["keys"].append(
            {**key, **self._headers, "alg": self._algorithm, "use": "sig", "key_ops": ["verify"]}
        )

    def key_role(self, headers: Mapping[str, str]) -> str:
        """Return the role of a request's API key; 401 where it has none or a wrong one."""
        given = headers.get("apikey")
        if not given:
            hint = "No `apikey` request header or url param was found."
            raise _no_key("No API key found in request", hint)
        for key, role in self._roles.items():
            if hmac.compare_digest(given.encode(), key.encode()):
                return role
        raise _no_key("Invalid API key", _KEY_HINT)

    def caller(self, call: Call) -> Caller:
        """Return who calls: the bearer token's role, else the API key's. Raises TokenError."""
        role = self.key_role(call.headers)
        token = call.bearer
        # supabase-py sends its API key as bearer token too while nobody is signed in
        if token is None or token == call.headers["apikey"]:
            return Caller(role, {"role": role})
        claims = self.verify(token)
        return Caller(str(claims.get("role") or "anon"), claims)

    def sign(self, claims: Mapping[str, Any]) -> str:
        """Return an access token that carries `claims`."""
        return jwt.encode(dict(claims), self._signing, self._algorithm, headers=self._headers)

    def verify(self, token: str) -> dict[str, Any]:
        """Return the claims of an access token of ours that is still good. Raises TokenError."""
        if not token:
            raise TokenError("PGRST301", "Empty JWT is sent in Authorization header")
        if (parts := token.count(".") + 1) != 3:  # RFC 7515: header, payload, signature
            raise TokenError("PGRST301", f"Expected 3 parts in JWT; got {parts}")
        try:
            return jwt.decode(
                token,
                self._verifying,
                algorithms=[self._algorithm],
                audience=AUDIENCE,
                issuer=self._issuer,
                leeway=_LEEWAY_SECONDS,
                options={"require": ["exp", "aud", "iss"]},
            )
        except (jwt.PyJWTError, ValueError, TypeError, RecursionError) as error:
            raise _token_error(error) from None


_TOKEN_ERRORS: tuple[tuple[type[Exception], str, str], ...] = (
    (jwt.ExpiredSignatureError, "PGRST303", "JWT expired"),
    (jwt.InvalidAudienceError, "PGRST303", "JWT not in audience"),
    (jwt.InvalidIssuerError, "PGRST303", "JWT not of this issuer"),
    (jwt.ImmatureSignatureError, "PGRST303", "JWT not yet valid"),
    (jwt.InvalidIssuedAtError, "PGRST303", "JWT issued at future"),
    (jwt.MissingRequiredClaimError, "PGRST303", "Parsing claims failed"),
    (jwt.InvalidAlgorithmError, "PGRST301", "Wrong or unsupported encoding algorithm"),
)


def _token_error(error: Exception) -> TokenError:
    for kind, code, message in _TOKEN_ERRORS:
        if isinstance(error, kind):
            return TokenError(code, message)
    details = "None of the keys was able to decode the JWT"
    return TokenError("PGRST301", "No suitable key or wrong key type", details)


def _no_key(message: str, hint: str) -> GatewayError:
    return GatewayError(json_reply(401, {"message": message, "hint": hint}))
