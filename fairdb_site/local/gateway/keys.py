"""API keys and access tokens: who is calling, proven."""

import hmac
from collections.abc import Mapping
from typing import Any

import jwt
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from jwt.algorithms import ECAlgorithm

from fairdb_site.local.gateway.config import GatewayConfig

_LEEWAY_SECONDS = 30  # the clock skew that PostgREST allows


class TokenError(Exception):
    """A bearer token that does not hold, with the code PostgREST has for the reason."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Keys:
    """The project's two API keys and its signing keys; one algorithm, never the token's choice."""

    def __init__(self, config: GatewayConfig) -> None:
        self._roles = {config.publishable_key: "anon", config.secret_key: "service_role"}
        self._algorithm, self._issuer = config.algorithm, config.issuer
        self._signing: Any = config.hs256_secret
        self._verifying: dict[str, Any] = {"": config.hs256_secret}
        self._headers: dict[str, str] = {}
        self.jwks: dict[str, list[dict[str, Any]]] = {"keys": []}
        if config.algorithm == "ES256":
            self._verifying = {}
            # the one that signs comes last, and so is the one that stays
            for pem in filter(None, (config.former_signing_key_pem, config.signing_key_pem)):
                self._signing = load_pem_private_key(pem.encode(), password=None)
                public = self._signing.public_key()
                key = ECAlgorithm.to_jwk(public, as_dict=True)
                self._headers = {"kid": key["x"]}  # any name will do that no other key has
                self._verifying[key["x"]] = public
                self.jwks["keys"].append({**key, **self._headers, "alg": "ES256", "use": "sig"})

    def key_role(self, headers: Mapping[str, str]) -> str | None:
        """Return the role of a request's API key; None where it has none or a wrong one."""
        given = headers.get("apikey", "").encode()
        roles = (r for key, r in self._roles.items() if hmac.compare_digest(given, key.encode()))
        return next(roles, None)

    def caller(self, headers: Mapping[str, str]) -> dict[str, Any]:
        """Return the claims of who calls: the bearer token's, else the role of the API key.

        For a request whose API key is right. Raises TokenError.
        """
        token = bearer(headers)
        # supabase-py sends its API key as bearer token too while nobody is signed in
        if token is None or token == headers["apikey"]:
            return {"role": self.key_role(headers)}
        try:
            named = str(jwt.get_unverified_header(token).get("kid"))
            claims = jwt.decode(
                token,
                # of another name or of none: the one that signs now
                self._verifying.get(named) or self._verifying[self._headers.get("kid", "")],
                algorithms=[self._algorithm],
                audience="authenticated",
                issuer=self._issuer,
                leeway=_LEEWAY_SECONDS,
                options={"require": ["exp", "aud", "iss"]},
            )
        except jwt.ExpiredSignatureError:
            raise TokenError("PGRST303", "JWT expired") from None
        except (jwt.DecodeError, jwt.InvalidAlgorithmError, ValueError, RecursionError):
            raise TokenError("PGRST301", "No suitable key or wrong key type") from None
        except jwt.PyJWTError as error:  # it is ours, but a claim does not hold
            raise TokenError("PGRST303", f"JWT refused: {error}") from None
        return {**claims, "role": str(claims.get("role") or "anon")}

    def sign(self, claims: Mapping[str, Any]) -> str:
        """Return an access token that carries `claims`."""
        return jwt.encode(dict(claims), self._signing, self._algorithm, headers=self._headers)


def bearer(headers: Mapping[str, str]) -> str | None:
    """Return the token of the Authorization header; None where there is no bearer token at all."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None
