"""Whether a table meets its owner's thresholds, and by which figure it misses."""

from dataclasses import dataclass
from typing import Literal

from fairdb_site.errors import Refused


@dataclass(frozen=True)
class Thresholds:
    """At least `k` rows a class and `l` values in it, at most `t` and `risk` (shares, 0..1).

    Raises Refused for thresholds out of range. A class of 5, a risk of one in 5, is the commonest
    rule of cell sizes (El Emam 2013, chapter 16); 2 values and 0.5 are those of the P29 score.
    """

    k: int = 5
    l: int = 2  # noqa: E741  (the model's own letter)
    t: float = 0.5
    risk: float = 0.2

    def __post_init__(self) -> None:
        for name, value in (("k", self.k), ("l", self.l)):
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise Refused(f"The threshold {name} is a whole number of 1 or above.", option=name)
        if not 0 <= self.t <= 1:  # NaN too
            raise Refused("The threshold t is a number from 0 to 1.", option="t")
        if not 0 < self.risk <= 1:
            raise Refused("The threshold risk is a number above 0, at most 1.", option="risk")


@dataclass(frozen=True)
class Check:
    """One threshold beside what was found; `over` says of what, `column` of which sensitive one."""

    measure: Literal["k", "l", "t", "risk"]
    found: float
    threshold: float
    held: bool
    over: Literal["rows", "persons"] = "rows"
    column: str | None = None
