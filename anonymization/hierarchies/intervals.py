"""Hierarchies over numbers: intervals, top and bottom coding, rounding."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_FLOOR, Decimal
from itertools import pairwise
from math import prod
from typing import Final

import numpy as np

from anonymization.hierarchies.hierarchy import Hierarchy, levels_over
from anonymization.hierarchies.numbers import all_whole, exact, plain, span
from fairdb_site.errors import Refused, TooLarge

MOST_INTERVALS: Final = 100_000
"""Intervals of the finest level."""


@dataclass(frozen=True)
class EqualWidth:
    """Intervals `width` wide that begin at multiples of it, then `merge[0]` in one, `merge[1]` ...

    `EqualWidth(5, merge=(2, 2))` gives intervals of 5, 10 and 20, at multiples of 5, 10 and 20.
    """

    width: float
    merge: tuple[int, ...] = ()

    def build(self, values: Sequence[str]) -> Hierarchy:
        """Return the hierarchy; raise Refused for no numbers, TooLarge for too many intervals."""
        width = exact(str(self.width))
        if width <= 0:
            raise Refused("The width of an interval must be more than 0.", option="width")
        _require_merges(self.merge)

        def labels_of(present: list[str]) -> list[list[str]]:
            numbers = [exact(value) for value in present]
            widest = width * prod(self.merge)
            start = _floor(min(numbers) / widest) * widest
            count = _floor((max(numbers) - start) / width) + 1
            if count > MOST_INTERVALS:
                raise _too_many(int(count))
            edges = [start + width * place for place in range(int(count) + 1)]
            # the last one is whole at every level, so that labels name full widths
            while (len(edges) - 1) % prod(self.merge):
                edges.append(edges[-1] + width)
            return _labels(numbers, edges, self.merge)

        return levels_over(values, labels_of)


@dataclass(frozen=True)
class Edges:
    """Intervals between given edges, each from its edge to below the next, then merged likewise.

    Numbers below the first edge are `<18`, from the last one on `>=65`.
    """

    edges: tuple[float, ...]
    merge: tuple[int, ...] = ()

    def build(self, values: Sequence[str]) -> Hierarchy:
        """Return the hierarchy; raise Refused for no numbers, or edges that do not rise."""
        edges = [exact(str(edge)) for edge in self.edges]
        if not edges or any(low >= high for low, high in pairwise(edges)):
            raise Refused("Edges are one number at least, each larger than the last.")
        if len(edges) > MOST_INTERVALS:
            raise _too_many(len(edges))
        _require_merges(self.merge)
        return levels_over(
            values,
            lambda present: _labels([exact(value) for value in present], edges, self.merge),
        )


@dataclass(frozen=True)
class TopBottom:
    """Numbers below `bottom` as `<18`, above `top` as `>90`; the others stay."""

    bottom: float | None = None
    top: float | None = None

    def build(self, values: Sequence[str]) -> Hierarchy:
        """Return the hierarchy; raise Refused for no numbers, or a bottom above the top."""
        bottom = None if self.bottom is None else exact(str(self.bottom))
        top = None if self.top is None else exact(str(self.top))
        if bottom is not None and top is not None and bottom > top:
            raise Refused("The bottom lies above the top.", option="bottom")

        def label(value: str) -> str:
            number = exact(value)
            if bottom is not None and number < bottom:
                return f"<{plain(bottom)}"
            return f">{plain(top)}" if top is not None and number > top else value

        return levels_over(values, lambda present: [[label(value) for value in present]])


@dataclass(frozen=True)
class Rounding:
    """Numbers to the nearest multiple of each step, what lies between two up, step after step.

    A next step rounds what the last one made, so that it never parts what is one already.
    """

    steps: tuple[float, ...]

    def build(self, values: Sequence[str]) -> Hierarchy:
        """Return the hierarchy; raise Refused for no numbers, or a step that is not above 0."""

        def labels_of(present: list[str]) -> list[list[str]]:
            levels = [present]
            for step in self.steps:
                levels.append(rounded(levels[-1], step))
            return levels[1:]

        return levels_over(values, labels_of)


def quantile_edges(numbers: Sequence[float], counts: Sequence[int], parts: int) -> Edges:
    """Return edges that part rows into some equal shares, as far as equal numbers allow.

    `counts` has the rows of each number. Edges are numbers of the data: the shares are exact, and
    the recipe holds the edges, so that another version is cut at the same ones.
    """
    order = np.argsort(numbers, kind="stable")
    ordered = np.asarray(numbers, dtype=np.float64)[order]
    rows = np.cumsum(np.asarray(counts)[order])
    wanted = rows[-1] * np.arange(parts) / parts
    edges = ordered[np.searchsorted(rows, wanted, side="right")]
    return Edges(tuple(dict.fromkeys(edges.tolist())))


def rounded(values: Sequence[str], step: float) -> list[str]:
    """Return the nearest multiple of a step for each number, half up; `""` stays."""
    size = exact(str(step))
    if size <= 0:
        raise Refused("The step to round to must be more than 0.", option="step")
    half_up = [
        (exact(value) / size + Decimal("0.5")).to_integral_value(ROUND_FLOOR) if value else None
        for value in values
    ]
    return ["" if times is None else plain(times * size) for times in half_up]


def _labels(
    numbers: Sequence[Decimal], edges: Sequence[Decimal], merge: Sequence[int]
) -> list[list[str]]:
    """Return the label of each number between edges, and between every nth of them."""
    whole = all_whole([*numbers, *edges])
    levels = []
    for size in [1, *(prod(merge[: place + 1]) for place in range(len(merge)))]:
        kept = list(edges[::size])
        if kept[-1] != edges[-1]:
            kept.append(edges[-1])
        names = [f"<{plain(kept[0])}", *_named(kept, whole=whole), f">={plain(kept[-1])}"]
        levels.append([names[bisect_right(kept, number)] for number in numbers])
    return levels


def _named(edges: Sequence[Decimal], *, whole: bool) -> list[str]:
    if whole:
        return [span(plain(low), plain(high - 1)) for low, high in pairwise(edges)]
    return [f"[{plain(low)}, {plain(high)})" for low, high in pairwise(edges)]


def _require_merges(merge: Sequence[int]) -> None:
    if any(many < 2 for many in merge):
        raise Refused("Intervals are merged two at a time, or more.", option="merge")
    if prod(merge) > MOST_INTERVALS:
        raise _too_many(prod(merge))


def _floor(number: Decimal) -> Decimal:
    return number.to_integral_value(ROUND_FLOOR)


def _too_many(count: int) -> TooLarge:
    return TooLarge(
        f"That would be {count:,} intervals; at most {MOST_INTERVALS:,} are made. Widen them."
    )
