"""What is measured, checked: columns of one length, quasi-identifier or sensitive, never both."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from fairdb_site.errors import Refused
from privacy.measures.grouping import Codes, Ints

MissingPolicy = Literal["own", "any", "drop"]


@dataclass(frozen=True, eq=False)
class Table:
    """Checked columns, without the rows that the policy leaves out.

    `kept` has the place of every row in what was given.
    """

    quasi_identifiers: dict[str, Codes]
    sensitive: dict[str, Codes]
    persons: Codes | None
    population: dict[str, Codes] | int | None
    kept: Ints
    left_out: int

    @property
    def rows(self) -> int:
        """How many rows are measured."""
        return len(self.kept)

    @property
    def population_rows(self) -> int | None:
        """How many rows the population has; None without one."""
        if self.population is None or isinstance(self.population, int):
            return self.population
        return len(next(iter(self.population.values())))


def checked(
    quasi_identifiers: Mapping[str, Codes],
    sensitive: Mapping[str, Codes],
    *,
    ordered: Collection[str],
    persons: Codes | None,
    missing: MissingPolicy,
    population: Mapping[str, Codes] | int | None,
) -> Table:
    """Return the table that is measured; raises Refused with a plain sentence."""
    _check_roles(quasi_identifiers, sensitive, ordered)
    if missing not in get_args(MissingPolicy):
        raise Refused("Missing values are counted as own, any or drop.", option="missing")
    rows = len(next(iter(quasi_identifiers.values())))
    of_persons = {} if persons is None else {"the persons": persons}
    for name, codes in {**quasi_identifiers, **sensitive, **of_persons}.items():
        _check_codes(name, codes, rows)
    if not rows:
        raise Refused("The table has no rows to measure.")
    kept = _complete(quasi_identifiers) if missing == "drop" else np.arange(rows)
    if not len(kept):
        raise Refused(
            "Every row lacks a value in some quasi-identifier, so leaving such rows out leaves "
            "none. Count missing values as a value of their own.",
            option="missing",
        )

    def only_kept(codes: Codes) -> Codes:
        return codes if len(kept) == rows else codes[kept]

    return Table(
        {name: only_kept(codes) for name, codes in quasi_identifiers.items()},
        {name: only_kept(codes) for name, codes in sensitive.items()},
        None if persons is None else only_kept(persons),
        _checked_population(population, list(quasi_identifiers), len(kept), missing),
        kept,
        rows - len(kept),
    )


def _check_roles(
    quasi_identifiers: Mapping[str, Codes],
    sensitive: Mapping[str, Codes],
    ordered: Collection[str],
) -> None:
    if not quasi_identifiers:
        raise Refused("Choose one quasi-identifier at least.", option="quasi_identifiers")
    both = [name for name in sensitive if name in quasi_identifiers]
    if both:
        raise Refused(
            f"A column is quasi-identifier or sensitive, not both: {', '.join(both)}.",
            option="sensitive",
        )
    strange = [name for name in ordered if name not in sensitive]
    if strange:
        raise Refused(f"No sensitive column is called {', '.join(strange)}.", option="sensitive")


def _check_codes(name: str, codes: Codes, rows: int) -> None:
    """Refuse what is no column of this table: a mistake of the caller's, not of the data."""
    if codes.ndim != 1 or len(codes) != rows:
        raise Refused(f"All columns have the same number of rows; {name} has another.")
    if codes.dtype.kind not in "iu" or (rows and int(codes.min()) < -1):
        raise Refused(f"Codes are whole numbers from 0, or -1 for missing; {name} has others.")


def _complete(columns: Mapping[str, Codes]) -> Ints:
    """Return the rows without a missing value."""
    return np.flatnonzero(np.logical_and.reduce([codes >= 0 for codes in columns.values()]))


def _checked_population(
    population: Mapping[str, Codes] | int | None,
    names: list[str],
    rows: int,
    missing: MissingPolicy,
) -> dict[str, Codes] | int | None:
    if population is None:
        return None
    if isinstance(population, int):
        if population < rows:
            raise Refused(
                f"The population has at least the table's {rows:,} rows. Give a larger number, or "
                "none.",
                option="population",
            )
        return population
    lacking = [name for name in names if name not in population]
    if lacking:
        raise Refused(
            f"The population table lacks quasi-identifiers: {', '.join(lacking)}.",
            option="population",
        )
    columns = {name: population[name] for name in names}
    size = len(columns[names[0]])
    for name, codes in columns.items():
        _check_codes(f"{name} of the population", codes, size)
    if missing == "drop":
        complete = _complete(columns)
        columns = {name: codes[complete] for name, codes in columns.items()}
    if not len(columns[names[0]]):
        raise Refused("The population table has no rows to compare with.", option="population")
    return columns
