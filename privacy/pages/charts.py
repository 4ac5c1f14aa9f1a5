"""The geometry of the charts of a report, which templates draw as SVG. Lengths are chart units."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np

from privacy.measures.classes import Classes, classes_of
from privacy.measures.combinations import Sweep
from privacy.measures.grouping import Codes
from privacy.measures.models import Floats
from privacy.measures.taxa import TaxaUniqueness

BAR: Final = 100.0
"""Width of the longest bar."""

CURVE_WIDTH, CURVE_HEIGHT = 480.0, 140.0
_SIZES: Final = (1, 2, 3, 5, 10, 20, 50, 100, 1_000)
_MOST_STEPS: Final = 200  # of a curve: more than can be seen
_TABLE_STEPS: Final = (1, 2, 3, 4, 5, 10, 20, 50, 100)
_MOST_WEIGHED: Final = 30  # columns left out in turn
CELLS_WEIGHED: Final = 20_000_000
"""Cells that are grouped again to weigh columns: about a second."""


@dataclass(frozen=True)
class Bar:
    """A bar with its name, what it counts, its share of all rows (0..1) and its length."""

    name: str
    count: int
    share: float
    length: float
    is_short: bool = False  # of a threshold


@dataclass(frozen=True)
class Step:
    """How many rows have a risk of at least so much (0..1), and their share."""

    risk: float
    size: int
    rows: int
    share: float


@dataclass(frozen=True)
class Curve:
    """A curve of steps from certain to safe; `points` as a polyline has them."""

    points: str
    threshold_x: float
    steps: tuple[Step, ...]
    above: float  # share of rows above the threshold


@dataclass(frozen=True)
class Known:
    """What the worst combination of so many columns does: its k and rows alone."""

    size: int
    k: int
    uniques: int
    share: float
    length: float
    columns: tuple[str, ...]


@dataclass(frozen=True)
class TaxaStep:
    """Shares (0..1) of samples that are unique to whoever knows so many taxa."""

    known: int
    presence: float
    abundance: float


@dataclass(frozen=True)
class TaxaCurve:
    """Two curves as polylines have them; `decades` is where 10, 100, ... taxa are across."""

    presence: str
    abundance: str
    decades: tuple[float, ...]
    steps: tuple[TaxaStep, ...]


def class_sizes(classes: Classes, k: int) -> tuple[Bar, ...]:
    """Return how many rows are in classes of which size; short are those below k."""
    rows = int(classes.rows.sum())
    bounds = sorted({*_SIZES, k, int(classes.sizes.max()) + 1})
    bars = []
    for low, after in pairwise(bounds):
        within = (classes.sizes >= low) & (classes.sizes < after)
        count = int(classes.rows[within].sum())
        bars.append((_sizes_named(low, after - 1), count, low < k))
        if after > classes.sizes.max():
            break
    most = max((count for _, count, _ in bars), default=0) or 1
    return tuple(
        Bar(name, count, count / rows, BAR * count / most, is_short)
        for name, count, is_short in bars
    )


def risk_curve(classes: Classes, threshold: float) -> Curve:
    """Return the share of rows over the risk that they have at least."""
    order = np.argsort(classes.sizes, kind="stable")
    sizes, starts = np.unique(classes.sizes[order], return_index=True)
    rows = np.add.reduceat(classes.rows[order], starts)
    total, upto = int(rows.sum()), np.cumsum(rows)
    points = [f"{CURVE_WIDTH:.1f},{CURVE_HEIGHT:.1f}"]
    height = CURVE_HEIGHT
    for size, count in list(zip(sizes.tolist(), upto.tolist(), strict=True))[:_MOST_STEPS]:
        x = CURVE_WIDTH / size
        points.append(f"{x:.1f},{height:.1f}")
        height = CURVE_HEIGHT * (1 - count / total)
        points.append(f"{x:.1f},{height:.1f}")
    points.append(f"0.0,{height:.1f}")
    steps = []
    for size in _TABLE_STEPS:
        count = int(rows[sizes <= size].sum())
        steps.append(Step(1 / size, size, count, count / total))
        if count == total:
            break
    above = float(rows[1.0 / sizes > threshold].sum()) / total
    return Curve(" ".join(points), CURVE_WIDTH * threshold, tuple(steps), above)


def weighed_columns(
    columns: Mapping[str, Codes], classes: Classes, fewer_than: int
) -> tuple[Bar, ...]:
    """Return how many rows each column brings into classes of fewer rows, worst first.

    Empty of too many columns, or where there is no such class. A missing value is its own.
    """
    rows = len(classes.labels)
    many = len(columns)
    if not 2 <= many <= _MOST_WEIGHED:
        return ()

    def short(found: Classes) -> int:
        return int(found.rows[found.sizes < fewer_than].sum())

    with_all = short(classes)
    gained = {
        name: with_all
        - short(classes_of([codes for other, codes in columns.items() if other != name]))
        for name in columns
    }
    return _bars(gained, rows)


def column_shares(sweep: Sweep) -> tuple[Bar, ...]:
    """Return each column's share of all SUDA scores, worst first; empty where there are none."""
    percents = {name: share for name, share in sweep.column_shares.items() if share}
    most = max(percents.values(), default=1.0)
    return tuple(
        Bar(name, 0, share, BAR * share / most)
        for name, share in sorted(percents.items(), key=lambda pair: -pair[1])
    )


