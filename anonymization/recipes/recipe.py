"""What is done to a table to make it safe: columns and their changes, models, and the search."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, get_args

from anonymization.engine.problem import Models
from fairdb_site.errors import Refused
from privacy.chosen import Role

Missing = Literal["leave", "drop column", "drop rows", "mark"]
"""What becomes of missing values: nothing, or what holds them goes, or they are named."""

Method = Literal["full-domain", "mondrian", "enforce"]
"""What makes classes hold: a level for each column, classes of their own, or dropping rows."""

MOST_SECONDS: Final = 3600.0
"""The longest that a search may be asked to take."""


@dataclass(frozen=True)
class Mask:
    """Characters of a cell that are kept at its ends; each other one becomes `*`."""

    keep_first: int = 0
    keep_last: int = 0

    def __post_init__(self) -> None:
        if self.keep_first < 0 or self.keep_last < 0:
            raise Refused("A mask keeps 0 characters or more at each end.", option="mask")


@dataclass(frozen=True)
class Column:
    """What becomes of one column, in this order, by the name that reports call it.

    `missing`, with `mark` in their place; numbers below `bottom` and above `top` become these;
    `round_to` is the step that numbers are rounded to; then `mask`; `withhold` are values that
    become `*`. Of a quasi-identifier `hierarchy` says how it is generalized (None: as suggested),
    `levels` which levels the search may choose, and `weight` how much its loss counts.
    """

    name: str
    role: Role = "other"
    drop: bool = False
    missing: Missing = "leave"
    mark: str = "missing"
    bottom: float | None = None
    top: float | None = None
    round_to: float | None = None
    mask: Mask | None = None
    withhold: tuple[str, ...] = ()
    hierarchy: Mapping[str, Any] | None = None
    levels: tuple[int, int] | None = None
    weight: float = 1.0

    def __post_init__(self) -> None:
        self._require(self.role in get_args(Role), f"a role is one of {_listed(get_args(Role))}")
        ways = get_args(Missing)
        self._require(self.missing in ways, f"what becomes of missing values is {_listed(ways)}")
        for number in (self.bottom, self.top):
            self._require(number is None or math.isfinite(number), "a bound is a number")
        if self.bottom is not None and self.top is not None:
            self._require(self.bottom < self.top, "the bottom is below the top")
        if self.round_to is not None:
            fits = math.isfinite(self.round_to) and self.round_to > 0
            self._require(fits, "what it is rounded to is above 0")
        self._require(
            math.isfinite(self.weight) and 0 < self.weight <= 1000, "a weight is above 0, to 1000"
        )
        if self.levels is not None:
            least, most = self.levels
            self._require(0 <= least <= most, "levels are the lowest and the highest, from 0")

    @property
    def is_left_out(self) -> bool:
        """Whether the result has no such column: dropped, or it says who somebody is."""
        return self.drop or self.missing == "drop column" or self.role == "direct_identifier"

    def _require(self, fits: bool, rule: str) -> None:
        if not fits:
            raise Refused(f"Column {self.name}: {rule}.", option="recipe")


@dataclass(frozen=True)
class Search:
    """How the search goes: its method, the share (0..1) of rows it may suppress, how long it may.

    `refine` lowers the loss of Mondrian's classes further. After `seconds` the best so far counts.
    """

    method: Method = "full-domain"
    suppression_limit: float = 0.0
    refine: bool = True
    seconds: float = 60.0

    def __post_init__(self) -> None:
        if self.method not in get_args(Method):
            raise Refused(f"A method is {_listed(get_args(Method))}.", option="method")
        if not 0 <= self.suppression_limit <= 1:  # NaN too
            raise Refused(
                "The suppression limit is a share of the rows, from 0 to 1.",
                option="suppression_limit",
            )
        if not 0 < self.seconds <= MOST_SECONDS:
            raise Refused(
                f"A search takes more than 0 seconds, and {MOST_SECONDS:,.0f} at most.",
                option="seconds",
            )


@dataclass(frozen=True)
class Recipe:
    """All that is done to a table. The same recipe and seed give the same bytes of the same table.

    Without a `seed` rows are shuffled by what nobody can foresee.
    """

    models: Models
    columns: tuple[Column, ...]
    search: Search = field(default_factory=Search)
    title: str = ""
    seed: int | None = None

    def __post_init__(self) -> None:
        require_models(self.models)
        names = [column.name for column in self.columns]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise Refused(f"The recipe has two columns {twice}.", option="recipe")
        if self.seed is not None and not 0 <= self.seed < 1 << 63:
            raise Refused("A seed is a whole number from 0.", option="seed")

    @property
    def quasi_identifiers(self) -> tuple[Column, ...]:
        """The columns that are generalized."""
        return tuple(c for c in self.columns if c.role == "quasi_identifier" and not c.is_left_out)

    @property
    def sensitive(self) -> tuple[Column, ...]:
        """The columns that nobody should learn of a person."""
        return tuple(c for c in self.columns if c.role == "sensitive" and not c.is_left_out)


_AT_LEAST: Final = {"k": 1, "l_distinct": 1, "l_entropy": 1}
_SHARES: Final = ("risk", "average_risk", "alpha")
_ABOVE_ZERO: Final = ("beta", "beta_enhanced", "delta")


def require_models(models: Models) -> None:
    """Refuse thresholds out of range."""
    for name, least in _AT_LEAST.items():
        value = getattr(models, name)
        if value is not None and not least <= value < math.inf:
            raise Refused(f"The threshold {name} is {least} or above.", option=name)
    for name in _SHARES:
        value = getattr(models, name)
        if value is not None and not 0 < value <= 1:
            raise Refused(f"The threshold {name} is a number above 0, at most 1.", option=name)
    if models.t is not None and not 0 <= models.t <= 1:
        raise Refused("The threshold t is a number from 0 to 1.", option="t")
    for name in _ABOVE_ZERO:
        value = getattr(models, name)
        if value is not None and not 0 < value < math.inf:
            raise Refused(f"The threshold {name} is a number above 0.", option=name)
    if models.l_recursive is not None:
        c, least = models.l_recursive
        if not (0 < c < math.inf and least >= 2):
            raise Refused(
                "Recursive diversity is (c, l): c above 0, and l a whole number from 2.",
                option="l_recursive",
            )
    if models.per not in {"rows", "persons"}:
        raise Refused("Models count rows or persons.", option="per")


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(name.replace("_", "-") for name in names)
