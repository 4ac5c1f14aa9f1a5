"""What a check says when something is not as it has to be."""

from collections.abc import Sequence
from dataclasses import dataclass

_NAMES_SHOWN = 5


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong on this installation, and how to mend it."""

    check: str
    problem: str
    mend: str


def names(found: Sequence[str]) -> str:
    """Return a few of the names, and how many more there are."""
    shown = ", ".join(sorted(found)[:_NAMES_SHOWN])
    more = len(found) - _NAMES_SHOWN
    return f"{shown} and {more} more" if more > 0 else shown
