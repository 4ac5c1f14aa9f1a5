"""Reports of datasets: made at once from kept codes, kept where somebody asks for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast
from uuid import UUID

from django.contrib.postgres.aggregates import ArrayAgg
from django.db import connection
from django.db.models import Q
from psycopg2 import sql

from datasets.identifiers import in_data_schema
from datasets.models import Dataset, DatasetColumn
from fairdb_site.database import as_user
from fairdb_site.errors import Conflict, NotFound, Refused
from fairdb_site.supabase.clients import Supabase
from privacy import rpc
from privacy.abundances import abundances_read
from privacy.chosen import Roles, Rules, names_at, require_measurable
from privacy.codes import content_state, dataset_coded
from privacy.measures.inputs import MissingPolicy
from privacy.measures.report import Report
from privacy.measures.taxa import taxa_uniqueness
from privacy.measures.verdict import Thresholds
from privacy.measuring import figures_of, report_of
from privacy.populations import (
    Population,
    PopulationFile,
    population_coded,
    population_of_file,
)


@dataclass(frozen=True)
class Kept:
    """What is chosen for a dataset: labels of its columns by place, their roles, its thresholds."""

    labels: tuple[str, ...]
    roles: Roles
    rules: Rules


@dataclass(frozen=True, eq=False)
class MadeReport:
    """A report of a dataset, of which state of it, and what columns are called in it.

    `population` is the title of the table that was counted as the population; empty without one.
    """

    dataset: UUID
    state: str
    roles: Roles
    names: Mapping[int, str]
    report: Report
    rules: Rules
    population: str = ""

    @property
    def figures(self) -> dict[str, Any]:
        """The figures as JSON has them."""
        return figures_of(self.report)


@dataclass(frozen=True)
class RowAtRisk:
    """A row by its number in the dataset, and the chance (0..1) that it is matched rightly."""

    row: int
    risk: float


def choices_kept(*, owner_id: UUID, dataset_id: UUID) -> Kept:
    """Return what was chosen for a ready dataset of this owner, else NotFound.

    The pseudonym tells the persons. What nobody chose is the platform's default.
    """
    with as_user(owner_id):
        dataset = Dataset.objects.filter(pk=dataset_id, state=Dataset.State.READY).first()
        columns = DatasetColumn.objects.filter(dataset=dataset_id)
        # of thousands of columns few have a role: the others are their labels, in one piece
        labels = columns.aggregate(all=ArrayAgg("label", order_by="position"))["all"] or []
        chosen = columns.filter(Q(privacy_role__isnull=False) | Q(part__isnull=True))
        played = list(chosen.order_by("position").values_list("position", "part", "privacy_role"))
    if dataset is None:
        raise NotFound("There is no such dataset, or it is not yours.")
    of_role: dict[str | None, list[int]] = {}
    for position, _, role in played:
        of_role.setdefault(role, []).append(position)
    id_position = next((position for position, part, _ in played if part is None), None)
    return Kept(
        labels=tuple(labels),
        roles=Roles(
            tuple(of_role.get("quasi_identifier", ())),
            tuple(of_role.get("sensitive", ())),
            id_position,
            tuple(p for p in of_role.get("direct_identifier", ()) if p != id_position),
        ),
        rules=_rules(dataset),
    )


def report_make(
    *,
    owner_id: UUID,
    dataset_id: UUID,
    roles: Roles | None = None,
    rules: Rules | None = None,
    kept: Kept | None = None,
    population_file: PopulationFile | None = None,
) -> MadeReport:
    """Return the report of a ready dataset of this owner, by the roles and rules kept unless named.

    The first one reads the columns; from then on they are at hand until the dataset is corrected.
    `kept` is what `choices_kept` gave before; a file goes before the population that is kept.
    Raises NotFound, and Refused where nothing can be measured.
    """
    kept = kept or choices_kept(owner_id=owner_id, dataset_id=dataset_id)
    roles, rules = roles or kept.roles, rules or kept.rules
    if not roles.quasi_identifiers:
        raise Refused(
            "No column is a quasi-identifier yet. Choose one at least.", option="quasi_identifiers"
        )
    require_measurable(len(roles.positions))
    coded = dataset_coded(dataset_id=dataset_id, owner_id=owner_id, positions=roles.positions)
    names = names_at(kept.labels, (*roles.positions, *roles.direct_identifiers))
    of_whom: dict[str, Any] = {
        "owner_id": owner_id,
        "coded": coded,
        "labels": kept.labels,
        "positions": roles.quasi_identifiers,
    }
    population: Population | None = None
    if population_file:
        population = population_of_file(file=population_file, **of_whom)
    elif rules.population_dataset:
        population = population_coded(population_id=rules.population_dataset, **of_whom)
    report = report_of(
        coded.columns,
        names=names,
        roles=roles,
        rules=rules,
        population=population.columns if population else None,
    )
    title = population.title if population else ""
    return MadeReport(dataset_id, coded.state, roles, names, report, rules, title)


def rows_at_risk(*, owner_id: UUID, made: MadeReport, most: int = 100) -> list[RowAtRisk]:
    """Return the rows of a report at most risk, worst first, by their numbers in the dataset.

    Raises Conflict where the dataset was changed since it was measured.
    """
    found = made.report.rows_at_risk(most)
    numbers = row_numbers(
        owner_id=owner_id,
        dataset_id=made.dataset,
        state=made.state,
        places=[place for place, _ in found],
    )
    return [RowAtRisk(numbers[place], risk) for place, risk in found]


def row_numbers(
    *, owner_id: UUID, dataset_id: UUID, state: str, places: Sequence[int]
) -> dict[int, int]:
    """Return the numbers of rows in the dataset by their places among its rows, from 0.

    Raises Conflict where the dataset is not in this state any more.
    """
    with as_user(owner_id, snapshot=True), connection.cursor() as cursor:
        if content_state(dataset_id) != state:
            raise Conflict("The dataset was changed since it was measured. Make the report again.")
        parts = Dataset.objects.values_list("parts", flat=True).get(pk=dataset_id)
        # numbers have gaps where rows were deleted
        cursor.execute(
            sql.SQL(
                "select n.place, n.rowid from (select p.rowid, row_number() over (order by p.rowid)"
                " - 1 as place from {} p) n where n.place = any (%s::bigint[])"
            ).format(in_data_schema(parts[0])),
            [list(places)],
        )
        return dict(cursor.fetchall())


def taxa_figures(*, owner_id: UUID, made: MadeReport) -> dict[str, Any]:
    """Return how many taxa single samples of a report's dataset out, as JSON has it.

    Raises Refused where there are too few or many, Conflict where the dataset was changed since
    the report was made, or other work of the account is under way.
    """
    read = abundances_read(owner_id=owner_id, dataset_id=made.dataset)
    if read.state != made.state:
        raise Conflict("The dataset was changed since it was measured. Make the report again.")
    return taxa_uniqueness(read.values).figures(len(read.labels))


def report_keep(
    *, supabase: Supabase, made: MadeReport, taxa: Mapping[str, Any] | None = None
) -> UUID:
    """Keep a report under its owner's token, with figures of taxa if given; return its id.

    Raises Conflict where the dataset was changed since it was measured.
    """
    limits, counted = made.report.thresholds, made.rules.population_dataset

    def named(positions: Sequence[int]) -> list[str]:
        return [made.names[position] for position in positions]

    return rpc.keep_privacy_report(
        supabase,
        made.dataset,
        state=made.state,
        roles={
            "quasi_identifiers": named(made.roles.quasi_identifiers),
            "sensitive": named(made.roles.sensitive),
            "direct_identifiers": named(made.roles.direct_identifiers),
            "id_column": named([made.roles.id_position] if made.roles.id_position else []),
        },
        thresholds={
            "k": limits.k,
            "l": limits.l,
            "t": limits.t,
            "risk": limits.risk,
            "missing": made.report.missing,
            "population": made.report.population,
            "population_dataset": counted and {"id": str(counted), "title": made.population},
        },
        figures=made.figures | ({"taxa": taxa} if taxa else {}),
    )


def _rules(dataset: Dataset) -> Rules:
    chosen = {
        "k": dataset.privacy_k,
        "l": dataset.privacy_l,
        "t": dataset.privacy_t,
        "risk": dataset.privacy_risk,
    }
    named: dict[str, Any] = {name: value for name, value in chosen.items() if value is not None}
    missing = cast("MissingPolicy", dataset.privacy_missing or "own")
    return Rules(
        Thresholds(**named),
        missing,
        dataset.privacy_population,
        dataset.privacy_population_dataset,
    )
