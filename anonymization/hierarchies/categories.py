"""Hierarchies over categories: trees, free value maps, rare values together, none at all."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from anonymization.hierarchies.hierarchy import (
    MISSING,
    Hierarchy,
    hierarchy_of,
    levels_over,
)
from datasets.ingest.names import shown
from fairdb_site.errors import Refused

Tree = Mapping[str, "Tree | Sequence[str]"]
"""Labels with what they hold: more labels, or the values themselves."""


@dataclass(frozen=True)
class Flat:
    """Values and `*`, nothing between."""

    def build(self, values: Sequence[str]) -> Hierarchy:
        """Return the hierarchy."""
        return levels_over(values, lambda _: [])


@dataclass(frozen=True)
class ValueMaps:
    """Free maps of values to labels, of these labels to coarser ones, and so on.

    What a map does not hold becomes `rest`, or stays as it is where that is None.
    """

    maps: tuple[Mapping[str, str], ...]
    rest: str | None = None

    def build(self, values: Sequence[str]) -> Hierarchy:
        """Return the hierarchy; raise Refused where it parts at one level what was one before."""

        def labels_of(present: list[str]) -> list[list[str]]:
            levels = [present]
            for labels in self.maps:
                levels.append(
                    [labels.get(x, x if self.rest is None else self.rest) for x in levels[-1]]
                )
            return levels[1:]

        return levels_over(values, labels_of)


@dataclass(frozen=True)
class Kept:
    """Frequent values stay, all others are `rest` together."""

    values: tuple[str, ...]
    rest: str = "other"

    def build(self, values: Sequence[str]) -> Hierarchy:
        """Return the hierarchy."""
        return ValueMaps(({value: value for value in self.values},), self.rest).build(values)


def tree_hierarchy(tree: Tree) -> Hierarchy:
    """Return the hierarchy of a tree: `{"Europe": {"North": ["SE", "NO"], "South": ["IT"]}}`.

    Where branches differ in depth, a value stays as it is until its branch begins. Raises Refused
    as `hierarchy_of` does, for a value in two branches say.
    """
    paths = list(_paths(tree, ()))
    depth = max((len(path) for path in paths), default=0)
    lines = [[path[0]] * (depth - len(path)) + list(path) for path in paths]
    return hierarchy_of([list(level) for level in zip(*lines, strict=True)])


@dataclass(frozen=True)
class Given:
    """A hierarchy that was drawn up or imported; other values may come to stand beside its own."""

    hierarchy: Hierarchy

    def build(self, values: Sequence[str]) -> Hierarchy:
        """Return the hierarchy as it is: what it does not cover is found when it is fitted."""
        return self.hierarchy


def _paths(tree: "Tree | Sequence[str]", above: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """Yield every value with the labels above it, the coarsest last."""
    if not isinstance(tree, Mapping):
        if isinstance(tree, str):
            raise Refused(f"Under {shown(above[0])} stands a text, not a list of values.")
        for value in tree:
            if not isinstance(value, str):
                raise Refused(f"Under {shown(above[0])} stands {value!r}, which is no text.")
            yield (value, *above)
        return
    for label, below in tree.items():
        if label == MISSING:
            raise Refused("A branch of the tree has no label.")
        yield from _paths(below, (label, *above))
