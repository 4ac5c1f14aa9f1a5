"""What the pages on privacy show: made as the owner, ready to be drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import numpy as np

from datasets.browse.shown import Column, Dataset
from datasets.models import Dataset as DatasetModel
from datasets.models import DatasetColumn
from datasets.turns import turn
from fairdb_site.database import as_user
from fairdb_site.errors import Conflict, FairdbError, NotFound, Refused, SignInRequired
from privacy.abundances import abundances_read
from privacy.chosen import names_at, require_measurable
from privacy.codes import CodedDataset, dataset_coded
from privacy.measures.combinations import Combination, Sweep, affordable_size, all_combinations
from privacy.measures.report import Report
from privacy.measures.taxa import taxa_uniqueness
from privacy.pages import charts, sentences
from privacy.services import (
    Kept,
    MadeReport,
    RowAtRisk,
    choices_kept,
    report_make,
    row_numbers,
    rows_at_risk,
)

ROWS_SHOWN = 20
_LARGEST = 4
_LISTED = 5
_NAMED = 3


@dataclass(frozen=True)
class ShownReport:
    """A report as the page has it, or the sentence why there is none."""

    refusal: str
    made: MadeReport | None = None
    verdict: str = ""
    why: str = ""
    names: tuple[str, ...] = ()
    checks: tuple[sentences.ShownCheck, ...] = ()
    more_checks: tuple[sentences.ShownCheck, ...] = ()
    direct: str = ""
    figures: tuple[sentences.Figure, ...] = ()
    models: tuple[tuple[str, list[str]], ...] = ()
    overall: tuple[str, ...] = ()
    sizes: tuple[charts.Bar, ...] = ()
    curve: charts.Curve | None = None
    columns: tuple[charts.Bar, ...] = ()
    at_risk: tuple[RowAtRisk, ...] = ()


@dataclass(frozen=True)
class SpecialRow:
    """A row by its number, its SUDA score, and how many columns suffice to single it out."""

    row: int
    score: float
    columns: int


@dataclass(frozen=True)
class ShownSweep:
    """What every combination of a few quasi-identifiers singles out."""

    known: tuple[charts.Known, ...]
    worst: tuple[Combination, ...]
    columns: tuple[charts.Bar, ...]
    special: tuple[SpecialRow, ...]
    largest: int
    tried: int
    rows: int
    is_cut: bool


@dataclass(frozen=True)
class ShownTaxa:
    """How many of the most prevalent taxa single samples out.

    `measured` is how many of all `taxa` were tried. `needed` has shares of samples, each with how
    many taxa make so many unique: by presence, by abundance; None where all do not.
    """

    curve: charts.TaxaCurve
    samples: int
    taxa: int
    measured: int
    first: str
    needed: tuple[tuple[float, int | None, int | None], ...]


@dataclass(frozen=True)
class RoleLine:
    """A column with the role that is chosen for it, or typed."""

    column: Column
    role: str
    reasons: tuple[str, ...] = ()
    suggested: str = ""


def changed_at(*, owner_id: UUID, dataset_id: UUID) -> str:
    """Return when roles or thresholds last changed, as forms carry it; empty for never."""
    with as_user(owner_id):
        found = DatasetModel.objects.filter(pk=dataset_id).values_list("privacy_changed_at").first()
    if found is None:
        raise NotFound("There is no such dataset, or it is not yours.")
    return found[0].isoformat() if found[0] else ""


def roles_at(
    *, owner_id: UUID, dataset: Dataset, positions: Sequence[int]
) -> dict[int, str | None]:
    """Return the roles of columns by position."""
    with as_user(owner_id):
        found = DatasetColumn.objects.filter(dataset=dataset.id, position__in=positions)
        return dict(found.values_list("position", "privacy_role"))


def has_roles(*, owner_id: UUID, dataset: Dataset) -> bool:
    """Return whether a role was chosen for any column."""
    with as_user(owner_id):
        chosen = DatasetColumn.objects.filter(dataset=dataset.id, privacy_role__isnull=False)
        return chosen.exists()


def report_shown(*, owner_id: UUID, dataset_id: UUID, in_full: bool = True) -> ShownReport:
    """Return the report by what is chosen; with less than `in_full`, the verdict alone.

    Where nothing can be measured, or the dataset is changed all the while, that is said instead.
    """
    kept = choices_kept(owner_id=owner_id, dataset_id=dataset_id)
    try:
        made = report_make(owner_id=owner_id, dataset_id=dataset_id, kept=kept)
        at_risk = rows_at_risk(owner_id=owner_id, made=made, most=ROWS_SHOWN) if in_full else []
    except (NotFound, SignInRequired):
        raise
    except FairdbError as error:
        chosen = kept.roles.quasi_identifiers
        return ShownReport(error.message, names=tuple(names_at(kept.labels, chosen).values()))
    names = tuple(made.names[position] for position in made.roles.quasi_identifiers)
    head, why = sentences.verdict(made.report, names)
    shown = sentences.checks_shown(made.report.checks(), charts.names_listed(names))
    checks, more = map(tuple, sentences.worst_first(shown))
    direct = sentences.direct_identifiers(
        [made.names[position] for position in made.roles.direct_identifiers]
    )
    if not in_full:
        return ShownReport("", made, head, why, names, checks, more, direct)
    limits = made.report.thresholds
    return ShownReport(
        "",
        made,
        head,
        why,
        names,
        checks,
        more,
        direct,
        figures=tuple(sentences.figures_explained(made.report, made.population)),
        models=tuple(sentences.models_of(made.report)),
        overall=tuple(sentences.overall_of(made.report)),
        sizes=charts.class_sizes(made.report.classes, limits.k),
        curve=charts.risk_curve(made.report.classes, limits.risk),
        columns=_columns_weighed(owner_id, made),
        at_risk=tuple(at_risk),
    )


def sweep_shown(*, owner_id: UUID, dataset_id: UUID) -> ShownSweep:
    """Return what combinations of up to four quasi-identifiers single out.

    Of as many columns together as can be tried in some seconds. Raises Refused where that is none,
    and Conflict where other work of the account is under way.
    """
    kept: Kept = choices_kept(owner_id=owner_id, dataset_id=dataset_id)
    positions = kept.roles.quasi_identifiers
    if not positions:
        raise Refused("No column is a quasi-identifier yet. Choose one at least.")
    require_measurable(len(positions))
    coded = dataset_coded(dataset_id=dataset_id, owner_id=owner_id, positions=positions)
    rows = len(coded.columns[positions[0]].codes)
    largest = affordable_size(len(positions), rows, _LARGEST)
    if not largest:
        raise Refused(
            f"{len(positions):,} quasi-identifiers over {rows:,} rows are too many to try one by "
            "one. Choose fewer."
        )
    names = names_at(kept.labels, positions)
    with turn(owner_id):
        swept = all_combinations(
            {names[position]: coded.columns[position].codes for position in positions},
            largest=largest,
        )
    worst = [one for size in range(1, swept.largest + 1) for one in swept.worst(size, _LISTED)]
    alone = [one for one in worst if one.uniques] or worst
    alone.sort(key=lambda one: (len(one.columns), -one.uniques))
    return ShownSweep(
        known=charts.by_known(swept, rows),
        worst=tuple(alone),
        columns=charts.column_shares(swept)[:ROWS_SHOWN],
        special=_special(owner_id, coded, swept),
        largest=swept.largest,
        tried=len(swept.combinations),
        rows=rows,
        is_cut=largest < min(_LARGEST, len(positions)),
    )


def _special(owner_id: UUID, coded: CodedDataset, swept: Sweep) -> tuple[SpecialRow, ...]:
    """Return the rows with the highest SUDA scores; none of 0."""
    order = np.argsort(-swept.row_scores, kind="stable")[:ROWS_SHOWN]
    places = order[swept.row_scores[order] > 0].tolist()
    numbers = row_numbers(
        owner_id=owner_id, dataset_id=coded.dataset, state=coded.state, places=places
    )
    return tuple(
        SpecialRow(numbers[place], float(swept.row_scores[place]), int(swept.smallest[place]))
        for place in places
    )


def taxa_shown(*, owner_id: UUID, dataset_id: UUID) -> ShownTaxa:
    """Return how many taxa single samples out. Raises Refused where there are too few or many."""
    read = abundances_read(owner_id=owner_id, dataset_id=dataset_id)
    found = taxa_uniqueness(read.values)
    first = [read.labels[place] for place in found.taxa[:_NAMED]]
    return ShownTaxa(
        curve=charts.taxa_curve(found),
        samples=found.samples,
        taxa=len(read.labels),
        measured=len(found.taxa),
        first=charts.names_listed(first),
        needed=found.needed,
    )


def fewer_than(report: Report) -> int:
    """Return below which size classes are looked at: rows alone, or else those below k."""
    return 2 if report.classes.uniques else report.thresholds.k


def _columns_weighed(owner_id: UUID, made: MadeReport) -> tuple[charts.Bar, ...]:
    """Return which columns single out most, where it is quick and says the truth."""
    report, positions = made.report, made.roles.quasi_identifiers
    rows = len(report.classes.labels)
    if report.missing == "any" or len(positions) ** 2 * rows > charts.CELLS_WEIGHED:
        return ()
    try:
        coded = dataset_coded(dataset_id=made.dataset, owner_id=owner_id, positions=positions)
    except Conflict:
        return ()
    if coded.state != made.state:
        return ()
    columns = {made.names[p]: coded.columns[p].codes[report.kept] for p in positions}
    return charts.weighed_columns(columns, report.classes, fewer_than(report))
