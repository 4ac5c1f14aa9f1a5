"""What a kept report says, read from its JSON, and how two of them differ.

Whoever keeps a report over the API may put anything into it: what is of another kind than ours is
shown as text, or left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from datasets.templatetags.fairdb import share
from privacy.measures.verdict import Check
from privacy.pages.charts import names_listed
from privacy.pages.sentences import (
    FIGURES,
    MODELS,
    ShownCheck,
    checks_shown,
    number,
    worst_first,
)
from privacy.rpc import WholeReport

_MISSED_NAMED = 6
_SHARES = {
    "prosecutor_max",
    "prosecutor_average",
    "prosecutor_max_persons",
    "journalist_max",
    "marketer",
}
_ROLES = (
    ("quasi_identifiers", "Quasi-identifiers"),
    ("sensitive", "Sensitive"),
    ("direct_identifiers", "Direct identifiers, not measured"),
    ("id_column", "Tells persons apart"),
)
_LIMITS = {"missing": "Missing quasi-identifier", "population": "Population"}
_THRESHOLDS = {
    "k": "smallest group (k)",
    "l": "different values (l)",
    "t": "distance from the table (t)",
    "risk": "highest risk",
}
_MISSING = {
    "own": "a value of its own",
    "any": "matches anything",
    "drop": "its row is left out",
}


@dataclass(frozen=True)
class ShownKept:
    """A kept report as its page has it. `taxa` has (taxa known, by presence, by abundance)."""

    missed: str
    checks: list[ShownCheck]
    more_checks: list[ShownCheck]
    figures: list[tuple[str, str, str]]
    roles: list[tuple[str, list[str]]]
    limits: list[tuple[str, str]]
    models: list[tuple[str, list[str]]]
    overall: list[str]
    taxa: list[tuple[int, str, str]]
    remarks: list[str]


@dataclass(frozen=True)
class Difference:
    """A figure of two reports, the older first."""

    name: str
    older: str
    newer: str

    @property
    def differs(self) -> bool:
        """Whether it is another in the newer one."""
        return self.older != self.newer


def kept_shown(kept: WholeReport) -> ShownKept:
    """Return what a kept report says, each figure with what it means."""
    figures = kept["figures"]
    known = names_listed(_texts(kept["roles"], "quasi_identifiers"))
    checks, more = worst_first(checks_shown(list(_checks(kept)), known))
    return ShownKept(
        missed=_missed(_texts(figures, "missed")),
        checks=checks,
        more_checks=more,
        figures=[
            (name, _written(key, figures[key]), says)
            for key, name, says in FIGURES
            if key in figures
        ],
        roles=[(name, _texts(kept["roles"], key)) for key, name in _ROLES],
        limits=limits_of(kept["thresholds"]),
        models=[
            (column, [_written(key, _of_columns(figures, key).get(column)) for key, *_ in MODELS])
            for column in _of_columns(figures, "alpha")
        ],
        overall=_overall(figures),
        taxa=list(_taxa(figures)),
        remarks=_texts(figures, "remarks"),
    )


def limits_of(thresholds: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the thresholds of a report, how missing values counted, and of whom it is a sample."""
    return [
        ("k", f"at least {thresholds.get('k')}"),
        ("l", f"at least {thresholds.get('l')}"),
        ("t", f"at most {thresholds.get('t')}"),
        ("risk", f"at most {thresholds.get('risk')}"),
        ("missing", _MISSING.get(str(thresholds.get("missing")), "")),
        ("population", _population(thresholds)),
    ]


