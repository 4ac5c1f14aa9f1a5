"""What other apps hold of an account: they say what it is, hand it out, drop it with the account.

Accounts know no datasets; an app registers its holding when it starts (`AppConfig.ready`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol
from uuid import UUID

from django.http import HttpRequest

from fairdb_site.archives import ArchivedFile


class Holding(Protocol):
    """All that one app holds of accounts."""

    def summary(self, account: UUID) -> str:
        """Return in words what would go with an account, "" for nothing."""

    def storage(self, account: UUID) -> str:
        """Return in words what room it takes."""

    def listed_at(self, account: UUID) -> str:
        """Return the address in the administration where it is listed."""

    def files(self, account: UUID, request: HttpRequest) -> Iterator[ArchivedFile]:
        """Yield all of it as files for the account's owner, who asked for them by the request.

        Each is written before the next is asked for. What others may not see is not in them, nor
        any secret; what has to be on record of it is put there.
        """

    def contents(self) -> str:
        """Return what these files are, in plain words, for the README beside them."""

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
