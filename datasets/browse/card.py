"""The card of a column: what its values come to, and the geometry of its chart."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from itertools import pairwise
from math import ceil, log10

from datasets import rpc
from datasets.browse.charts import TopBar, top_bars
from datasets.browse.column_choice import write_choice
from datasets.browse.query import Condition, Query
from datasets.browse.shown import Column, Dataset
from datasets.selectors import column_of
from fairdb_site.errors import NotFound
from fairdb_site.supabase.clients import Supabase
from fairdb_site.supabase.errors import TooSlow

BARS = 24
CHART_WIDTH = 480.0
CHART_HEIGHT = 120.0
_GAP = 1.0
_LEAST = 1.0
"""Height of a bar of few values among many: seen, but hardly."""

_DAYS = ("date", "timestamp")
_EPOCH = datetime.fromisoformat("1970-01-01")


@dataclass(frozen=True)
class Bar:
    """The values in one step of a histogram: from (with) to (without), how many, and its place."""

    start: str
    end: str
    count: int
    x: float
    y: float
    width: float
    height: float
    address: str  # of the rows that have them


@dataclass(frozen=True)
class TopValue:
    """One of the most frequent values, and the address of the rows that have it."""

    bar: TopBar
    address: str


@dataclass(frozen=True)
class Card:
    """A column, its values as they are now, and the columns on either side of it.

    `is_counted` is False where counting took too long: the figures are then those of the load.
    """

    dataset: Dataset
    column: Column
    previous: Column | None
    next: Column | None
    rows: int
    bars: tuple[Bar, ...]
    top: tuple[TopValue, ...]
    is_counted: bool

    @property
    def present(self) -> int:
        """How many rows have a value."""
        return self.rows - self.column.missing

    @property
    def shown_address(self) -> str:
        """Address of the rows that shows this column and those after it."""
        return Query(columns=write_choice(self.dataset.width.window(self.column.position))).address

    @property
    def sorted_address(self) -> str:
        """The same, sorted by this column."""
        query = Query(columns=write_choice(self.dataset.width.window(self.column.position)))
        return query.sorted_by(self.column.position).address

    @property
    def missing_address(self) -> str:
        """The same, of the rows without a value."""
        return _rows_with(self.dataset, Condition(self.column.position, "missing"))

    @property
    def highest(self) -> int:
        """Values in the highest bar."""
        return max((bar.count for bar in self.bars), default=0)


def column_card(*, supabase: Supabase, dataset: Dataset, position: int) -> Card:
    """Return the card of a column; NotFound where there is none at this position."""
    if not 1 <= position <= dataset.width.total:
        raise NotFound("There is no such column in this dataset.")
    found = {
        column["position"]: column_of(column, dataset.rows)
        for column in rpc.get_columns_at(
            supabase, dataset.id, [position - 1, position, position + 1]
        )
    }
    column, rows, is_counted = found[position], dataset.rows, True
    bars: tuple[Bar, ...] = ()
    top: tuple[TopValue, ...] = ()
    if not column.is_id:
        try:
            profile = rpc.get_column_profile(supabase, dataset.id, position, bars=BARS)
        except TooSlow:
            is_counted = False
            top = _top(dataset, column, [(bar.value, bar.count) for bar in column.top])
        else:
            rows = profile["rows"]
            column = _as_now(column, profile)
            bars = histogram(dataset, column, profile)
            top = _top(dataset, column, profile["top"])
    return Card(
        dataset=dataset,
        column=column,
        previous=found.get(position - 1),
        next=found.get(position + 1),
        rows=rows,
        bars=bars,
        top=top,
        is_counted=is_counted,
    )


def histogram(dataset: Dataset, column: Column, profile: rpc.ColumnProfile) -> tuple[Bar, ...]:
    """Return a bar for every step between the least and the largest value, also for empty ones."""
    low, high, steps = profile.get("low"), profile.get("high"), profile.get("steps") or 0
    if not profile["bars"] or low is None or high is None:
        return ()
    counts = dict(profile["bars"])
    highest = max(counts.values())
    width = CHART_WIDTH / steps
    ends = [low + (high - low) * step / steps for step in range(steps + 1)]
    digits = _digits(low, high, steps)
    bars = []
    for step, (start, end) in enumerate(pairwise(ends), 1):
        count = counts.get(step, 0)
        height = max(CHART_HEIGHT * count / highest, _LEAST) if count else 0.0
        is_last = step == steps
        written = [_written(column.data_type, value, digits) for value in (start, end)]
        bars.append(
            Bar(
                start=written[0],
                end=written[1],
                count=count,
                x=round((step - 1) * width, 2),
                y=round(CHART_HEIGHT - height, 2),
                width=round(max(width - _GAP, 0.5), 2),
                height=round(height, 2),
                address=_rows_between(dataset, column, start, end, is_last=is_last),
            )
        )
    return tuple(bars)


def _as_now(column: Column, profile: rpc.ColumnProfile) -> Column:
    rows, missing = profile["rows"], profile["missing"]
    counted = replace(column, missing=missing, missing_share=missing / rows if rows else 0.0)
    if "minimum" not in profile:
        return counted
    return replace(
        counted,
        minimum=profile["minimum"],
        maximum=profile["maximum"],
        mean=profile["mean"],
    )


def _top(
    dataset: Dataset, column: Column, values: Sequence[tuple[str, int]]
) -> tuple[TopValue, ...]:
    return tuple(
        TopValue(bar, _rows_with(dataset, Condition(column.position, "eq", (bar.value,))))
        for bar in top_bars(((value, count) for value, count in values), rows=dataset.rows)
    )


def _rows_with(dataset: Dataset, *conditions: Condition) -> str:
    (position,) = {condition.position for condition in conditions}
    window = write_choice(dataset.width.window(position))
    return Query(columns=window, conditions=conditions).address


def _rows_between(
    dataset: Dataset, column: Column, start: float, end: float, *, is_last: bool
) -> str:
    """Return the address of the rows in a step, its bounds as exact as the type has them."""
    first, past = _exact(column.data_type, start), _exact(column.data_type, end)
    below = "le" if is_last and column.data_type in ("float", "timestamp") else "lt"
    return _rows_with(
        dataset,
        Condition(column.position, "ge", (first,)),
        Condition(column.position, below, (past,)),
    )


def _exact(data_type: str, value: float) -> str:
    if data_type == "integer":
        return str(ceil(value))
    if data_type in _DAYS:
        return _moment(data_type, value)
    return repr(value)


def _written(data_type: str, value: float, digits: int) -> str:
    if data_type in _DAYS:
        return _moment(data_type, value)
    return f"{value:,.{digits}f}" if abs(value) < 1e15 else f"{value:.4g}"


def _moment(data_type: str, value: float) -> str:
    step = timedelta(days=value) if data_type == "date" else timedelta(seconds=value)
    try:
        moment = _EPOCH + step
    except OverflowError:  # before year 1, or after 9999
        return "9999-12-31" if value > 0 else "0001-01-01"
    return date.isoformat(moment) if data_type == "date" else moment.isoformat(sep=" ")


def _digits(low: float, high: float, steps: int) -> int:
    """Return the decimals that tell the bounds of steps apart."""
    step = (high - low) / steps
    if step <= 0 or step == int(step):
        return 0
    return min(max(2 - int(log10(step)), 0), 12)
