"""What a report says in plain sentences: the verdict, its thresholds, and each figure."""

from collections.abc import Sequence
from dataclasses import dataclass

from datasets.templatetags.fairdb import figure, share, times
from privacy.measures.report import Report
from privacy.measures.verdict import Check
from privacy.pages.charts import names_listed

_FEW_CHECKS = 12
_WORST_CHECKS = 4


@dataclass(frozen=True)
class ShownCheck:
    """A threshold as a page has it: what is asked, what was found, and what that means."""

    name: str
    column: str | None
    asked: str
    found: str
    held: bool
    meaning: str
    excess: float


@dataclass(frozen=True)
class Figure:
    """A figure with what it says and where its definition is from."""

    name: str
    value: str
    meaning: str
    source: str


def verdict(report: Report, names: Sequence[str]) -> tuple[str, str]:
    """Return (how many thresholds are missed or held, why: the worst that was found)."""
    checks = report.checks()
    missed = [check for check in checks if not check.held]
    known = names_listed(names)
    if not missed:
        least = min(report.classes.k, report.k_persons)
        among = f"Whoever knows {known} of somebody has {least:,} or more to choose from."
        return f"All {len(checks)} thresholds are held.", among
    verb = "is" if len(missed) == 1 else "are"
    head = f"{len(missed)} of {times(len(checks), 'threshold')} {verb} missed."
    if report.classes.uniques:
        rows = f"{report.classes.uniques:,} of {times(report.rows, 'row')}"
        alone = "is" if report.classes.uniques == 1 else "are"
        return head, f"{rows} {alone} alone in their combination of {known}."
    if report.persons is not None and report.persons.uniques:
        people = times(report.persons.uniques, "person")
        stands = "stands" if report.persons.uniques == 1 else "stand"
        return head, f"{people} {stands} alone in a combination of {known}."
    return head, meaning_of(missed[0], known)


def direct_identifiers(names: Sequence[str]) -> str:
    """Say that columns tell who it is whatever the verdict is, or nothing where there are none."""
    if not names:
        return ""
    tell, them = ("tells by itself", "it") if len(names) == 1 else ("tell by themselves", "them")
    return (
        f"No figure counts {names_listed(names)}, which {tell} who somebody is. "
        f"The verdict is of a table without {them}."
    )


def checks_shown(checks: Sequence[Check], known: str) -> list[ShownCheck]:
    """Return each threshold beside its figure; `known` are the quasi-identifiers as text."""
    titles = {
        "k": "Smallest group (k)",
        "l": "Different values (l)",
        "t": "Distance from the table (t)",
        "risk": "Highest risk",
    }
    return [
        ShownCheck(
            titles[check.measure],
            check.column,
            _asked(check),
            _found(check),
            check.held,
            meaning_of(check, known),
            _excess(check),
        )
        for check in checks
    ]


def worst_first(checks: Sequence[ShownCheck]) -> tuple[list[ShownCheck], list[ShownCheck]]:
    """Return (those to show at once, the rest): of many sensitive columns the worst ones.

    Where they are few, all in their order.
    """
    if len(checks) <= _FEW_CHECKS:
        return list(checks), []
    whole = [check for check in checks if check.column is None]
    ranked = sorted((check for check in checks if check.column is not None), key=_how_bad)
    # of l and t alike
    worst = [
        check
        for name in dict.fromkeys(check.name for check in checks)
        for check in [one for one in ranked if one.name == name][:_WORST_CHECKS]
        if check.column is not None
    ]
    return whole + worst, [check for check in ranked if check not in worst]


def _how_bad(check: ShownCheck) -> tuple[bool, float]:
    return check.held, -check.excess


def _excess(check: Check) -> float:
    """Return how many times the threshold is passed; of l how many times it is missed."""
    if check.measure in {"k", "l"}:
        return check.threshold / max(check.found, 1)
    return check.found / max(check.threshold, 0.01)


