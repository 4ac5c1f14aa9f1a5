"""Hierarchies as recipes name them: a small table of facts, `kind` first."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, cast

from anonymization.hierarchies.categories import Flat, Given, Kept, ValueMaps, tree_hierarchy
from anonymization.hierarchies.dates import Ages, Dates, Unit
from anonymization.hierarchies.hierarchy import Builder, Hierarchy, hierarchy_of
from anonymization.hierarchies.intervals import Edges, EqualWidth, Rounding, TopBottom
from anonymization.hierarchies.prefixes import Prefixes
from anonymization.hierarchies.suggesting import suggested
from datasets.ingest.names import shown
from fairdb_site.errors import FairdbError, Refused
from privacy.reading import Valued

SUGGESTED: Final = "suggested"
"""The kind that depends on the column: `facts_of(suggested(column).builder)` keeps what it was."""


def hierarchy_for(facts: Mapping[str, Any] | None, column: Valued, *, label: str = "") -> Hierarchy:
    """Return the hierarchy that facts say for a column; the suggested one for none.

    Raises Refused, with the column's label, for facts that say none, or none for these values.
    """
    try:
        if facts is None or facts.get("kind") == SUGGESTED:
            return suggested(column, label=label).builder.build(column.values)
        return builder_of(facts).build(column.values)
    except FairdbError as error:
        where = f"The hierarchy of {shown(label)}: " if label else ""
        raise type(error)(f"{where}{error.message}", option=error.option) from None


def builder_of(facts: Mapping[str, Any]) -> Builder:
    """Return what builds the hierarchy that facts of a recipe name.

    Raises Refused for an unknown kind, a fact it does not have, lacks, or of another make.
    """
    kind = facts.get("kind")
    if not isinstance(kind, str) or kind not in _KINDS:
        raise Refused(f"The kind of a hierarchy is one of {', '.join([SUGGESTED, *_KINDS])}.")
    found = _KINDS[kind]
    given = {name: value for name, value in facts.items() if name != "kind"}
    for name in given:
        if name not in found.facts:
            raise Refused(f"{shown(name)} is no fact of {kind}: {', '.join(found.facts)}.")
    try:
        return found.read(given)
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        says = "; ".join(f"{name}: {what}" for name, what in found.facts.items())
        raise Refused(f"A hierarchy of kind {kind} has {says}.") from error


def facts_of(builder: Builder) -> dict[str, Any]:
    """Return the facts that name a builder, as TOML has them."""
    return _FACTS[type(builder)](builder)


@dataclass(frozen=True)
class _Kind:
    """The facts that a kind has, in words, and how it is read of them."""

    facts: Mapping[str, str]
    read: Callable[[Mapping[str, Any]], Builder]


def _intervals(facts: Mapping[str, Any]) -> Builder:
    merge = tuple(_whole(many) for many in facts.get("merge", ()))
    if ("width" in facts) == ("edges" in facts):
        raise Refused("Intervals have a width, or else edges.")
    if "width" in facts:
        return EqualWidth(_number(facts["width"]), merge)
    return Edges(tuple(map(_number, facts["edges"])), merge)


def _dates(facts: Mapping[str, Any]) -> Builder:
    # Dates itself refuses what is no unit
    return Dates(cast("tuple[Unit, ...]", _texts(facts["units"]))) if "units" in facts else Dates()


def _ages(facts: Mapping[str, Any]) -> Builder:
    at = facts["at"]
    day = date(at.year, at.month, at.day) if isinstance(at, date) else date.fromisoformat(at)
    merge = tuple(_whole(many) for many in facts.get("merge", (2, 2)))
    return Ages(day, _whole(facts.get("width", 5)), merge)


def _limit(value: Any) -> float | None:
    return None if value is None else _number(value)


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError
    return value


def _whole(value: Any) -> int:
    if type(value) is not int:  # no bool
        raise TypeError
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _texts(values: Any) -> tuple[str, ...]:
    if isinstance(values, str):
        raise TypeError
    return tuple(map(_text, values))


def _map(labels: Any) -> Mapping[str, str]:
    return {_text(value): _text(label) for value, label in labels.items()}


def _lines(lines: Sequence[Any]) -> Builder:
    return Given(hierarchy_of(list(zip(*map(_texts, lines), strict=True))))


_KINDS: Final[Mapping[str, _Kind]] = {
    "flat": _Kind({}, lambda facts: Flat()),
    "intervals": _Kind(
        {"width": "a number", "edges": "numbers that rise", "merge": "whole numbers from 2"},
        _intervals,
    ),
    "top-bottom": _Kind(
        {"bottom": "a number", "top": "a number"},
        lambda facts: TopBottom(_limit(facts.get("bottom")), _limit(facts.get("top"))),
    ),
    "rounding": _Kind(
        {"steps": "numbers above 0"},
        lambda facts: Rounding(tuple(map(_number, facts["steps"]))),
    ),
    "dates": _Kind(
        {"units": "of day, month, quarter, year, decade"},
        _dates,
    ),
    "ages": _Kind(
        {"at": "a date", "width": "years", "merge": "whole numbers from 2"},
        _ages,
    ),
    "prefixes": _Kind(
        {"keep": "numbers of characters that fall"},
        lambda facts: Prefixes(tuple(map(_whole, facts.get("keep", ())))),
    ),
    "kept": _Kind(
        {"values": "texts", "rest": "a text"},
        lambda facts: Kept(_texts(facts["values"]), _text(facts.get("rest", "other"))),
    ),
    "maps": _Kind(
        {"maps": "tables of values with labels", "rest": "a text"},
        lambda facts: ValueMaps(
            tuple(map(_map, facts["maps"])), _text(facts["rest"]) if "rest" in facts else None
        ),
    ),
    "tree": _Kind(
        {"tree": "labels with what they hold"},
        lambda facts: Given(tree_hierarchy(facts["tree"])),
    ),
    "lines": _Kind(
        {"lines": "a list for each value: itself, then its labels"},
        lambda facts: _lines(facts["lines"]),
    ),
}


def _said(kind: str, **facts: Any) -> dict[str, Any]:
    """Return facts without what is not said: TOML knows no null."""
    return {"kind": kind} | {name: fact for name, fact in facts.items() if fact is not None}


_FACTS: Final[Mapping[type, Callable[[Any], dict[str, Any]]]] = {
    Flat: lambda b: _said("flat"),
    EqualWidth: lambda b: _said("intervals", width=b.width, merge=list(b.merge)),
    Edges: lambda b: _said("intervals", edges=list(b.edges), merge=list(b.merge)),
    TopBottom: lambda b: _said("top-bottom", bottom=b.bottom, top=b.top),
    Rounding: lambda b: _said("rounding", steps=list(b.steps)),
    Dates: lambda b: _said("dates", units=list(b.units)),
    Ages: lambda b: _said("ages", at=b.at.isoformat(), width=b.width, merge=list(b.merge)),
    Prefixes: lambda b: _said("prefixes", keep=list(b.keep)),
    Kept: lambda b: _said("kept", values=list(b.values), rest=b.rest),
    ValueMaps: lambda b: _said("maps", maps=[dict(labels) for labels in b.maps], rest=b.rest),
    Given: lambda b: _said("lines", lines=[list(line) for line in b.hierarchy.lines()]),
}
