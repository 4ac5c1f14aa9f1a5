"""Privacy models of one sensitive column, each as the strictest parameter that the table meets.

Shares are of a class (q) or of the table (p). What "over all classes" means is said by the
function: the worst class decides.
"""

import math
from typing import Final

import numpy as np
import numpy.typing as npt

from privacy.measures.tally import Tally

Floats = npt.NDArray[np.float64]

_ROUNDING: Final = 1e-9  # what logarithms of whole numbers may be off, far below 1/rows


def shares(tally: Tally) -> Floats:
    """Return q of every entry: the share (0..1] of its class that has its value."""
    return tally.counts / tally.sizes[tally.owner]


def alpha(tally: Tally) -> float:
    """Return the largest share of one value in a class (0..1], the alpha of (alpha,k)-anonymity.

    Wong et al. 2006, "(alpha,k)-anonymity", over all values as pycanon does.
    """
    return float(shares(tally).max())


def distinct_l(tally: Tally) -> int:
    """Return the smallest number of different values in a class.

    Machanavajjhala et al. 2007, "l-diversity: Privacy beyond k-anonymity".
    """
    return int(np.diff(tally.starts, append=len(tally.owner)).min())


def entropies(tally: Tally) -> Floats:
    """Return the Shannon entropy of every class, in nats."""
    logged = np.add.reduceat(tally.counts * np.log(tally.counts), tally.starts)
    found = np.log(tally.sizes) - logged / tally.sizes
    # one value is no entropy at all, whatever rounding says
    found[np.diff(tally.starts, append=len(tally.owner)) == 1] = 0.0
    return np.asarray(np.maximum(found, 0.0))


def entropy_l(entropies: Floats) -> float:
    """Return the largest l of entropy l-diversity: e to the smallest entropy of a class, >= 1.

    Machanavajjhala et al. 2007, definition 4.1.
    """
    return float(np.exp(entropies.min()))


def whole_entropy_l(entropies: Floats) -> int:
    """Return the same as a whole number, rounded down, as pycanon gives it.

    Entropies of exactly log(l) come out a rounding error below it; they still count as l.
    """
    return math.floor(entropy_l(entropies) + _ROUNDING)


def normalized_entropies(tally: Tally, entropies: Floats) -> Floats:
    """Return entropies as shares of the most that the column's number of values allows (0..1).

    A column of one value has none: 0.
    """
    many = len(tally.totals)
    return entropies / math.log(many) if many > 1 else np.zeros_like(entropies)


def recursive_c(tally: Tally, l: int) -> int | None:  # noqa: E741  (the model's own letter)
    """Return the smallest whole c of recursive (c,l)-diversity, or None for l = 1.

    In every class r1 < c (r_l + ... + r_m), where r1 >= ... >= r_m count the rows of its values.
    Machanavajjhala et al. 2007, definition 4.2. `l` is at most the smallest number of values.
    """
    if l < 2:
        return None
    # counts downwards within each class
    order = np.lexsort((-tally.counts, tally.owner))
    counts = tally.counts[order]
    places = np.arange(len(counts)) - tally.starts[tally.owner]
    rare = np.add.reduceat(np.where(places >= l - 1, counts, 0), tally.starts)
    return int((counts[tally.starts] // rare).max()) + 1


def beta(tally: Tally) -> float:
    """Return the largest relative gain (q - p) / p of a value in a class: basic beta-likeness.

    Cao & Karras 2012, "Publishing microdata with a robust privacy guarantee", definition 2.
    """
    return max(float(_gains(tally).max()), 0.0)


def enhanced_beta(tally: Tally) -> float:
    """Return the bound of enhanced beta-likeness as pycanon gives it: min(beta, -ln of rarest p).

    It is what the rarest value is held to, and says nothing of whether others meet theirs.
    """
    rarest = tally.totals.min() / tally.rows
    return min(beta(tally), -math.log(rarest) or 0.0)


def exact_enhanced_beta(tally: Tally) -> float | None:
    """Return the smallest beta with (q - p) / p <= min(beta, -ln p) throughout, or None.

    None where some value gains more than -ln p: then no beta will do. Cao & Karras 2012,
    definition 3.
    """
    gains = _gains(tally)
    bounds = -np.log(tally.totals / tally.rows)
    if (gains > bounds[tally.values] + _ROUNDING).any():
        return None
    return max(float(gains.max()), 0.0)


def delta(tally: Tally) -> float:
    """Return the largest |ln(q / p)| of the values that a class has: delta-disclosure privacy.

    Brickell & Shmatikov 2008, "The cost of privacy". As in pycanon, values that a class lacks,
    for which it is infinite, are passed over.
    """
    return float(np.abs(np.log(shares(tally) * tally.rows / tally.totals[tally.values])).max())


def _gains(tally: Tally) -> Floats:
    """Return (q - p) / p of every entry; absent values gain less than any that is there."""
    return np.asarray(shares(tally) * tally.rows / tally.totals[tally.values] - 1.0)