def meaning_of(check: Check, known: str) -> str:
    """Say what the figure of a threshold means."""
    if check.measure == "k":
        return _k_means(check, known)
    if check.measure == "l":
        if check.found == 1:
            return (
                f"In some group everybody has the same {check.column}: who is in it gives it away."
            )
        return f"Every group has {int(check.found):,} different values of {check.column} or more."
    if check.measure == "t":
        return (
            f"How {check.column} is spread in a group differs from the whole table by up to "
            f"{share(check.found)}: so much more may be learnt of its people."
        )
    one = _one(check)
    if check.found >= 1:
        return f"Somebody who knows a person is in the table finds their {one} with certainty."
    return f"The {one} easiest to find is matched rightly with a chance of {share(check.found)}."


def _k_means(check: Check, known: str) -> str:
    if check.found == 1:
        return f"Some {_one(check)} is alone in its combination of {known}."
    return f"Every combination of {known} is shared by {int(check.found):,} {_one(check)}s or more."


def _one(check: Check) -> str:
    return "row" if check.over == "rows" else "person"


def figures_explained(report: Report, population: str = "") -> list[Figure]:
    """Return the figures of the whole table, each with an explanation and a source.

    `population` is the title of the table that was counted as the population, if one was.
    """
    el_emam = "El Emam 2013, Guide to the de-identification of personal health information"
    sweeney = "Samarati and Sweeney 1998, k-anonymity"
    opinion = "Article 29 Working Party, opinion 05/2014; derived in the platform's documentation"
    found = [
        Figure(
            "Groups",
            f"{report.classes.count:,}",
            "Rows that agree in all quasi-identifiers are a group, an equivalence class: nobody "
            "can tell them apart by what is known of them.",
            sweeney,
        ),
        Figure(
            "Smallest group (k)",
            f"{report.classes.k:,}",
            "Among how many rows every row hides at least, itself included. 1 is no hiding.",
            sweeney,
        ),
        Figure(
            "Rows alone",
            f"{report.classes.uniques:,}",
            f"Rows whose combination nobody shares: {share(report.classes.uniques / report.rows)} "
            f"of {times(report.rows, 'row')}.",
            sweeney,
        ),
    ]
    if report.persons is not None:
        found.append(
            Figure(
                "Smallest group in persons",
                f"{report.k_persons:,}",
                "Where a person has several rows, rows hide less than they seem to: the same count "
                f"over distinct persons. {times(report.persons.uniques, 'person')} alone.",
                sweeney,
            )
        )
    found += [
        Figure(
            "Highest risk (prosecutor)",
            share(report.prosecutor.highest),
            "Somebody knows that a person is in the table and looks for their row: the chance that "
            "the easiest one is found, one in the rows of its group.",
            el_emam,
        ),
        Figure(
            "Average risk",
            share(report.prosecutor.average),
            f"The same chance over all rows. {times(report.prosecutor.above, 'row')} above the "
            f"threshold of {share(report.thresholds.risk)}.",
            el_emam,
        ),
        *_journalist(report, population, el_emam),
        Figure(
            "Marketer's risk",
            share(report.journalist.average),
            "Somebody wants as many people as possible: the share of rows matched rightly.",
            el_emam,
        ),
    ]
    if report.p29 is not None and report.p29_v2 is not None:
        found += [
            Figure(
                "P29 score",
                f"{report.p29:.3f}",
                "One number from 0 (somebody is exposed) to 1, by the original system's formula: "
                "half of it k, a quarter each entropy and distance. A score, not a legal verdict.",
                opinion,
            ),
            Figure(
                "P29 score, v2",
                f"{report.p29_v2:.3f}",
                "The same idea with absolute distances: it never falls where k or l rise or t "
                "falls. A score, not a legal verdict.",
                opinion,
            ),
        ]
    return found


def _journalist(report: Report, population: str, source: str) -> list[Figure]:
    """Return the risk where the population is known; without one it is the prosecutor's."""
    if report.population is None:
        return []
    if report.population_short is not None:
        how = (
            f"table: one in the rows of “{population}” that agree with the easiest one, of "
            f"{times(report.population, 'row')}. Where it has fewer of them than the table, the "
            "table's count is taken."
        )
    else:
        how = (
            f"table. Each group is taken to be as frequent among the {report.population:,} as in "
            "the table; who is rare among them too is more at risk than this says."
        )
    return [
        Figure(
            "Highest risk (journalist)",
            share(report.journalist.highest),
            "Somebody knows that a person is one of the population, not whether they are in the "
            + how,
            source,
        )
    ]


