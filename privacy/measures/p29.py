"""The P29 score: one number from 0 (somebody is exposed) to 1, not a legal verdict.

Named after the Article 29 Working Party's opinion 05/2014 on anonymisation techniques. `original`
is what the earlier system computed, its faults mended; `v2` is derived in docs/privacy.md.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np

from privacy.measures.models import Floats

MOST_T: Final = 0.5  # above it, the original says, a class gives too much away
_ROUNDING: Final = 1e-9  # of a t that is exactly at the limit, or of two that agree


def original(k: int, entropies: Sequence[Floats], distances: Sequence[Floats]) -> float | None:
    """Return 0.5 (1 - 1/k) + 0.25 (mean normalized entropy) + 0.25 (1 - mean min-max t).

    0 where k is 1, an entropy is 0 or a t is above 0.5. Of every sensitive column, for each class:
    normalized entropy and t by equal distance, which the original took of numbers too. Means are
    over classes, then over columns. None without a sensitive column.
    """
    if not entropies:
        return None
    if k == 1 or any((column == 0).any() for column in entropies):
        return 0.0
    if any((column > MOST_T + _ROUNDING).any() for column in distances):
        return 0.0
    entropy = float(np.mean([column.mean() for column in entropies]))
    t = float(np.mean([_min_max(column).mean() for column in distances]))
    return 0.5 * (1 - 1 / k) + 0.25 * entropy + 0.25 * (1 - t)


def v2(k: int, l: int, t: float) -> float:  # noqa: E741
    """Return 0.5 (1 - 1/k) + 0.25 (1 - 1/l) + 0.25 (1 - t); 0 where k or l is 1 or t above 0.5.

    `l` is the smallest distinct l, `t` the largest t (0..1) over classes and sensitive columns. It
    never falls when k or l rises or t falls.
    """
    if k == 1 or l == 1 or t > MOST_T + _ROUNDING:
        return 0.0
    return 0.5 * (1 - 1 / k) + 0.25 * (1 - 1 / l) + 0.25 * (1 - t)


def _min_max(column: Floats) -> Floats:
    """Return values from 0 (the column's smallest) to 1 (its largest); all 0 where they agree."""
    low, high = column.min(), column.max()
    # what differs by rounding agrees: stretched to 0..1 it would count in full
    return (column - low) / (high - low) if high - low > _ROUNDING else np.zeros_like(column)
