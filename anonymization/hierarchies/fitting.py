"""A hierarchy brought together with the values of a column: what a search takes of both.

What a value loses at a level (normalized certainty penalty, Xu et al. 2006, over what the data
holds): of numbers and dates (min(hi, max) - max(lo, min)) / (max - min), where lo and hi are the
bounds that the label of its node says, or else the node's smallest and largest leaf, and min and
max are of the data; never less than at a finer level. Of categories (leaves of the node in the data
- 1) / (leaves in the data - 1). `*` loses 1; below it, a column of one value loses 0. A missing
value loses 0 below `*` where the others are numbers; among categories it is one like any other.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from anonymization.engine.problem import Attribute, Bools, Codes, Floats
from anonymization.hierarchies.hierarchy import MISSING, WITHHELD, Hierarchy
from anonymization.hierarchies.ranges import Range, days_of, days_said, numbers_said
from datasets.ingest.datatypes import DataType
from datasets.ingest.names import shown
from fairdb_site.errors import Refused
from privacy.measures.coding import MISSING as MISSING_CODE
from privacy.reading import Valued

_GAPS_NAMED: Final = 10


@dataclass(frozen=True, eq=False)
class Fitted:
    """A hierarchy as the values of one column have it.

    `values` are in the order of their codes; a missing one, where the column has any, is the last
    and `""`. `nodes` and `losses` (levels, values) and `numbers` (values,) are as in `Attribute`,
    numbers of dates in days since 1970. `labels[level][node]` is what is written for a node.
    """

    values: tuple[str, ...]
    labels: tuple[tuple[str, ...], ...]
    nodes: Codes
    losses: Floats
    numbers: Floats | None
    data_type: DataType

    @property
    def levels(self) -> int:
        """How many levels there are, the values themselves and `*` included."""
        return len(self.labels)

    def at(self, level: int) -> list[str]:
        """Return what every value becomes at a level."""
        labels = self.labels[level]
        return [labels[node] for node in self.nodes[level].tolist()]


def attribute_of(
    hierarchy: Hierarchy,
    column: Valued,
    *,
    name: str = "",
    weight: float = 1.0,
    as_categories: bool = False,
) -> Attribute:
    """Return a column with its hierarchy as a search takes it; raises as `fitted` does."""
    fit = fitted(hierarchy, column, name=name, as_categories=as_categories)
    return with_codes(fit, column, weight=weight)


def with_codes(fit: Fitted, column: Valued, *, weight: float = 1.0) -> Attribute:
    """Return the codes of a column with its fitted hierarchy; what is missing has the last code."""
    codes = codes_of(column)
    return Attribute(codes, fit.nodes, fit.losses, fit.numbers, weight)


def codes_of(column: Valued) -> Codes:
    """Return the code of every row, of a missing value the one behind all others."""
    codes = column.coded.codes
    if not _lacks_some(column):
        return codes
    return np.where(codes == MISSING_CODE, np.int32(column.coded.many), codes)


def fitted(
    hierarchy: Hierarchy, column: Valued, *, name: str = "", as_categories: bool = False
) -> Fitted:
    """Return the part of a hierarchy that a column has, with what each level loses.

    Numbers and dates are looked up as such (`17` is `17.0`) and lose by their distance, unless
    `as_categories`, or unless a node holds numbers between which another's lie. A missing value
    needs no leaf. Raises Refused, with the column's `name` and the first ten values, where the
    hierarchy lacks some; where two leaves are the same number.
    """
    values = (*column.values, MISSING) if _lacks_some(column) else column.values
    places = _places(hierarchy, values, column.data_type, name)
    nodes, labels = _present(hierarchy, places, values)
    leaf_numbers = None
    worth, said = _WORTH.get(column.data_type, (None, None))
    if worth and said and not as_categories:
        leaf_numbers = np.array([worth(leaf) for leaf in hierarchy.leaves])
        if not _are_intervals(hierarchy, leaf_numbers):
            leaf_numbers = None
    if leaf_numbers is None or not worth or not said:
        numbers, losses = None, _losses_of_categories(nodes)
    else:
        numbers = np.array([worth(value) for value in values])
        losses = _losses_of_numbers(hierarchy, leaf_numbers, places, numbers, said)
    for level in range(1, len(labels)):
        withheld = np.array([label == WITHHELD for label in labels[level]])
        losses[level][withheld[nodes[level]]] = 1.0
    return Fitted(values, labels, nodes, losses, numbers, column.data_type)


def _lacks_some(column: Valued) -> bool:
    return bool((column.coded.codes == MISSING_CODE).any())


def _places(
    hierarchy: Hierarchy, values: Sequence[str], data_type: DataType, name: str
) -> npt.NDArray[np.int64]:
    """Return the leaf of every value; of a missing one that is no leaf, -1."""
    known: dict[object, int] = {leaf: place for place, leaf in enumerate(hierarchy.leaves)}
    places = [known.get(value, -1) for value in values]
    if data_type in {"integer", "float"}:
        as_numbers = _leaves_by_number(hierarchy.leaves, name)
        places = [
            as_numbers.get(_exact(value), -1) if place < 0 else place
            for value, place in zip(values, places, strict=True)
        ]
    gaps = [
        value for value, place in zip(values, places, strict=True) if place < 0 and value != MISSING
    ]
    if gaps:
        raise _gaps(gaps, name)
    return np.array(places, dtype=np.int64)


def _leaves_by_number(leaves: Iterable[str], name: str) -> Mapping[object, int]:
    found: dict[object, int] = {}
    texts: dict[object, str] = {}
    for place, leaf in enumerate(leaves):
        if (number := _exact(leaf)) is None:
            continue
        if number in found:
            raise Refused(
                f"The hierarchy{_of(name)} has the number {shown(texts[number])} twice: as "
                f"{shown(leaf)} too. Each value has one line."
            )
        found[number], texts[number] = place, leaf
    return found


def _exact(text: str) -> int | float | None:
    """Return the number that a text is, whole ones without rounding; they compare as numbers."""
    if "_" in text:  # Python takes 1_000
        return None
    try:
        return int(text)
    except ValueError:
        pass
    try:
        number = float(text)
    except ValueError:
        return None
    return number if np.isfinite(number) else None


def _number_of(text: str) -> float:
    """Return what a number is worth; NaN for another text."""
    number = _exact(text)
    try:
        return float("nan") if number is None else float(number)
    except OverflowError:
        return float("nan")


_Worth = Callable[[str], float]
_Said = Callable[[str], Range | None]
_WORTH: Final[Mapping[DataType, tuple[_Worth, _Said]]] = {
    "integer": (_number_of, numbers_said),
    "float": (_number_of, numbers_said),
    "date": (days_of, days_said),
    "timestamp": (days_of, days_said),
}


def _gaps(gaps: Sequence[str], name: str) -> Refused:
    named = ", ".join(map(shown, gaps[:_GAPS_NAMED]))
    more = len(gaps) - _GAPS_NAMED
    values = "one value" if len(gaps) == 1 else f"{len(gaps):,} values"
    return Refused(
        f"The hierarchy{_of(name)} does not cover {values} of the data: {named}"
        f"{f' and {more:,} more' if more > 0 else ''}. Add a line for each."
    )


def _of(name: str) -> str:
    return f" of {shown(name)}" if name else ""


def _present(
    hierarchy: Hierarchy, places: npt.NDArray[np.int64], values: tuple[str, ...]
) -> tuple[Codes, tuple[tuple[str, ...], ...]]:
    """Return (nodes (levels, values) numbered anew without gaps, their labels)."""
    rows: list[Codes] = [np.arange(len(places), dtype=np.int32)]
    labels = [values]  # as the data has them, where a leaf is the same number in other letters
    last = hierarchy.levels - 1
    for level in range(1, hierarchy.levels):
        # a missing value that is no leaf stays by itself up to the last level
        own = len(hierarchy.labels[level]) if level < last else 0
        nodes = np.where(places >= 0, hierarchy.nodes[level][places], own)
        found, numbered = np.unique(nodes, return_inverse=True)
        texts = hierarchy.labels[level]
        rows.append(numbered.astype(np.int32))
        labels.append(tuple(texts[n] if n < len(texts) else MISSING for n in found.tolist()))
    return np.stack(rows), tuple(labels)


def _are_intervals(hierarchy: Hierarchy, numbers: Floats) -> bool:
    """Return whether no node below `*` holds numbers between which another node's lie."""
    order = np.argsort(numbers, kind="stable")
    order = order[~np.isnan(numbers[order])]
    for nodes in hierarchy.nodes[1:-1]:
        along = nodes[order]
        runs = 1 + np.count_nonzero(along[1:] != along[:-1]) if len(along) else 0
        if runs > len(np.unique(along)):
            return False
    return True