FIGURES = (
    ("rows", "Rows measured", "How many rows the figures are of."),
    ("rows_left_out", "Rows left out", "Rows that lack a quasi-identifier, where such are left "
     "out."),
    ("classes", "Groups", "Rows that agree in all quasi-identifiers are a group: nobody can tell "
     "them apart by what is known of them."),
    ("k", "Smallest group (k)", "Among how many rows every row hides at least, itself included. 1 "
     "is no hiding."),
    ("k_persons", "Smallest group in persons", "The same over distinct persons, of whom each may "
     "have several rows."),
    ("uniques", "Rows alone", "Rows whose combination nobody shares."),
    ("uniques_persons", "Persons alone", "Persons who stand alone in some combination."),
    ("prosecutor_max", "Highest risk", "Somebody knows that a person is in the table: the chance "
     "that the row easiest to find is matched rightly."),
    ("prosecutor_max_persons", "Highest risk of persons", "The same over distinct persons."),
    ("prosecutor_average", "Average risk", "The same chance over all rows."),
    ("prosecutor_above", "Rows above the threshold of risk", "Rows whose own chance is above it."),
    ("journalist_max", "Highest risk (journalist)", "Somebody knows only that a person is in the "
     "population; without one it is the highest risk above."),
    ("marketer", "Marketer's risk", "Somebody wants as many people as possible: the share of rows "
     "matched rightly."),
    ("p29", "P29 score", "From 0 (somebody is exposed) to 1, by the original system's formula. A "
     "score, not a legal verdict."),
    ("p29_v2", "P29 score, v2", "The same idea with absolute distances: it never falls where k or "
     "l rise or t falls."),
)  # fmt: skip
"""Figures of the whole table as kept reports have them: key, name, what it says."""

MODELS = (
    ("alpha", "α", "The largest share of one value in a group.", "Wong et al. 2006"),
    ("l_distinct", "l", "Different values in a group, at least.", "Machanavajjhala et al. 2007"),
    ("l_entropy", "Entropy l", "l by entropy, so that a value which nearly all have counts "
     "little.", "Machanavajjhala et al. 2007"),
    ("l_recursive_c", "c", "How much oftener than the rest together the commonest value is; none "
     "where l is 1.", "Machanavajjhala et al. 2007"),
    ("normalized_entropy", "Entropy", "How evenly values are spread in the worst group, from 0 to "
     "1.", "the original system"),
    ("t", "t", "How far a group's values are from those of the whole table, from 0 to 1.",
     "Li et al. 2007"),
    ("beta", "β", "How much likelier, relatively, a value is in a group than in the table.",
     "Cao and Karras 2012"),
    ("beta_enhanced", "Enhanced β", "The same, bounded for rare values.", "Cao and Karras 2012"),
    ("delta", "δ", "The largest logarithm by which a value's share changes in a group.",
     "Brickell and Shmatikov 2008"),
)  # fmt: skip
"""Figures of a sensitive column: key, name, what it says, source."""


def models_of(report: Report) -> list[tuple[str, list[str]]]:
    """Return for every sensitive column its figures, in the order of `MODELS`."""
    return [
        (name, [_model(getattr(models, key)) for key, *_ in MODELS])
        for name, models in report.columns.items()
    ]


def overall_of(report: Report) -> list[str]:
    """Return the worst of several sensitive columns likewise; empty of one or none."""
    if report.overall is None or len(report.columns) < 2:
        return []
    return [_model(getattr(report.overall, key)) for key, *_ in MODELS]


def _model(value: float | None) -> str:
    return "none" if value is None else number(value)


def number(value: float) -> str:
    """Write a figure in at most four digits."""
    return f"{value:,}" if isinstance(value, int) else str(figure(f"{value:.4g}"))


def _asked(check: Check) -> str:
    if check.measure in {"k", "l"}:
        return f"at least {int(check.threshold):,}"
    return f"at most {number(check.threshold)}"


def _found(check: Check) -> str:
    found = f"{int(check.found):,}" if check.measure in {"k", "l"} else number(check.found)
    return f"{found} persons" if check.over == "persons" and check.measure == "k" else found
