"""How many taxa single a person out: uniqueness of microbiome profiles.

Franzosa et al. 2015, "Identifying personal microbiomes using metagenomic codes", found people by
few features of their microbiome; here the attacker is given the most prevalent taxa, which are the
easiest to measure again.
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from fairdb_site.errors import Refused
from privacy.measures.grouping import Ints, group
from privacy.measures.models import Floats

MOST_TAXA: Final = (
    2_000  # the most prevalent hundreds are in every sample, which tells nobody apart
)
DECIMALS: Final = 2  # of a relative abundance: whole percent
FEWEST_TAXA: Final = 50
"""Columns of numbers from which on a table may be of abundances; traits of people are fewer."""
MOST_CELLS: Final = 10_000_000
"""Abundances measured at once: some 100 MB, a few times over while they are ranked and rounded."""
_MARKS: Final = (1, 2, 3, 5, 10, 20, 50, 100, 200, 500, 1_000)
_SHARES: Final = (0.5, 0.9, 1.0)


@dataclass(frozen=True, eq=False)
class TaxaUniqueness:
    """Shares (0..1) of samples that are unique when the 1, 2, ... most prevalent taxa are known.

    `taxa` has their columns, most prevalent first. `presence` is by whether a taxon is there,
    `abundance` by its relative abundance, rounded.
    """

    samples: int
    taxa: tuple[int, ...]
    presence: Floats
    abundance: Floats

    def taxa_needed(self, share: float, *, rounded: bool = False) -> int | None:
        """Return how many taxa make so large a share of samples unique, None if all do not."""
        enough = np.flatnonzero((self.abundance if rounded else self.presence) >= share)
        return int(enough[0]) + 1 if len(enough) else None

    @property
    def marks(self) -> tuple[int, ...]:
        """Numbers of taxa that a table says the shares of: 1, 2, 3, 5, 10, ... and all."""
        many = len(self.taxa)
        return (*(mark for mark in _MARKS if mark < many), many)

    @property
    def needed(self) -> tuple[tuple[float, int | None, int | None], ...]:
        """Shares of samples, each with how many taxa make so many unique: presence, abundance."""
        return tuple(
            (share, self.taxa_needed(share), self.taxa_needed(share, rounded=True))
            for share in _SHARES
        )

    def figures(self, taxa: int) -> dict[str, Any]:
        """Return the figures for JSON; `taxa` is how many there are, tried or not."""
        return {
            "samples": self.samples,
            "taxa": taxa,
            "tried": len(self.taxa),
            "unique": {
                str(mark): {
                    "presence": float(self.presence[mark - 1]),
                    "abundance": float(self.abundance[mark - 1]),
                }
                for mark in self.marks
            },
            "needed": {
                f"{share:g}": {"presence": presence, "abundance": abundance}
                for share, presence, abundance in self.needed
            },
        }


def require_abundances(rows: int, taxa: int) -> None:
    """Refuse a table of too few taxa, or of more abundances than are measured at once."""
    if taxa < FEWEST_TAXA:
        raise Refused(
            f"A table of abundances has {FEWEST_TAXA} columns of numbers or more that are never "
            f"below 0 and have no role but Other; this one has {taxa:,}."
        )
    if rows * taxa > MOST_CELLS:
        raise Refused(
            f"{taxa:,} taxa of {rows:,} samples are {rows * taxa:,} abundances; at most "
            f"{MOST_CELLS:,} are measured. Take a table of fewer taxa or samples."
        )


def taxa_uniqueness(
    counts: npt.NDArray[Any], *, most: int = MOST_TAXA, decimals: int = DECIMALS
) -> TaxaUniqueness:
    """Return how unique samples are by their most prevalent taxa.

    `counts` has a row for every sample and a column for every taxon: reads or shares, 0 or above;
    NaN is missing, a value of its own. Taxa found in equally many samples go by their total, then
    by their column. Raises Refused for negative or infinite values, and for an empty table.
    """
    table = np.asarray(counts, dtype=np.float64)
    if table.ndim != 2 or not table.size:
        raise Refused("An abundance table has one sample and one taxon at least.")
    if most < 1 or not 0 <= decimals <= 9:
        raise Refused("Ask for one taxon at least, and for 0 to 9 decimals.")
    if (table < 0).any() or np.isinf(table).any():
        raise Refused("Abundances are numbers of 0 or above; the table has others.")
    order = _by_prevalence(table)[:most]
    known = table[:, order]
    missing = np.isnan(known)
    totals = np.nansum(table, axis=1, keepdims=True)
    relative = np.divide(known, totals, out=np.zeros_like(known), where=totals > 0)
    steps = np.rint(relative * 10**decimals)
    return TaxaUniqueness(
        samples=len(table),
        taxa=tuple(order.tolist()),
        presence=_unique_shares(np.where(missing, -1, known > 0)),
        abundance=_unique_shares(np.where(missing, -1, steps)),
    )


def _by_prevalence(table: Floats) -> Ints:
    found = (table > 0).sum(axis=0)
    return np.lexsort((-np.nansum(table, axis=0), -found))


def _unique_shares(profiles: npt.NDArray[Any]) -> Floats:
    """Return the share of unique rows by the first column, the first two, and so on."""
    codes = profiles.astype(np.int64)
    samples, many = codes.shape
    shares = np.ones(many)
    rows, labels = np.arange(samples), np.zeros(samples, dtype=np.int64)
    for place in range(many):
        labels = group([labels, codes[rows, place]]).labels
        single = np.bincount(labels)[labels] == 1
        rows, labels = rows[~single], labels[~single]
        shares[place] = 1 - len(rows) / samples
        if not len(rows):
            break
    return shares
