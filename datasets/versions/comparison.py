"""What differs between the columns of two versions, compared by their labels."""

from collections.abc import Sequence
from dataclasses import dataclass

from datasets.models import DatasetColumn


@dataclass(frozen=True)
class Difference:
    """A column that both versions have and that is not the same in both; `before` and `after`."""

    label: str
    what: tuple[tuple[str, str, str], ...]  # (what differs, before, after)


@dataclass(frozen=True)
class Comparison:
    """Columns of one version alone, of the other alone, and of both that differ."""

    added: tuple[str, ...]
    removed: tuple[str, ...]
    differing: tuple[Difference, ...]
    alike: int

    @property
    def in_both(self) -> int:
        """How many columns both versions have."""
        return self.alike + len(self.differing)

    @property
    def in_one(self) -> int:
        """How many columns one version has and the other lacks."""
        return len(self.added) + len(self.removed)


def compare_columns(before: Sequence[DatasetColumn], after: Sequence[DatasetColumn]) -> Comparison:
    """Compare data columns; of several with one label the first are compared with the first."""
    old, new = _by_label(before), _by_label(after)
    both = [key for key in new if key in old]
    differing = tuple(
        Difference(key[0], what) for key in both if (what := _differences(old[key], new[key]))
    )
    return Comparison(
        added=tuple(label for label, n in new if (label, n) not in old),
        removed=tuple(label for label, n in old if (label, n) not in new),
        differing=differing,
        alike=len(both) - len(differing),
    )


def _by_label(columns: Sequence[DatasetColumn]) -> dict[tuple[str, int], DatasetColumn]:
    seen: dict[str, int] = {}
    found = {}
    for column in columns:
        seen[column.label] = seen.get(column.label, 0) + 1
        found[column.label, seen[column.label]] = column
    return found


_COMPARED = (
    ("type", "data_type"),
    ("missing", "missing"),
    ("different values", "distinct_count"),
    ("least", "minimum"),
    ("greatest", "maximum"),
    ("mean", "mean"),
)


def _differences(before: DatasetColumn, after: DatasetColumn) -> tuple[tuple[str, str, str], ...]:
    return tuple(
        (name, _text(getattr(before, field)), _text(getattr(after, field)))
        for name, field in _COMPARED
        if getattr(before, field) != getattr(after, field)
    )


def _text(value: object) -> str:
    if value is None:
        return "none"
    if isinstance(value, int | float):
        return f"{value:,}" if isinstance(value, int) else f"{value:,.6g}"
    return str(value)
