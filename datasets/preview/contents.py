"""The cells of a file's beginning, counted by patterns: many columns in few calls."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from datasets.ingest.block import Block
from datasets.ingest.columns import Bundle, without_markers
from datasets.ingest.datatypes import Mask
from datasets.ingest.kinds import KNOWN_MARKERS

Counts = npt.NDArray[np.int64]

MOST_VALUES: Final = 200
"""Different values of a column that are looked at one by one."""

_NAME: Final = r"\p{Lu}[\p{L}.'’-]*"
_PARTICLE: Final = "(?:de|del|den|der|da|di|du|el|la|le|ten|ter|van|von|zu|y|i|bin|al|'t)"
_DUTCH_STREET: Final = (
    r"(?:straat|str\.|straße|strasse|laan|plein|gracht|kade|dreef|singel|platz|allee|gasse|weg)"
)
_ENGLISH_STREET: Final = (
    r"(?:street|st|road|rd|avenue|ave|lane|ln|drive|dr|court|way|boulevard|blvd|crescent|square)"
)
# of Rust's regex crate, which takes time linear in the text whatever the pattern
PATTERNS: Final[Mapping[str, str]] = {
    # what a column of text might have been
    "number": r"^[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?$",
    "decimal_comma": r"^[+-]?(?:[0-9]{1,3}(?:\.[0-9]{3})+|[0-9]+),[0-9]+$",
    "thousands": r"^[+-]?[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]+)?$",
    "leading_zero": r"^[+-]?0[0-9]+$",
    "censored": r"^[<>≤≥]=? ?[0-9]+(?:[.,][0-9]+)?$",
    "unit": r"^[+-]?[0-9]+(?:[.,][0-9]+)?(?: ?%| [\p{L}µ/%]{1,10})$",
    "spaced": r"^\s|\s$",
    "day_first": r"^[0-9]{1,2}[/.-][0-9]{1,2}[/.-](?:[0-9]{4}|[0-9]{2})$",
    "iso_date": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$",
    "iso_moment": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,6})?$",
    "word_of_two": r"^(?i:true|false|yes|no|y|n|t|f)$",
    "error": r"^#(?:N/A|NULL!|DIV/0!|VALUE!|REF!|NAME\?|NUM!)$",
    # what speaks of a person
    "email": r"[^\s@,;:<>]+@[^\s@,;:<>]+\.[A-Za-z]{2,}",
    "ip": (
        r"^(?:(?:25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])\.){3}(?:25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])$"
        r"|^(?:[0-9A-Fa-f]{1,4}:){7}[0-9A-Fa-f]{1,4}$|^[0-9A-Fa-f:]*::[0-9A-Fa-f:]*[0-9A-Fa-f]$"
    ),
    "phone": (
        r"^(?:\+|00)[1-9][0-9 .\-/()]{7,20}[0-9]$"
        r"|^\(?0[1-9][0-9]{0,4}\)?[ .\-/]+[0-9][0-9 .\-/]{4,12}$"
        r"|^\(?[2-9][0-9]{2}\)?[ .\-][0-9]{3}[ .\-][0-9]{4}$|^0[1-9][0-9]{8,9}$"
    ),
    "postcode": (
        r"^[1-9][0-9]{3} ?[A-Z]{2}$|^[A-Z]{1,2}[0-9][A-Z0-9]? [0-9][A-Z]{2}$"
        r"|^[A-CEGHJ-NPR-TVXY][0-9][A-Z] ?[0-9][A-Z][0-9]$"
    ),
    "id_number": r"^[A-Za-z]{0,6}[0-9][0-9A-Za-z .\-/+]{6,30}$",
    "person": rf"^{_NAME}(?:,? (?:{_NAME}|{_PARTICLE})){{0,5}}$",
    "street": (
        rf"(?i)^[\p{{L}} .'’-]+{_DUTCH_STREET} ?[0-9]+|^[0-9]+(?: ?bis)?,? (?:rue|avenue|boulevard|"
        rf"chemin|place|allée|impasse) |^(?:calle|avenida|avda|plaza|paseo|c/)[. ]+\p{{L}}|^[0-9]+"
        rf"[a-z]? [\p{{L}} .'’-]+ {_ENGLISH_STREET}\b"
    ),
    "sentence": r"\p{Ll}{2,} \p{Ll}{2,} \p{Ll}{2,}",
    "wordy": r"\p{L}{2,} .*\p{L}{2,}",
    "digit": r"[0-9]",
    "digits6": r"(?:[0-9][ .\-/]?){6}",
}


@dataclass(frozen=True, eq=False)
class Contents:
    """The cells of the first rows of a block, of the columns `wanted` (a flag each).

    `markers` are cells that mean no value; the empty text is one here. What is counted is an array
    with a number for each column of the table, 0 for those not wanted.
    """

    block: Block
    wanted: Mask
    markers: Sequence[str] = ()
    most_rows: int = 2_000

    @property
    def filled(self) -> Counts:
        """How many cells hold a value."""
        return self._sums["filled"]

    @property
    def counts(self) -> Mapping[str, Counts]:
        """How many cells fit each of PATTERNS."""
        return self._sums

    @property
    def known_markers(self) -> Counts:
        """How many cells are a well-known mark of a missing value."""
        return self._sums["known_marker"]

    @cached_property
    def mean_length(self) -> npt.NDArray[np.float64]:
        """The mean number of characters of the cells with a value."""
        mean: npt.NDArray[np.float64] = self._sums["length"] / np.maximum(self.filled, 1)
        return mean

    def cells_of(self, column: int) -> pl.Series:
        """Return the cells of a column (from 0), null where there is no value."""
        return pl.Series(self._cells(column), dtype=pl.String)

    def values(self, column: int, *, most: int = MOST_VALUES) -> list[str]:
        """Return the first different values of a column (from 0), in the order of the file."""
        return list(islice((cell for cell in dict.fromkeys(self._cells(column)) if cell), most))

    def _cells(self, column: int) -> list[str | None]:
        columns = self._bundle.columns
        return self._texts[int(np.searchsorted(columns, column)) :: len(columns)]

    @cached_property
    def _texts(self) -> list[str | None]:
        """All cells at once: a slice of a list takes far less time than one of a series."""
        return self._bundle.cells.to_list()

    @cached_property
    def _bundle(self) -> Bundle:
        """The wanted columns in one, however few: a call for all costs as much as for one."""
        width = self.block.width
        whole = Bundle(np.arange(width), self.block.cells(0, width - 1)).head(self.most_rows)
        return without_markers(whole.only(self.wanted), (*self.markers, ""))

    @cached_property
    def _sums(self) -> dict[str, Counts]:
        cell = pl.col("cell")
        asked = [cell.str.contains(pattern).alias(name) for name, pattern in PATTERNS.items()]
        asked += [
            cell.is_not_null().alias("filled"),
            cell.is_in(list(KNOWN_MARKERS)).alias("known_marker"),
            cell.str.len_chars().alias("length"),
        ]
        bundle = self._bundle
        found = pl.DataFrame({"cell": bundle.cells}).select(asked).cast(pl.UInt32).fill_null(0)
        sums = {}
        for name in found.columns:
            of_all = np.zeros(self.block.width, dtype=np.int64)
            if bundle.columns.size:
                of_all[bundle.columns] = found[name].to_numpy().reshape(bundle.shape).sum(axis=0)
            sums[name] = of_all
        return sums
