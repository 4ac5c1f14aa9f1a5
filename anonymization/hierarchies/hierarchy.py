"""A generalization hierarchy: levels of ever coarser labels over the values of a column."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt

from datasets.ingest.names import shown
from fairdb_site.errors import Refused, TooLarge

Nodes = npt.NDArray[np.int32]

WITHHELD: Final = "*"
"""The label that says nothing: of the last level, and of suppressed cells."""

MISSING: Final = ""
"""A missing value, as a leaf and as the label of its own node below the last level."""

MOST_LEAVES: Final = 1_000_000
"""Values of one hierarchy: some 4 s to read from a file."""

MOST_LEVELS: Final = 99
"""Levels with the values themselves; hierarchies in use have three to eight."""


@dataclass(frozen=True, eq=False)
class Hierarchy:
    """Levels of nodes over leaves, the values that a column can have, as text.

    `labels[level][node]` is what the values of a node become. At level 0 each leaf is a node, in
    the same order; at the last level all are `*`. `nodes` (levels, leaves) has the node of every
    leaf at every level; leaves that share a node share all nodes above it.
    """

    labels: tuple[tuple[str, ...], ...]
    nodes: Nodes

    @property
    def leaves(self) -> tuple[str, ...]:
        """The values it knows; a missing one is `""`."""
        return self.labels[0]

    @property
    def levels(self) -> int:
        """How many levels it has, the values themselves and `*` included."""
        return len(self.labels)

    def at(self, level: int) -> list[str]:
        """Return what every leaf becomes at a level."""
        labels = self.labels[level]
        return [labels[node] for node in self.nodes[level].tolist()]

    def lines(self) -> Iterator[tuple[str, ...]]:
        """Yield every leaf with its labels up to `*`, as a line of a file has them."""
        return zip(*(self.at(level) for level in range(self.levels)), strict=True)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Hierarchy):
            return NotImplemented
        return self.labels == other.labels and np.array_equal(self.nodes, other.nodes)

    def __hash__(self) -> int:
        return hash(self.labels)


class Builder(Protocol):
    """A way to a hierarchy that can be kept, and repeated on other values."""

    def build(self, values: Sequence[str]) -> Hierarchy:
        """Return the hierarchy over different values; raise Refused where it makes none of them."""
        ...


def hierarchy_of(
    levels: Sequence[Sequence[str]], *, place: Callable[[int], str] | None = None
) -> Hierarchy:
    """Return the hierarchy whose leaves are `levels[0]`, with what they become at each next level.

    A last level of `*` is added where there is none. A missing leaf may stay `""` up to there.
    Raises Refused, naming the first labels concerned, where leaves repeat, a label is empty, `*`
    becomes something else, or a label has two labels above it; TooLarge. `place` says where leaf n
    stands, for these messages.
    """
    if not levels or not levels[0]:
        raise Refused("The hierarchy is empty: it holds no value.")
    _require_size(len(levels[0]), len(levels))
    where = place or (lambda leaf: f"of {_named(levels[0][leaf])}")
    numbered = [_numbered(level) for level in levels]
    if len(numbered) == 1 or numbered[-1][0] != (WITHHELD,):
        numbered.append(((WITHHELD,), np.zeros(len(levels[0]), dtype=np.int32)))
        _require_size(len(levels[0]), len(numbered))
    hierarchy = Hierarchy(
        tuple(labels for labels, _ in numbered), np.stack([nodes for _, nodes in numbered])
    )
    _check_leaves(levels[0], hierarchy, where)
    for level in range(1, hierarchy.levels):
        _check_labels(hierarchy, level, where)
    return hierarchy


def levels_over(
    values: Sequence[str], labels_of: Callable[[list[str]], Sequence[Sequence[str]]]
) -> Hierarchy:
    """Return a hierarchy over values; those missing stay so, `labels_of` is asked of the others."""
    present = [value for value in values if value != MISSING]
    levels = [list(level) for level in labels_of(present)] if present else []
    if len(present) < len(values) or not present:  # all rows may lack a value
        # it stays missing up to where nothing is said of any value
        levels = [[WITHHELD if {*level} == {WITHHELD} else MISSING, *level] for level in levels]
        present = [MISSING, *present]
    return hierarchy_of([present, *levels])


def _numbered(labels: Sequence[str]) -> tuple[tuple[str, ...], Nodes]:
    """Return (the different labels as they come, the number of each one)."""
    found: dict[str, int] = {}
    numbers = [found.setdefault(label, len(found)) for label in labels]
    return tuple(found), np.array(numbers, dtype=np.int32)


def _require_size(leaves: int, levels: int) -> None:
    if leaves > MOST_LEAVES:
        raise TooLarge(f"The hierarchy has {leaves:,} values; at most {MOST_LEAVES:,} are taken.")
    if levels > MOST_LEVELS:
        raise TooLarge(f"The hierarchy has {levels:,} levels; at most {MOST_LEVELS} are taken.")


def _check_leaves(leaves: Sequence[str], hierarchy: Hierarchy, where: Callable[[int], str]) -> None:
    if len(hierarchy.leaves) == len(leaves):
        return
    nodes = hierarchy.nodes[0]
    _, firsts = np.unique(nodes, return_index=True)
    second = int(np.setdiff1d(np.arange(len(nodes)), firsts)[0])
    first = int(firsts[nodes[second]])
    raise Refused(
        f"{_named(leaves[second])} is there twice: {where(first)} and {where(second)}. "
        "Each value has one line."
    )


def _check_labels(hierarchy: Hierarchy, level: int, where: Callable[[int], str]) -> None:
    """Check the labels of one level against those of the level below."""
    below, here = hierarchy.nodes[level - 1], hierarchy.nodes[level]
    labels, finer = hierarchy.labels[level], hierarchy.labels[level - 1]
    above = np.empty(len(finer), dtype=np.int32)
    above[below[::-1]] = here[::-1]  # the first leaf of each node decides
    if len(odd := np.flatnonzero(above[below] != here)):
        leaf = int(odd[0])
        node = int(below[leaf])
        first = int(np.flatnonzero(below == node)[0])
        raise Refused(
            f"{_named(finer[node])} of level {level - 1} has two labels at level {level}: "
            f"{_named(labels[above[node]])} ({where(first)}) and {_named(labels[here[leaf]])} "
            f"({where(leaf)}). A label belongs to one label of the next level."
        )
    for node, label in enumerate(finer):
        coarser = labels[above[node]]
        if coarser == MISSING != label:
            first = int(np.flatnonzero(below == node)[0])
            raise Refused(
                f"The label {where(first)} at level {level} is empty. Only a missing value has "
                "empty labels."
            )
        if label == WITHHELD != coarser and level > 1:
            raise Refused(
                f"At level {level} {_named(coarser)} stands behind {WITHHELD}, which says "
                "nothing: it is the last label of a line."
            )


def _named(label: str) -> str:
    return "A missing value" if label == MISSING else shown(label)
