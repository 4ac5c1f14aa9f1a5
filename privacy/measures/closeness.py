"""t-closeness: how far the values of a class lie from those of the whole table.

Li, Li & Venkatasubramanian 2007, "t-Closeness: Privacy beyond k-anonymity and l-diversity". The
distance is the earth mover's, with the paper's two ground distances.
"""

import numpy as np

from privacy.measures.models import Floats, shares
from privacy.measures.tally import Tally


def equal_distances(tally: Tally) -> Floats:
    """Return the distance (0..1) of every class where all values are equally far apart.

    That is the total variation, half the sum of |q - p| over all values: the sum of q - p over
    those where it is positive, which the class has.
    """
    p = tally.totals[tally.values] / tally.rows
    return np.asarray(np.add.reduceat(np.maximum(shares(tally) - p, 0.0), tally.starts))


def ordered_distances(tally: Tally) -> Floats:
    """Return the distance (0..1) of every class where values lie one step apart, in their order.

    Of m values the distance is the sum of |Q - P| over the cumulative shares, divided by m - 1.
    A missing value has no place in that order: it is as far from every number as the first number
    from the last. What it adds is the cost of moving the difference of missing shares, and the
    numbers' distance counts for the share that both have: never less than the earth mover's.
    """
    numbers = len(tally.totals) - tally.has_missing
    among_numbers = _distances_of_numbers(tally, numbers)
    if not tally.has_missing:
        return among_numbers
    lack_it = np.zeros(len(tally.sizes))
    missing = tally.values == numbers
    lack_it[tally.owner[missing]] = shares(tally)[missing]
    lacking = tally.totals[-1] / tally.rows
    have_both = 1.0 - np.maximum(lack_it, lacking)
    return np.asarray(np.abs(lack_it - lacking) + have_both * among_numbers)


def _distances_of_numbers(tally: Tally, numbers: int) -> Floats:
    """Return the ordered distances, rows without a number left out; a class without any has 0.

    Between two values of a class its Q is constant, so that each stretch of |Q - P| is a
    difference of sums of P, on either side of where P passes Q.
    """
    found = np.zeros(len(tally.sizes))
    if numbers < 2:
        return found
    totals = tally.totals[:numbers]
    p = np.cumsum(totals) / totals.sum()
    sums = np.concatenate([[0.0], np.cumsum(p)])
    number = tally.values < numbers
    owner, values, counts = tally.owner[number], tally.values[number], tally.counts[number]
    starts = np.flatnonzero(np.diff(owner, prepend=-1))
    begin = np.repeat(
        np.cumsum(counts)[starts] - counts[starts], np.diff(starts, append=len(owner))
    )
    numbers_of = np.bincount(owner, weights=counts, minlength=len(found))
    q = (np.cumsum(counts) - begin) / numbers_of[owner]
    ends = np.append(values[1:], numbers)
    ends[starts[1:] - 1] = numbers
    passes = np.clip(np.searchsorted(p, q, side="right"), values, ends)
    below = q * (passes - values) - (sums[passes] - sums[values])
    above = (sums[ends] - sums[passes]) - q * (ends - passes)
    stretches = np.bincount(owner, weights=below + above, minlength=len(found))
    stretches[owner[starts]] += sums[values[starts]]  # before the first value Q is 0
    # rounding of long sums can leave a distance a hair below 0
    return np.asarray(np.clip(stretches / (numbers - 1), 0.0, 1.0))
