"""Hierarchies over dates and times: calendar units, and ages at a day."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final, Literal, get_args

from anonymization.hierarchies.hierarchy import Hierarchy, levels_over
from anonymization.hierarchies.intervals import EqualWidth
from datasets.ingest.names import shown
from fairdb_site.errors import Refused

Unit = Literal["day", "month", "quarter", "year", "decade"]
"""Units of the calendar, each made of whole ones of those before it."""

UNITS: Final[tuple[Unit, ...]] = get_args(Unit)


@dataclass(frozen=True)
class Dates:
    """Days or moments by ever longer units: `2024-03-05`, `2024-03`, `2024-Q1`, `2024`, a decade.

    `Dates(("month", "year"))` leaves out what is not named.
    """

    units: tuple[Unit, ...] = ("month", "quarter", "year", "decade")

    def build(self, values: Sequence[str]) -> Hierarchy:
        """Return the hierarchy; raise Refused for what is no date, or units that do not grow."""
        if unknown := [unit for unit in self.units if unit not in UNITS]:
            raise Refused(f"{shown(unknown[0])} is no unit of dates: {', '.join(UNITS)}.")
        places = [UNITS.index(unit) for unit in self.units]
        if not places or places != sorted(set(places)):
            raise Refused(f"Units of dates go from short to long: {', '.join(UNITS)}.")

        def labels_of(present: list[str]) -> list[list[str]]:
            days = [moment_of(value) for value in present]
            return [[_LABELS[unit](day) for day in days] for unit in self.units]

        return levels_over(values, labels_of)


@dataclass(frozen=True)
class Ages:
    """Dates of birth as completed years at a day, then as intervals of years.

    `Ages(date(2024, 1, 1), 5, (2, 2))`: years, then 5, 10 and 20 of them.
    """

    at: date
    width: int = 5
    merge: tuple[int, ...] = (2, 2)

    def build(self, values: Sequence[str]) -> Hierarchy:
        """Return the hierarchy; raise Refused for what is no date, or a birth after the day."""

        def labels_of(present: list[str]) -> list[list[str]]:
            ages = [str(age_at(moment_of(value), self.at)) for value in present]
            different = list(dict.fromkeys(ages))
            above = EqualWidth(self.width, self.merge).build(different)
            found = dict(zip(different, above.lines(), strict=True))
            return [list(level) for level in zip(*(found[age] for age in ages), strict=True)]

        return levels_over(values, labels_of)


def moment_of(value: str) -> datetime:
    """Return the moment that a text of ISO 8601 is, of a date its beginning; raise Refused."""
    try:
        return datetime.fromisoformat(value)
    except ValueError:
        raise Refused(
            f"{shown(value)} is not a date, which this hierarchy is over. Dates are YYYY-MM-DD."
        ) from None


def age_at(born: datetime, day: date) -> int:
    """Return the years that are completed at a day; of those born on 29 February by 1 March."""
    age = day.year - born.year - ((day.month, day.day) < (born.month, born.day))
    if age < 0:
        raise Refused(f"A date of birth lies after {day.isoformat()}, at which ages are counted.")
    return age


def _decade(moment: datetime) -> str:
    first = moment.year // 10 * 10
    return f"{first:04}-{first + 9:04}"


_LABELS: Final[Mapping[Unit, Callable[[datetime], str]]] = {
    "day": lambda moment: moment.date().isoformat(),
    "month": lambda moment: f"{moment.year:04}-{moment.month:02}",
    "quarter": lambda moment: f"{moment.year:04}-Q{(moment.month + 2) // 3}",
    "year": lambda moment: f"{moment.year:04}",
    "decade": _decade,
}
