"""What labels of intervals say: from which number or day to which."""

import re
from datetime import date, datetime
from typing import Final

Range = tuple[float, float]

_NUMBER: Final = r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?"
_BETWEEN: Final = re.compile(
    rf"[\[(\]]?\s*(?P<low>{_NUMBER})\s*(?:-|–|—|,|;|\.\.|to)\s*(?P<high>{_NUMBER})\s*[\])\[]?"
)
_BEYOND: Final = re.compile(rf"(?P<sign>[<>]=?|[≤≥])\s*(?P<edge>{_NUMBER})")
_LONGEST: Final = 200  # characters of a label that is looked at
_UNITS: Final = re.compile(
    r"(?P<year>\d{4})(?:-(?P<month>\d\d)|-Q(?P<quarter>[1-4])|-(?P<until>\d{4}))?", re.ASCII
)
_DAY: Final = 86_400
_EPOCH: Final = datetime(1970, 1, 1)  # noqa: DTZ001 - values have no time zone


def numbers_said(label: str) -> Range | None:
    """Return the bounds of `17-23`, `[20, 30)`, `-5 to 3`, `<18`, `>=65`; None for other labels."""
    label = label.strip()
    if len(label) > _LONGEST:
        return None
    if match := _BETWEEN.fullmatch(label):
        low, high = float(match["low"]), float(match["high"])
        return (low, high) if low <= high else None
    if match := _BEYOND.fullmatch(label):
        edge = float(match["edge"])
        below = match["sign"] in {"<", "<=", "≤"}
        return (float("-inf"), edge) if below else (edge, float("inf"))
    return None


def days_said(label: str) -> Range | None:
    """Return the bounds, in days since 1970, of `2024-03`, `2024-Q1`, `2024`, `2020-2029`."""
    match = _UNITS.fullmatch(label.strip())
    if not match:
        return None
    year, until = int(match["year"]), int(match["until"] or match["year"])
    first, last = 1, 12
    if match["month"]:
        first = last = int(match["month"])
    elif match["quarter"]:
        last = 3 * int(match["quarter"])
        first = last - 2
    if not (1 <= first <= last <= 12 and 1 <= year <= until < 9999):
        return None
    begins = date(year, first, 1)
    ends = date(until + last // 12, last % 12 + 1, 1)
    return _days(begins), _days(ends) - 1


def days_of(text: str) -> float:
    """Return the days since 1970 of a date or moment of ISO 8601; NaN for another text."""
    try:
        moment = datetime.fromisoformat(text).replace(tzinfo=None)
    except ValueError:
        return float("nan")
    return (moment - _EPOCH).total_seconds() / _DAY


def _days(day: date) -> float:
    return float((day - _EPOCH.date()).days)
