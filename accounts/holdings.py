"""What other apps hold of an account: they say what it is, and drop it with the account.

Accounts know no datasets; an app registers its holding when it starts (`AppConfig.ready`).
"""

from __future__ import annotations

from typing import Protocol
from uuid import UUID


class Holding(Protocol):
    """All that one app holds of accounts."""

    def summary(self, account: UUID) -> str:
        """Return in words what would go with an account, "" for nothing."""

    def storage(self, account: UUID) -> str:
        """Return in words what room it takes."""

    def listed_at(self, account: UUID) -> str:
        """Return the address in the administration where it is listed."""

    def hide(self, account: UUID) -> None:
        """Make all of it invisible, within the transaction that marks the account."""

    def drop(self, account: UUID) -> bool:
        """Drop what can be dropped now; return whether nothing is left."""


_registered: list[Holding] = []


def register(holding: Holding) -> None:
    """Have a holding counted in from now on."""
    _registered.append(holding)


def holdings() -> tuple[Holding, ...]:
    """Return all holdings."""
    return tuple(_registered)
