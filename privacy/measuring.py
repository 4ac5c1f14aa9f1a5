"""From coded columns and roles to a report, and what of it is said."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from privacy.chosen import Roles, Rules
from privacy.measures.coding import Coded
from privacy.measures.report import Report, measure


def report_of(
    columns: Mapping[int, Coded],
    *,
    names: Mapping[int, str],
    roles: Roles,
    rules: Rules,
    population: Mapping[int, Coded] | None = None,
) -> Report:
    """Return the report of columns by their places; figures of each go by its name.

    `population` has the quasi-identifiers of a table that holds these people, in the same codes.
    Raises Refused where nothing can be measured.
    """
    persons = None if roles.id_position is None else columns[roles.id_position]
    return measure(
        {names[place]: columns[place].codes for place in roles.quasi_identifiers},
        {names[place]: columns[place].codes for place in roles.sensitive},
        ordered=[names[place] for place in roles.sensitive if columns[place].numeric],
        persons=None if persons is None else persons.codes,
        missing=rules.missing,
        population=rules.population
        if population is None
        else {names[place]: population[place].codes for place in roles.quasi_identifiers},
        thresholds=rules.thresholds,
    )


def figures_of(report: Report) -> dict[str, Any]:
    """Return what a report says, for JSON: the verdict, then the figures, all of them flat.

    But for `overall`, the worst of all sensitive columns by measure; null without one.
    """
    limits = report.thresholds
    return {
        "held": report.held,
        "thresholds": {"k": limits.k, "l": limits.l, "t": limits.t, "risk": limits.risk},
        "missed": [
            check.measure if check.column is None else f"{check.measure} of {check.column}"
            for check in report.checks()
            if not check.held
        ],
        **report.flat(),
        "overall": None if report.overall is None else asdict(report.overall),
        "remarks": list(report.remarks),
    }