def _losses_of_numbers(
    hierarchy: Hierarchy,
    leaves: Floats,
    places: npt.NDArray[np.int64],
    numbers: Floats,
    said: Callable[[str], Range | None],
) -> Floats:
    there: Bools = ~np.isnan(numbers)
    losses = np.zeros((hierarchy.levels, len(numbers)))
    if not there.any():
        return losses
    low, high = numbers[there].min(), numbers[there].max()
    if low == high:
        return losses
    for level in range(1, hierarchy.levels):
        lows, highs = node_ranges(hierarchy, level, leaves, said)
        mine = hierarchy.nodes[level][places[there]]
        losses[level, there] = np.minimum(highs[mine], high) - np.maximum(lows[mine], low)
    # ARX's own hierarchies have labels that lie beside their leaves: 20 in 0-19
    losses = np.maximum.accumulate(losses, axis=0)
    shares: Floats = np.clip(losses / (high - low), 0.0, 1.0)
    return shares


def node_ranges(
    hierarchy: Hierarchy, level: int, leaves: Floats, said: Callable[[str], Range | None]
) -> tuple[Floats, Floats]:
    """Return from where and to where each node of a level reaches.

    `leaves` is what the hierarchy's are worth, NaN where nothing. A label counts where it says
    bounds that its leaves do not all lie beyond.
    """
    nodes, labels = hierarchy.nodes[level], hierarchy.labels[level]
    known = ~np.isnan(leaves)
    lows, highs = np.full(len(labels), np.inf), np.full(len(labels), -np.inf)
    np.minimum.at(lows, nodes[known], leaves[known])
    np.maximum.at(highs, nodes[known], leaves[known])
    for node, label in enumerate(labels):
        found = said(label)
        if found and found[0] <= highs[node] and lows[node] <= found[1]:
            lows[node], highs[node] = found
    return lows, highs


def _losses_of_categories(nodes: Codes) -> Floats:
    values = nodes.shape[1]
    losses = np.zeros(nodes.shape)
    if values > 1:
        for level, row in enumerate(nodes):
            losses[level] = (np.bincount(row)[row] - 1) / (values - 1)
    return losses
