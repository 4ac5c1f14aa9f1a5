"""Small random tables, as the oracle reads them and as the measures do."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import strategies as st

from privacy.measures.coding import coded
from privacy.measures.grouping import Codes
from privacy.tests.measures.oracle import Oracle, Row


@dataclass(frozen=True)
class Small:
    """Columns of one length; sensitive ones called `number` hold numbers, None is missing."""

    quasi: dict[str, list[Any]]
    sensitive: dict[str, list[Any]]
    persons: list[Any]

    @property
    def rows(self) -> list[Row]:
        return list(zip(*self.quasi.values(), strict=True))

    def oracle(self, policy: str = "own", *, persons: bool = False) -> Oracle:
        return Oracle(self.rows, self.sensitive, self.persons if persons else None, policy)

    def codes(self) -> tuple[dict[str, Codes], dict[str, Codes]]:
        return (
            {name: coded(column).codes for name, column in self.quasi.items()},
            {name: coded(column).codes for name, column in self.sensitive.items()},
        )

    def person_codes(self) -> Codes:
        return coded(self.persons).codes

    def in_order(self, order: list[int]) -> "Small":
        def of(column: list[Any]) -> list[Any]:
            return [column[i] for i in order]

        return Small(
            {name: of(column) for name, column in self.quasi.items()},
            {name: of(column) for name, column in self.sensitive.items()},
            of(self.persons),
        )


@st.composite
def small_tables(draw: st.DrawFn, *, missing: bool = True, most_rows: int = 14) -> Small:
    """Draw a table whose few values collide often, the quasi-identifiers' more or less so."""
    rows = draw(st.integers(1, most_rows))
    none: list[Any] = [None] if missing else []

    def column(values: list[Any]) -> list[Any]:
        return draw(st.lists(st.sampled_from(values), min_size=rows, max_size=rows))

    quasi = {
        name: column(["a", "b", "c"][: draw(st.integers(1, 3))] + none)
        for name in "pqrs"[: draw(st.integers(1, 4))]
    }
    sensitive = {
        "word": column(["x", "y", "z", *none]),
        "number": column([1, 2.5, 4, 10, 11, *none]),
    }
    return Small(quasi, sensitive, column([1, 2, 3, 4, 5, 6, *none]))


def random_codes(rng: np.random.Generator, rows: int, values: int) -> Codes:
    return rng.integers(0, values, rows)
