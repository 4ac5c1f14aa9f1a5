"""All measures of a table at once: how identifying it is, and whether that is within thresholds."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np

from privacy.measures import closeness, models, p29, risk
from privacy.measures.classes import Classes, Persons, classes_of, persons_of
from privacy.measures.grouping import Codes, Ints
from privacy.measures.inputs import MissingPolicy, Table, checked
from privacy.measures.models import Floats
from privacy.measures.risk import Risk
from privacy.measures.tally import Tally, tally
from privacy.measures.verdict import Check, Thresholds

_ROUNDING: Final = 1e-9  # of a figure that lies exactly on its threshold


@dataclass(frozen=True)
class Models:
    """What one sensitive column's classes give away (each model says more in `models`).

    `normalized_entropy` is the smallest of a class, `..._mean` the mean over classes.
    """

    alpha: float
    l_distinct: int
    l_entropy: int
    l_entropy_exact: float
    l_recursive_c: int | None
    normalized_entropy: float
    normalized_entropy_mean: float
    beta: float
    beta_enhanced: float
    beta_enhanced_exact: float | None
    t: float
    delta: float


@dataclass(frozen=True, eq=False)
class Report:
    """The figures of a table.

    `row_risks` has the prosecutor's chance for every measured row, whose place in what was given
    is in `kept`. `of_persons` is there where ids were given; the verdict goes by the worse.
    `overall` is the worst of all sensitive columns, with c at the smallest l of them. `population`
    is how many rows the journalist's population has; None where it is the table. Where rows of it
    were counted, `population_short` says how many of the table it has too few rows for.
    """

    rows: int
    left_out: int
    missing: MissingPolicy
    population: int | None
    population_short: int | None
    thresholds: Thresholds
    classes: Classes
    persons: Persons | None
    prosecutor: Risk
    prosecutor_of_persons: Risk | None
    journalist: Risk
    columns: dict[str, Models]
    overall: Models | None
    p29: float | None
    p29_v2: float | None
    row_risks: Floats
    kept: Ints
    remarks: tuple[str, ...]

    @property
    def k_persons(self) -> int:
        """The smallest number of persons in a class; of rows, where each is a person."""
        return self.classes.k if self.persons is None else self.persons.k

    @property
    def held(self) -> bool:
        """Whether all thresholds are."""
        return all(check.held for check in self.checks())

    def checks(self) -> list[Check]:
        """Return each threshold beside the worst figure; ties of rows and persons say rows."""
        return list(_checks(self))

    def rows_at_risk(self, most: int = 100) -> list[tuple[int, float]]:
        """Return the places (from 0, as given) and risks of the rows at most risk, worst first."""
        order = np.argsort(-self.row_risks, kind="stable")[:most]
        return list(zip(self.kept[order].tolist(), self.row_risks[order].tolist(), strict=True))

    def flat(self) -> dict[str, Any]:
        """Return the figures for JSON: numbers, and of sensitive columns {column: number}.

        null is what cannot be said: scores without a sensitive column, c where l is 1.
        """
        people = self.persons
        figures: dict[str, Any] = {
            "rows": self.rows,
            "rows_left_out": self.left_out,
            "missing_policy": self.missing,
            "population": self.population,
            "classes": self.classes.count,
            "k": self.classes.k,
            "k_persons": self.k_persons,
            "uniques": self.classes.uniques,
            "uniques_persons": self.classes.uniques if people is None else people.uniques,
            "prosecutor_max": self.prosecutor.highest,
            "prosecutor_average": self.prosecutor.average,
            "prosecutor_above": self.prosecutor.above,
            "prosecutor_max_persons": (self.prosecutor_of_persons or self.prosecutor).highest,
            "marketer": self.journalist.average,
            "journalist_max": self.journalist.highest,
            "p29": self.p29,
            "p29_v2": self.p29_v2,
        }
        of_columns = {name: asdict(column) for name, column in self.columns.items()}
        for measure in Models.__dataclass_fields__:
            figures[measure] = {name: column[measure] for name, column in of_columns.items()}
        return figures


def measure(
    quasi_identifiers: Mapping[str, Codes],
    sensitive: Mapping[str, Codes] | None = None,
    *,
    ordered: Collection[str] = (),
    persons: Codes | None = None,
    missing: MissingPolicy = "own",
    population: Mapping[str, Codes] | int | None = None,
    thresholds: Thresholds | None = None,
) -> Report:
    """Return all measures of a table.

    Columns are integer arrays with a code for each row, -1 for missing (`coding` makes them).
    `ordered` names the sensitive columns of numbers, whose codes are in their order. `persons` are
    codes of the id where it repeats. `missing` is about quasi-identifiers: a value of its own,
    matches anything, or the row is left out; in a sensitive column it is a value of its own.
    `population` is what the journalist knows: a table of the same quasi-identifiers with the same
    codes, or its number of rows; none is the table itself. Raises Refused with a plain sentence.
    """
    table = checked(
        quasi_identifiers,
        sensitive or {},
        ordered=ordered,
        persons=persons,
        missing=missing,
        population=population,
    )
    limits = thresholds or Thresholds()
    matching = missing == "any"
    classes = classes_of(list(table.quasi_identifiers.values()), matching=matching)
    there = _rows_in_population(table, matching=matching)
    short = None if there is None else int((there < classes.sizes[classes.labels]).sum())
    people = None if table.persons is None else persons_of(classes, table.persons)
    columns = {
        name: _Column.of(tally(classes, codes), in_order=name in ordered)
        for name, codes in table.sensitive.items()
    }
    overall = _overall(list(columns.values()))
    k_of_the_worse = classes.k if people is None else min(classes.k, people.k)
    prosecutor = risk.prosecutor(classes, limits.risk)
    return Report(
        rows=table.rows,
        left_out=table.left_out,
        missing=missing,
        population=table.population_rows,
        population_short=short,
        thresholds=limits,
        classes=classes,
        persons=people,
        prosecutor=prosecutor,
        prosecutor_of_persons=(
            None if people is None else risk.prosecutor_of_persons(people, limits.risk)
        ),
        journalist=_journalist(table, classes, limits.risk, there) or prosecutor,
        columns={name: column.models for name, column in columns.items()},
        overall=overall,
        p29=p29.original(
            classes.k,
            [column.entropies for column in columns.values()],
            [column.equal_distances for column in columns.values()],
        ),
        p29_v2=None if overall is None else p29.v2(k_of_the_worse, overall.l_distinct, overall.t),
        row_risks=risk.row_risks(classes),
        kept=table.kept,
        remarks=tuple(_remarks(table, classes, short)),
    )


@dataclass(frozen=True, eq=False)
class _Column:
    """A sensitive column on the way: its models, and of every class what P29 asks for."""

    models: Models
    tally: Tally
    entropies: Floats
    equal_distances: Floats

    @classmethod
    def of(cls, counted: Tally, *, in_order: bool) -> "_Column":
        entropies = models.entropies(counted)
        normalized = models.normalized_entropies(counted, entropies)
        equal = closeness.equal_distances(counted)
        distances = closeness.ordered_distances(counted) if in_order else equal
        l_distinct = models.distinct_l(counted)
        found = Models(
            alpha=models.alpha(counted),
            l_distinct=l_distinct,
            l_entropy=models.whole_entropy_l(entropies),
            l_entropy_exact=models.entropy_l(entropies),
            l_recursive_c=models.recursive_c(counted, l_distinct),
            normalized_entropy=float(normalized.min()),
            normalized_entropy_mean=float(normalized.mean()),
            beta=models.beta(counted),
            beta_enhanced=models.enhanced_beta(counted),
            beta_enhanced_exact=models.exact_enhanced_beta(counted),
            t=float(distances.max()),
            delta=models.delta(counted),
        )
        return cls(found, counted, normalized, equal)


def _overall(columns: list[_Column]) -> Models | None:
    """Return the worst of several columns, as pycanon combines them."""
    if not columns:
        return None
    found = [column.models for column in columns]
    l_distinct = min(one.l_distinct for one in found)
    cs = [models.recursive_c(column.tally, l_distinct) for column in columns]
    exact = [one.beta_enhanced_exact for one in found]
    return Models(
        alpha=max(one.alpha for one in found),
        l_distinct=l_distinct,
        l_entropy=min(one.l_entropy for one in found),
        l_entropy_exact=min(one.l_entropy_exact for one in found),
        l_recursive_c=max((c for c in cs if c is not None), default=None),
        normalized_entropy=min(one.normalized_entropy for one in found),
        normalized_entropy_mean=float(np.mean([one.normalized_entropy_mean for one in found])),
        beta=max(one.beta for one in found),
        beta_enhanced=max(one.beta_enhanced for one in found),
        beta_enhanced_exact=None if None in exact else max(b for b in exact if b is not None),
        t=max(one.t for one in found),
        delta=max(one.delta for one in found),
    )


def _rows_in_population(table: Table, *, matching: bool) -> Ints | None:
    if table.population is None or isinstance(table.population, int):
        return None
    sample, population = table.quasi_identifiers.values(), table.population.values()
    return risk.rows_in_population(list(sample), list(population), matching=matching)


def _journalist(
    table: Table, classes: Classes, threshold: float, there: Ints | None
) -> Risk | None:
    if there is not None:
        return risk.journalist_of_population(classes, there, threshold)
    if isinstance(table.population, int):
        return risk.journalist_of_size(classes, table.population, threshold)
    return None


def _checks(report: Report) -> Iterator[Check]:
    limits = report.thresholds
    k = min(report.classes.k, report.k_persons)
    yield Check("k", k, limits.k, k >= limits.k, "rows" if k == report.classes.k else "persons")
    for name, column in report.columns.items():
        yield Check("l", column.l_distinct, limits.l, column.l_distinct >= limits.l, column=name)
        within = column.t <= limits.t + _ROUNDING
        yield Check("t", column.t, limits.t, within, column=name)
    of_rows = report.prosecutor.highest
    highest = max(of_rows, (report.prosecutor_of_persons or report.prosecutor).highest)
    within = highest <= limits.risk + _ROUNDING
    yield Check("risk", highest, limits.risk, within, "rows" if highest == of_rows else "persons")


def _remarks(table: Table, classes: Classes, short: int | None) -> Iterator[str]:
    """Yield what a reader should know before the figures, in plain sentences."""
    if table.rows == 1:
        yield "The table has a single row, which nothing can hide."
    elif classes.uniques == table.rows:
        yield "Every row is unique in the quasi-identifiers: each can be singled out."
    if table.left_out:
        yield f"Rows left out for a missing quasi-identifier: {table.left_out:,}."
    if short:
        yield (
            f"The population has fewer rows than the table for {short:,} of {table.rows:,} rows, "
            "so it does not hold all of it: there the table's own count is taken."
        )
    if not table.sensitive:
        yield "No column is sensitive, so what classes give away was not measured."
    for name, codes in (table.quasi_identifiers | table.sensitive).items():
        low, high = int(codes.min()), int(codes.max())
        if high < 0:
            yield f"Every value of {name} is missing."
        elif low == high and table.rows > 1:
            yield f"{name} has the same value in every row."
