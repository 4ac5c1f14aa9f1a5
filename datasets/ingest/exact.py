"""Whether the double nearest to a decimal number prints as that same number again."""

from decimal import Decimal
from fractions import Fraction
from math import isfinite, nextafter, ulp

import numpy as np
import numpy.typing as npt
import polars as pl

# from here on neighbouring doubles have an integer halfway between them, hence a short decimal
HALFWAY_INTEGERS = 2.0**53


def exactly_representable(cells: pl.Series, values: pl.Series) -> npt.NDArray[np.bool_]:
    """Return, for numbers in text and their doubles, where PostgreSQL prints the same value back.

    PostgreSQL prints the shortest decimal that lies strictly within half a unit of the double
    (Adams 2018, "Ryu", with `acceptBounds` false); so do Polars and Python, which also take a
    decimal on the bound itself. A cell on such a bound (`1e23`) is therefore refused here.
    """
    shortest = values.cast(pl.String)
    # most numbers were printed by such an algorithm in the first place: same text, same value
    trimmed = (
        pl.when(cells.str.contains(r"^-?[0-9]*\.[0-9]*$"))
        .then(cells.str.strip_chars_end("0").str.strip_suffix("."))
        .otherwise(cells)
    )
    same = pl.select(
        (trimmed == shortest.str.strip_suffix(".0")).fill_null(value=False)
    ).to_series()
    small = (values.abs() < HALFWAY_INTEGERS).fill_null(value=False)
    out = (same & small).to_numpy().copy()
    rest = np.flatnonzero(~out)
    known: dict[str, bool] = {}
    for place in rest.tolist():
        cell = cells[place]
        if cell not in known:
            known[cell] = _representable(cell)
        out[place] = known[cell]
    return out


def _representable(cell: str) -> bool:
    exact, value = Decimal(cell), float(cell)
    if not isfinite(value) or Decimal(repr(value)) != exact:
        return False
    if abs(value) < HALFWAY_INTEGERS:
        return True
    size = abs(value)
    below = (Fraction(size) + Fraction(nextafter(size, 0.0))) / 2
    above = Fraction(size) + Fraction(ulp(size)) / 2
    return below < abs(Fraction(exact)) < above