def differences(older: WholeReport, newer: WholeReport) -> list[Difference]:
    """Return all that two reports say: roles, thresholds, figures, l and t of each column."""
    both = (older, newer)
    found = [
        Difference(name, *("\n".join(_texts(one["roles"], key)) or "none" for one in both))
        for key, name in _ROLES
    ]
    found += [
        Difference(_LIMITS.get(name, f"Threshold: {name}"), before, after)
        for (name, before), (_, after) in zip(
            limits_of(older["thresholds"]), limits_of(newer["thresholds"]), strict=True
        )
    ]
    found += [
        Difference(name, *(_written(key, one["figures"].get(key)) for one in both))
        for key, name, _ in FIGURES
    ]
    columns = dict.fromkeys(name for one in both for name in _of_columns(one["figures"], "t"))
    for column in columns:
        for key, name in (("l_distinct", "l"), ("t", "t")):
            values = [_of_columns(one["figures"], key).get(column) for one in both]
            found.append(
                Difference(f"{name} of {column}", *(_written(key, value) for value in values))
            )
    return found


def _checks(kept: WholeReport) -> Iterator[Check]:
    """Yield the thresholds that were held or missed, as the report was made."""
    figures, missed = kept["figures"], _texts(kept["figures"], "missed")

    def limit(name: str) -> float | None:
        return _number(kept["thresholds"].get(name))

    k, k_persons = _number(figures.get("k")), _number(figures.get("k_persons"))
    if k is not None and (asked := limit("k")) is not None:
        least = k if k_persons is None else min(k, k_persons)
        yield Check("k", least, asked, "k" not in missed, "rows" if least == k else "persons")
    l_distinct, t = _of_columns(figures, "l_distinct"), _of_columns(figures, "t")
    for column in l_distinct:
        found, asked = _number(l_distinct[column]), limit("l")
        if found is not None and asked is not None:
            yield Check("l", found, asked, f"l of {column}" not in missed, column=column)
        found, asked = _number(t.get(column)), limit("t")
        if found is not None and asked is not None:
            yield Check("t", found, asked, f"t of {column}" not in missed, column=column)
    of_rows = _number(figures.get("prosecutor_max"))
    of_persons = _number(figures.get("prosecutor_max_persons"))
    if of_rows is not None and (asked := limit("risk")) is not None:
        highest = max(of_rows, of_persons or 0)
        held = "risk" not in missed
        yield Check("risk", highest, asked, held, "rows" if highest == of_rows else "persons")


def _overall(figures: Mapping[str, Any]) -> list[str]:
    found = _of_columns(figures, "overall")
    several = len(_of_columns(figures, "alpha")) > 1
    return [_written(key, found.get(key)) for key, *_ in MODELS] if found and several else []


def _taxa(figures: Mapping[str, Any]) -> Iterator[tuple[int, str, str]]:
    unique = _of_columns(_of_columns(figures, "taxa"), "unique")
    for known, shares in unique.items():
        if known.isdecimal() and isinstance(shares, dict):
            presence, abundance = (
                share(found) if (found := _number(shares.get(by))) is not None else ""
                for by in ("presence", "abundance")
            )
            yield int(known), presence, abundance


def _population(thresholds: Mapping[str, Any]) -> str:
    rows, table = thresholds.get("population"), _of_columns(thresholds, "population_dataset")
    if rows is None:
        return "not given"
    title = f" rows of {table['title']}" if "title" in table else ""
    return _written("population", rows) + title


def _missed(missed: list[str]) -> str:
    more = f" and {len(missed) - _MISSED_NAMED:,} more" if len(missed) > _MISSED_NAMED else ""
    return ", ".join(map(_in_words, missed[:_MISSED_NAMED])) + more


def _in_words(missed: str) -> str:
    measure, of, column = missed.partition(" of ")
    return f"{_THRESHOLDS.get(measure, measure)}{of}{column}"


def _number(value: Any) -> float | None:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _texts(found: Mapping[str, Any], key: str) -> list[str]:
    value = found.get(key)
    return [str(one) for one in value] if isinstance(value, list) else []


def _of_columns(figures: Mapping[str, Any], key: str) -> dict[str, Any]:
    value = figures.get(key)
    return value if isinstance(value, dict) else {}


def _written(key: str, value: Any) -> str:
    if value is None:
        return "none"
    if not isinstance(value, int | float):
        return str(value)
    return share(value) if key in _SHARES else number(value)
