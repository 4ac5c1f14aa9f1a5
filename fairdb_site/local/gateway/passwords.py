"""Passwords: Argon2id hashes, and a check that takes as long for nobody as for somebody."""

import threading

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from fairdb_site.local.gateway.messages import API_VERSION, GatewayError, json_reply
from fairdb_site.local.gateway.parameters import invalid

MIN_LENGTH = 6  # GoTrue's default
MAX_BYTES = 72  # GoTrue's limit; Argon2 has none, but what works here should work there
_AT_ONCE = 4


class Passwords:
    """Hashes with the parameters of OWASP's cheat sheet (19 MiB, 2 passes, 1 lane)."""

    def __init__(self) -> None:
        self._hasher = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
        self._nobody = self._hasher.hash("nobody has this password")
        self._room = threading.BoundedSemaphore(_AT_ONCE)  # each check takes its memory

    def hash(self, password: str) -> str:
        """Return the hash to store."""
        with self._room:
            return self._hasher.hash(password)

    def matches(self, stored: str | None, password: str) -> bool:
        """Whether `password` is the one behind `stored`; None is somebody who has none."""
        with self._room:
            try:
                return self._hasher.verify(stored or self._nobody, password) and bool(stored)
            except (VerificationError, InvalidHashError):
                return False


def check_strength(password: str) -> None:
    """Refuse a password that GoTrue's defaults would refuse."""
    if len(password.encode()) > MAX_BYTES:
        raise invalid(f"Password cannot be longer than {MAX_BYTES} characters")
    if len(password) < MIN_LENGTH:
        body = {
            "code": "weak_password",
            "message": f"Password should be at least {MIN_LENGTH} characters.",
            "weak_password": {"reasons": ["length"]},
        }
        raise GatewayError(json_reply(422, body, (API_VERSION,)))
