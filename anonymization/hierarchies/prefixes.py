"""Hierarchies over codes whose first characters say more than the last: postcodes, ICD, phones."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from anonymization.hierarchies.hierarchy import WITHHELD, Hierarchy, levels_over
from fairdb_site.errors import Refused

MASK: Final = "*"
"""Stands for a character that is not said."""

LONGEST: Final = 100
"""Characters of a code: all are filled up to the longest, and a text of a page is no code."""


@dataclass(frozen=True)
class Prefixes:
    """Codes of which ever fewer first characters are kept, the others masked: `12345`, `123**`.

    `keep` has how many, level by level: `Prefixes((3, 1))`. Shorter codes are filled up with
    masks to the longest, so that `E11` and `E11.9` become one. Without `keep`: one less each level.
    """

    keep: tuple[int, ...] = ()

    def build(self, values: Sequence[str]) -> Hierarchy:
        """Return the hierarchy; raise Refused for numbers of characters that do not fall."""
        if (
            any(more <= fewer for more, fewer in pairwise(self.keep))
            or min(self.keep, default=1) < 1
        ):
            raise Refused(
                "Each level keeps fewer characters than the last, and one at least.", option="keep"
            )

        def labels_of(present: list[str]) -> list[list[str]]:
            longest = max(map(len, present))
            if longest > LONGEST:
                raise Refused(
                    f"A value has {longest:,} characters; codes with at most {LONGEST} can be "
                    "shortened level by level."
                )
            keep = self.keep or range(longest - 1, 0, -1)
            return [
                [masked_from(value, many, longest) for value in present]
                for many in keep
                if many < longest
            ]

        return levels_over(values, labels_of)


def masked_from(value: str, keep: int, length: int) -> str:
    """Return the first characters of a code and masks behind them, up to a length."""
    return value[:keep].ljust(length, MASK) if keep else WITHHELD
