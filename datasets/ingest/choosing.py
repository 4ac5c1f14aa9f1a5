"""What a person chose about the columns of a file: the id, types, and what is left out.

A column is named by its label, by its place (`#3`), by a run of places (`#3-40`), or by a pattern
in which `*` stands for any text (`age*`, in capitals or not). A label that is exactly what was
written goes before all of these.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from typing import Final

from fairdb_site.errors import Refused

from .datatypes import DATA_TYPES
from .names import shown
from .notation import NOTATIONS, Notation, ReadAs, notation_of
from .profile import column_position

MOST_PATTERNS: Final = 1_000
"""Patterns in one choice: each is held against every label of the file."""

MOST_NAMED: Final = 2_000_000
"""Columns named in one choice, each as often as it is named: twenty times the widest table."""

_PLACE: Final = re.compile(r"#([0-9]{1,9})", re.ASCII)
_RUN: Final = re.compile(r"#([0-9]{1,9})-([0-9]{1,9})", re.ASCII)


@dataclass(frozen=True)
class ColumnChoices:
    """Places in the file, from 1: the id column (None: not named), types, what is left out.

    `number_rows`: no column is the id, the rows are numbered.
    """

    id_position: int | None
    types: Mapping[int, ReadAs]
    left_out: tuple[int, ...]
    number_rows: bool = False

    @property
    def notations(self) -> dict[int, Notation]:
        """The columns that were said to be written in a notation."""
        found = {place: notation_of(named) for place, named in self.types.items()}
        return {place: notation for place, notation in found.items() if notation}


@dataclass(frozen=True)
class Labels:
    """The labels of a file, in which columns are looked up by what people write."""

    header: Sequence[str]

    def named(self, text: str, *, option: str) -> Sequence[int]:
        """Return the places (from 1, rising) of the columns that a text names.

        Raises Refused, with `option`, where there is none, or a label names several.
        """
        places = self._places.get(text, ())
        if len(places) == 1:
            return places
        if not places and is_several(text):
            return self._run(text, option) if _RUN.fullmatch(text) else self._like(text, option)
        if not places and (match := _PLACE.fullmatch(text)):
            place = int(match[1])
            if 1 <= place <= len(self.header):
                return (place,)
        return (column_position(self.header, text, option=option),)

    def names_of(self, places: Iterable[int]) -> list[str]:
        """Return texts that name exactly these places (from 1): one for each run of neighbours."""
        return [self._name_of_run(first, last) for first, last in _runs(sorted(set(places)))]

    def _name_of_run(self, first: int, last: int) -> str:
        zeros = ""
        while True:
            text = f"#{zeros}{first}" if first == last else f"#{zeros}{first}-{last}"
            if text not in self._places:
                return text
            zeros += "0"  # a column is labelled so

    def several(self, text: str) -> bool:
        """Whether a text is a run of places or a pattern here, and no label."""
        return text not in self._places and is_several(text)

    @cached_property
    def _places(self) -> dict[str, list[int]]:
        found: dict[str, list[int]] = {}
        for place, label in enumerate(self.header, 1):
            found.setdefault(label, []).append(place)
        return found

    @cached_property
    def _folded(self) -> list[str]:
        return [label.casefold() for label in self.header]

    def _run(self, text: str, option: str) -> range:
        match = _RUN.fullmatch(text)
        first, last = (int(number) for number in match.groups()) if match else (0, 0)
        if not 1 <= first <= last <= len(self.header):
            raise Refused(
                f"There are no columns {shown(text)}: the file has {len(self.header):,}. Write the "
                "first and the last place, such as #2-5.",
                option=option,
            )
        return range(first, last + 1)

    def _like(self, pattern: str, option: str) -> list[int]:
        matches = pattern_of(pattern)
        found = [place for place, label in enumerate(self._folded, 1) if matches(label)]
        if not found:
            raise Refused(
                f"No column has a name like {shown(pattern)}. Write * for any text in it, or a "
                "name as the header has it.",
                option=option,
            )
        return found


def is_several(text: str) -> bool:
    """Whether a text is a pattern or a run of places, unless a column is labelled so."""
    return "*" in text or _RUN.fullmatch(text) is not None


def pattern_of(pattern: str) -> Callable[[str], bool]:
    """Return what tells whether a case-folded label fits a pattern, in time linear in both.

    `*` stands for any text, every other character for itself: labels hold `?` and `[` as they are.
    """
    first, *others = pattern.casefold().split("*")
    if not others:
        return first.__eq__
    *between, last = others
    pieces = [piece for piece in between if piece]

    def matches(label: str) -> bool:
        end = len(label) - len(last)
        place = len(first)
        if end < place or not label.startswith(first) or not label.endswith(last):
            return False
        for piece in pieces:  # the first place that fits leaves most room for what follows
            found = label.find(piece, place, end)
            if found < 0:
                return False
            place = found + len(piece)
        return True

    return matches


def type_named(name: str) -> ReadAs:
    """Return the type or notation that a user named."""
    for read_as in (*DATA_TYPES, *NOTATIONS):
        if read_as == name.strip().lower():
            return read_as
    raise Refused(
        f"There is no type {name!r}; name one of {', '.join((*DATA_TYPES, *NOTATIONS))}.",
        option="types",
    )


def choose_columns(
    header: Sequence[str],
    *,
    id_column: str | None = None,
    types: Mapping[str, str] | None = None,
    leave_out: Iterable[str] = (),
    number_rows: bool = False,
) -> ColumnChoices:
    """Return what was chosen by name, as places in the file.

    A column named by itself goes before a run or a pattern that holds it, and a later pattern
    before an earlier one. Runs and patterns pass over the id column; named by itself it is Refused,
    as it takes no type and is never left out. A column that is left out needs no type. Where rows
    are numbered no column is the id, and naming one is Refused.
    """
    if number_rows and id_column:
        raise Refused(
            "Either a column is the id, or the rows are numbered: name no id column then.",
            option="id_column",
        )
    labels, types, leave_out = Labels(header), types or {}, tuple(leave_out)
    patterns = sum("*" in text for text in (*types, *leave_out))
    if patterns > MOST_PATTERNS:
        raise Refused(f"There are {patterns:,} patterns; at most {MOST_PATTERNS:,} are taken.")
    id_position = column_position(header, id_column) if id_column else None
    left_out = _left_out(labels, leave_out, id_position)
    if len(left_out) == len(header):
        raise Refused("Every column would be left out: keep one at least.", option="leave_out")
    first = next(place for place in range(1, len(header) + 1) if place not in left_out)
    of_id = None if number_rows else id_position or first
    found: dict[int, ReadAs] = {}
    named = 0
    for text in sorted(types, key=lambda text: not labels.several(text)):
        data_type = type_named(types[text])
        places = labels.named(text, option="types")
        named = _counted(named, places)
        found |= dict.fromkeys(places, data_type)
        if of_id is not None and of_id in places:
            if not labels.several(text):
                raise Refused(
                    "The id column is stored as pseudonyms: it takes no type. Leave it out of the "
                    "types.",
                    option="types",
                )
            del found[of_id]
    kept = {place: data_type for place, data_type in found.items() if place not in left_out}
    return ColumnChoices(id_position, kept, tuple(sorted(left_out)), number_rows)


def _left_out(labels: Labels, leave_out: Iterable[str], id_position: int | None) -> set[int]:
    found: set[int] = set()
    named = 0
    for text in leave_out:
        places = labels.named(text, option="leave_out")
        named = _counted(named, places)
        if id_position in places and not labels.several(text):
            raise Refused(
                "The id column cannot be left out: its values become the pseudonyms. Name another "
                "id column, or keep this one.",
                option="leave_out",
            )
        found.update(places)
    return found - {id_position} if id_position else found


def _counted(named: int, places: Sequence[int]) -> int:
    named += len(places)
    if named > MOST_NAMED:
        raise Refused(f"More than {MOST_NAMED:,} columns are named. Name each once.")
    return named


def _runs(places: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Yield (first, last) of the runs of neighbours among rising places."""
    for _, run in groupby(enumerate(places), key=lambda pair: pair[1] - pair[0]):
        neighbours = [place for _, place in run]
        yield neighbours[0], neighbours[-1]
