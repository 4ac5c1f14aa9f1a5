"""The notations that the cells of a column of text speak for: offered, never taken unasked."""

import re
from dataclasses import dataclass
from typing import Final

from datasets.ingest.kinds import KNOWN_MARKERS
from datasets.ingest.notation import NOTATION_WORDS, NOTATIONS, Notation, respelled
from datasets.ingest.profile import ColumnProfile

from .contents import Contents

_PATTERNS: Final = ("decimal_comma", "day_first")  # of the cells that are counted anyway
_THOUSANDS: Final = re.compile(r"[+-]?[1-9][0-9]{0,2}(?:,[0-9]{3})+")


@dataclass(frozen=True)
class Offer:
    """A notation that every cell fits; `is_sure`: none of them has another reading."""

    notation: Notation
    is_sure: bool

    @property
    def words(self) -> str:
        """What the cells are, read so."""
        return NOTATION_WORDS[self.notation]


def offers(column: ColumnProfile, contents: Contents) -> tuple[Offer, ...]:
    """Return the notations that every cell of a column of text fits, marks of missing apart."""
    place = column.position - 1
    if column.data_type != "text" or not contents.wanted[place]:
        return ()
    if not any(contents.counts[name][place] for name in _PATTERNS):
        return ()
    cells = contents.cells_of(place)
    cells = cells.filter(cells.is_not_null() & ~cells.is_in(list(KNOWN_MARKERS)))
    fitting = [name for name in NOTATIONS if respelled(cells, name).is_not_null().all()]
    commas = "decimal_comma" in fitting
    unsure = len(fitting) > 1 or (commas and all(map(_THOUSANDS.fullmatch, cells.unique())))
    return tuple(Offer(name, not unsure) for name in fitting)
