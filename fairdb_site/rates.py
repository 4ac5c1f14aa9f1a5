"""How many tries in how long, as the settings FAIRDB_LIMIT_... say it: "pair=10/5m,address=off"."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

SCOPES = ("pair", "account", "address")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_RATE = re.compile(r"([1-9]\d{0,8})/([1-9]\d{0,4})([smhd])")

Rates = Mapping[str, "Rate | None"]
"""A rate for each scope that has one; None where it was switched off."""


@dataclass(frozen=True)
class Rate:
    """So many tries at once, of which one comes back each `every`."""

    tries: int
    period: timedelta

    @property
    def every(self) -> timedelta:
        """The time in which one try comes back."""
        return self.period / self.tries


def read_rates(text: str, default: str) -> Rates:
    """Read a setting over its default: scopes it does not name keep theirs, "off" is for all.

    Raises ValueError with a sentence that says how it is written.
    """
    if text.strip().lower() in {"off", "0"}:
        return {}
    rates = {scope: _rate(rate) for scope, rate in _named(default).items()}
    for scope, rate in _named(text).items():
        if scope not in rates:
            raise ValueError(f"it knows {', '.join(rates)}, not {scope!r}.")
        rates[scope] = _rate(rate)
    return rates


def _named(text: str) -> dict[str, str]:
    pieces = [piece.partition("=") for piece in text.split(",") if piece.strip()]
    return {scope.strip().lower(): rate.strip().lower() for scope, _, rate in pieces}


def _rate(text: str) -> Rate | None:
    if text in {"off", "0"}:
        return None
    found = _RATE.fullmatch(text)
    if found is None:
        raise ValueError(
            f"{text!r} is no rate. Write, for example, 10/5m for ten tries in five minutes (units "
            "s, m, h, d), or off."
        )
    tries, length, unit = found.groups()
    return Rate(int(tries), timedelta(**{_UNITS[unit]: int(length)}))