def by_known(sweep: Sweep, rows: int) -> tuple[Known, ...]:
    """Return, for each number of columns that somebody knows, what the worst of them do."""
    found = []
    for size in range(1, sweep.largest + 1):
        worst = sweep.worst(size, 1)[0]
        share = worst.uniques / rows
        found.append(
            Known(size, sweep.k_of_size(size), worst.uniques, share, BAR * share, worst.columns)
        )
    return tuple(found)


def taxa_curve(found: TaxaUniqueness) -> TaxaCurve:
    """Return the shares of unique samples over how many taxa are known, on a logarithmic scale."""
    many = len(found.taxa)
    drawn = np.unique(np.geomspace(1, many, _MOST_STEPS).round().astype(int)).tolist()

    def x(known: int) -> float:
        return CURVE_WIDTH * math.log(known) / math.log(many) if many > 1 else 0.0

    def line(shares: Floats) -> str:
        points = ((x(known), CURVE_HEIGHT * (1 - float(shares[known - 1]))) for known in drawn)
        return " ".join(f"{across:.1f},{down:.1f}" for across, down in points)

    return TaxaCurve(
        presence=line(found.presence),
        abundance=line(found.abundance),
        decades=tuple(x(10**n) for n in range(1, len(str(many))) if 10**n < many),
        steps=tuple(
            TaxaStep(known, float(found.presence[known - 1]), float(found.abundance[known - 1]))
            for known in found.marks
        ),
    )


def _bars(counts: Mapping[str, int], rows: int) -> tuple[Bar, ...]:
    most = max(counts.values(), default=0)
    if most <= 0:
        return ()
    return tuple(
        Bar(name, count, count / rows, BAR * count / most)
        for name, count in sorted(counts.items(), key=lambda pair: -pair[1])
    )


def _sizes_named(low: int, high: int) -> str:
    if low == 1 == high:
        return "alone"
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def names_listed(names: Sequence[str], most: int = 4) -> str:
    """Write names as a sentence has them: a, b, c and 3 more columns."""
    cut = [name if len(name) <= 40 else f"{name[:25]}…{name[-12:]}" for name in names]
    if len(cut) > most:
        return f"{', '.join(cut[:most])} and {len(cut) - most} more"
    return f"{', '.join(cut[:-1])} and {cut[-1]}" if len(cut) > 1 else "".join(cut)
