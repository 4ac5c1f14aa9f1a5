"""What is asked: quasi-identifiers with hierarchies, models that all classes must meet, limits.

Suppressed rows stay in the result, with every quasi-identifier withheld. They agree in all of them,
so they are an equivalence class like every other, and it must meet the models too: of three
suppressed rows in 30,000 everybody knows that they are the three who fit no other class.
"""

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt

Codes = npt.NDArray[np.int32]
Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Attribute:
    """A quasi-identifier of a table, and what its values become.

    `codes` (rows,) has the value of every row, from 0 to values - 1; a missing value is one of
    them, never -1. `nodes` (levels, values) has the node of each value at each level of its
    hierarchy, numbered from 0 without gaps within a level: level 0 is the value itself, each next
    one is coarser (values that share a node share all nodes above it). `losses` (levels, values) is
    the loss of that node, its NCP from 0 to 1. `numbers` (values,) are what the values are worth,
    NaN for missing, where they are numbers or times; else None. `weight` is the share of this
    attribute in the loss that a search minimizes; figures such as gcp take all alike.
    """

    codes: Codes
    nodes: Codes
    losses: Floats
    numbers: Floats | None = None
    weight: float = 1.0

    @property
    def levels(self) -> int:
        """How many levels the hierarchy has, the values themselves included."""
        return len(self.nodes)

    @property
    def values(self) -> int:
        """How many different values the column has."""
        return int(self.nodes.shape[1])


@dataclass(frozen=True, eq=False)
class Sensitive:
    """A sensitive column: `codes` (rows,) from 0, missing -1. `ordered`: t goes by their order."""

    codes: Codes
    ordered: bool = False


@dataclass(frozen=True)
class Models:
    """What every equivalence class must meet; None asks nothing. Definitions: docs/privacy.md.

    `k`: rows at least. `risk`: 1 / rows at most; `average_risk`: the mean of that over all rows, at
    most. Of every sensitive column: `l_distinct`, `l_entropy` (l, e to the entropy) at least;
    `l_recursive` (c, l); `t`, `alpha`, `beta`, `beta_enhanced`, `delta` at most. With `per`
    "persons", k and the risks count distinct persons where they count rows.
    """

    k: int = 1
    risk: float | None = None
    average_risk: float | None = None
    l_distinct: int | None = None
    l_entropy: float | None = None
    l_recursive: tuple[float, int] | None = None
    t: float | None = None
    alpha: float | None = None
    beta: float | None = None
    beta_enhanced: float | None = None
    delta: float | None = None
    per: Literal["rows", "persons"] = "rows"


@dataclass(frozen=True, eq=False)
class Problem:
    """A table to anonymize.

    `suppression_limit` is the share (0..1) of all rows that may be suppressed at most. `persons`
    (rows,) has one code a person, where ids repeat.
    """

    attributes: tuple[Attribute, ...]
    models: Models
    sensitive: tuple[Sensitive, ...] = ()
    suppression_limit: float = 0.0
    persons: Codes | None = None
    rows: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "rows", len(self.attributes[0].codes))

    @property
    def most_suppressed(self) -> int:
        """How many rows may be suppressed at most."""
        # a hair more than the product, which may fall just below a whole number
        return int(self.suppression_limit * self.rows * (1 + 1e-12))
