"""Which columns play which role in a report, as people name them, and what else they chose."""

import csv
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Literal
from uuid import UUID

from datasets.ingest.choosing import Labels
from datasets.ingest.names import shown
from datasets.ingest.profile import column_name
from fairdb_site.errors import Refused
from privacy.measures.inputs import MissingPolicy
from privacy.measures.verdict import Thresholds

Role = Literal["direct_identifier", "quasi_identifier", "sensitive", "other"]
"""What a column is to somebody who wants to identify persons; each has one or none."""

MOST_MEASURED = 1_000
"""Columns of one report; each is held in memory, and nobody knows so many of a person."""

MOST_CELLS = 100_000_000
"""Cells of one report: 400 MB of codes; the text of a single column so long takes some 2.5 GB."""

_LABELS_SHOWN: Final = 5
_TITLES = {
    "quasi_identifiers": "a quasi-identifier",
    "sensitive": "sensitive",
    "id_column": "the id",
}


@dataclass(frozen=True)
class Roles:
    """Places of columns (from 1) by role; `id_position` is of the column that tells persons.

    Direct identifiers, but for that one, are not measured: they are named beside the verdict.
    """

    quasi_identifiers: tuple[int, ...]
    sensitive: tuple[int, ...] = ()
    id_position: int | None = None
    direct_identifiers: tuple[int, ...] = ()

    @property
    def positions(self) -> tuple[int, ...]:
        """The places of all columns that are measured."""
        ids = () if self.id_position is None else (self.id_position,)
        return (*self.quasi_identifiers, *self.sensitive, *ids)


@dataclass(frozen=True)
class Rules:
    """What a table is held against, and how missing quasi-identifiers are counted.

    `population` is of how many people the rows are a sample, `population_dataset` a dataset that
    holds them; at most one is there, none where nobody knows.
    """

    thresholds: Thresholds = field(default_factory=Thresholds)
    missing: MissingPolicy = "own"
    population: int | None = None
    population_dataset: UUID | None = None


def roles_named(
    header: Sequence[str],
    *,
    quasi_identifiers: str,
    sensitive: str = "",
    id_column: str = "",
) -> Roles:
    """Return the columns that lists of labels name, each a line of CSV (`age,"height, cm",#7`).

    A column goes by its label, its place, places (`#3-7`) or a pattern (`age*`). Raises Refused for
    one that is not there, is named twice, or has two roles.
    """
    labels = Labels(header)
    named = {
        "quasi_identifiers": _positions(labels, quasi_identifiers, "quasi_identifiers"),
        "sensitive": _positions(labels, sensitive, "sensitive"),
        "id_column": list(labels.named(id_column, option="id_column")) if id_column else [],
    }
    if not named["quasi_identifiers"]:
        raise Refused("Name one quasi-identifier at least.", option="quasi_identifiers")
    if len(named["id_column"]) > 1:
        raise Refused("One column tells the persons; several are named.", option="id_column")
    roles = Roles(
        tuple(named["quasi_identifiers"]),
        tuple(named["sensitive"]),
        next(iter(named["id_column"]), None),
    )
    _require_one_role_each(header, named)
    require_measurable(len(roles.positions))
    return roles


def require_measurable(columns: int) -> None:
    """Refuse more columns than one report measures."""
    if columns > MOST_MEASURED:
        raise Refused(
            f"{columns:,} columns have a role in the report; at most {MOST_MEASURED:,} are "
            "measured together. Name fewer quasi-identifiers or sensitive columns."
        )


def require_affordable(rows: int, columns: int) -> None:
    """Refuse more cells than one report holds in memory."""
    if rows * columns > MOST_CELLS:
        raise Refused(
            f"{columns:,} columns of {rows:,} rows have too many cells for one report: "
            f"at most {MOST_CELLS:,} are measured together. Give fewer columns a role."
        )


def names_at(header: Sequence[str], positions: Sequence[int]) -> dict[int, str]:
    """Return what a report calls columns: the label, or a place such as #3 where several share it.

    Positions count from 1.
    """
    times = Counter(header)
    return {position: column_name(header, position, times) for position in positions}


def places_in_population(
    header: Sequence[str], positions: Sequence[int], population: Sequence[str]
) -> dict[int, int]:
    """Return the place (from 1) of each column in a population, by the label that both have once.

    Raises Refused with the names of those that are not there, or there more than once.
    """
    times, there = Counter(header), Counter(population)
    named = {position: header[position - 1] for position in positions}
    several = [label for label in named.values() if times[label] > 1 or there[label] > 1]
    if several:
        raise Refused(
            f"Columns of a population are found by their labels, and several are named "
            f"{_listed(several)}.",
            option="population_table",
        )
    lacking = [label for label in named.values() if not there[label]]
    if lacking:
        raise Refused(
            f"The population has no {_listed(lacking)}, and needs a column of the same label for "
            f"every quasi-identifier. Its labels are {_listed(population)}.",
            option="population_table",
        )
    return {position: population.index(label) + 1 for position, label in named.items()}


def _listed(labels: Sequence[str]) -> str:
    more = len(labels) - _LABELS_SHOWN
    names = ", ".join(map(shown, labels[:_LABELS_SHOWN]))
    return f"{names} and {more:,} more" if more > 0 else names


def _positions(labels: Labels, text: str, option: str) -> list[int]:
    names = next(csv.reader([text], skipinitialspace=True), []) if text.strip() else []
    found: list[int] = []
    for name in names:
        if not name.strip():
            raise Refused("A column without a name is listed: write its place.", option=option)
        for position in labels.named(name, option=option):
            if position in found:
                raise Refused(f"{shown(name)} is named twice.", option=option)
            found.append(position)
    return found


def _require_one_role_each(header: Sequence[str], named: dict[str, list[int]]) -> None:
    roles: dict[int, str] = {}
    for option, positions in named.items():
        for position in positions:
            if position in roles:
                raise Refused(
                    f"{shown(header[position - 1])} is named as {_TITLES[roles[position]]} and as "
                    f"{_TITLES[option]}. A column has one role.",
                    option=option,
                )
            roles[position] = option
