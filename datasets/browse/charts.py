"""The geometry of the small charts that templates draw as SVG. Lengths are in chart units."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from datasets.browse.column_choice import WINDOW

BAR = 100.0
"""Width of a share bar: a unit is a hundredth."""

MAP_HEIGHT = 40.0

FAINTEST = 0.06
"""Opacity of the band below a column with one value: seen, but hardly."""

MAP_BARS = 240
"""Bars of a column map: one a column while there are fewer, about two pixels each beyond."""

TYPES = ("integer", "float", "boolean", "date", "timestamp", "text")


@dataclass(frozen=True)
class Segment:
    """A piece of a stacked bar: its type, place and length, how many it stands for."""

    data_type: str
    start: float
    length: float
    count: int


@dataclass(frozen=True)
class MapBar:
    """Neighbouring columns: which ones, their mean share of missing cells, a segment a type."""

    first: int
    last: int
    x: float
    missing_share: float
    different_share: float  # distinct values per row (0..1): 1 where no two rows agree
    segments: tuple[Segment, ...]

    @property
    def shade(self) -> float:
        """The opacity that stands for how many different values there are."""
        return round(FAINTEST + (1 - FAINTEST) * self.different_share, 2)

    @property
    def window_end(self) -> int:
        """The last column of the screenful that begins with this bar."""
        return self.first + WINDOW - 1


@dataclass(frozen=True)
class ColumnGroup:
    """Columns of one type within one bar of the map, as counted in the database."""

    bar: int
    data_type: str
    count: int
    missing: int
    different: int
    first: int
    last: int


@dataclass(frozen=True)
class TopBar:
    """One of the most frequent values of a column: its count and share of all rows (0..1)."""

    value: str
    count: int
    share: float

    @property
    def percent(self) -> float:
        """The share as a chart draws it."""
        return BAR * self.share


def type_bar(counts: Mapping[str, int]) -> tuple[Segment, ...]:
    """Return one stacked bar of the columns by type, in the order of `TYPES`."""
    total = sum(counts.values())
    segments, at = [], 0.0
    for data_type in TYPES:
        if count := counts.get(data_type, 0):
            length = BAR * count / total
            segments.append(Segment(data_type, at, length, count))
            at += length
    return tuple(segments)


def column_map(groups: Iterable[ColumnGroup], *, rows: int) -> tuple[MapBar, ...]:
    """Return the bars of a map of all columns, left to right.

    A bar's height is the share of filled cells of its columns; it is stacked by type, so that the
    make-up of a table of any width is seen at a glance. The band below it is the darker the more
    different values its columns hold.
    """
    by_bar: dict[int, list[ColumnGroup]] = defaultdict(list)
    for group in groups:
        by_bar[group.bar].append(group)
    return tuple(_map_bar(bar, by_bar[bar], rows) for bar in sorted(by_bar))


def _map_bar(bar: int, groups: Sequence[ColumnGroup], rows: int) -> MapBar:
    columns = sum(group.count for group in groups)
    cells = columns * rows
    missing = sum(group.missing for group in groups) / cells if cells else 0.0
    different = sum(group.different for group in groups) / cells if cells else 0.0
    at, segments = MAP_HEIGHT, []
    for group in sorted(groups, key=lambda group: TYPES.index(group.data_type)):
        length = MAP_HEIGHT * (1 - missing) * group.count / columns
        at -= length
        segments.append(Segment(group.data_type, at, length, group.count))
    return MapBar(
        first=min(group.first for group in groups),
        last=max(group.last for group in groups),
        x=float(bar),
        missing_share=missing,
        different_share=min(different, 1.0),
        segments=tuple(segments),
    )


def top_bars(top: Iterable[tuple[str, int]], *, rows: int) -> tuple[TopBar, ...]:
    """Return a bar for each of a column's most frequent values, as shares of all rows."""
    return tuple(TopBar(value, count, count / rows if rows else 0.0) for value, count in top)
