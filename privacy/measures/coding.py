"""Values of a column as codes: which rows agree, and of numbers their order."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import polars as pl

MISSING: Final = -1
_NUMBERS = (int, float, np.integer, np.floating)


@dataclass(frozen=True, eq=False)
class Coded:
    """One code a row: the place of its value among the different ones in order, -1 for missing.

    `many` is how many different values there are. `numeric` says that the order is of numbers (or
    of times), so that distances between codes mean something.
    """

    codes: npt.NDArray[np.int32]
    many: int
    numeric: bool


def coded(values: Sequence[Any] | npt.NDArray[Any]) -> Coded:
    """Return the codes of Python or NumPy values; None and NaN are missing.

    Numbers are ordered as such where there is nothing else; else all are taken as text.
    """
    if isinstance(values, np.ndarray) and values.dtype.kind in "iuf":
        return _coded_numbers(values)
    cells = [None if _is_missing(value) else value for value in values]
    present = {cell for cell in cells if cell is not None}
    numeric = bool(present) and all(
        isinstance(cell, _NUMBERS) and not isinstance(cell, bool) for cell in present
    )
    if not numeric:
        cells = [None if cell is None else str(cell) for cell in cells]
        present = {cell for cell in cells if cell is not None}
    places = {value: place for place, value in enumerate(sorted(present))}
    return _from_places(
        (MISSING if cell is None else places[cell] for cell in cells), len(places), numeric
    )


def coded_series(series: "pl.Series") -> Coded:
    """Return the codes of a Polars column; null and NaN are missing. Times count as numbers."""
    import polars as pl

    numeric = series.dtype.is_numeric() or series.dtype.is_temporal()
    if numeric:
        if series.dtype.is_float():
            series = series.fill_nan(None)
        series = series.to_physical()
    if not numeric and series.dtype != pl.String:
        series = series.cast(pl.String)
    found = series.drop_nulls().unique().sort()
    if numeric:
        small = _by_offset(series, found)
        codes = small if small is not None else found.search_sorted(series.fill_null(0)).to_numpy()
    else:
        codes = series.cast(pl.Enum(found)).to_physical().fill_null(0).to_numpy()
    codes = codes.astype(np.int32)
    if series.null_count():
        codes[series.is_null().to_numpy()] = MISSING
    return Coded(codes, len(found), numeric)


def _by_offset(series: "pl.Series", found: "pl.Series") -> npt.NDArray[np.int32] | None:
    """Return the codes of whole numbers that lie close together, by a table; else None."""
    if not series.dtype.is_integer() or not len(found):
        return None
    low, high = int(found[0]), int(found[-1])
    if high - low > len(series):
        return None
    table = np.zeros(high - low + 1, dtype=np.int32)
    table[found.to_numpy().astype(np.int64) - low] = np.arange(len(found))
    return np.asarray(table[series.fill_null(low).to_numpy().astype(np.int64) - low])


def _coded_numbers(values: npt.NDArray[Any]) -> Coded:
    missing = np.isnan(values) if values.dtype.kind == "f" else np.zeros(len(values), dtype=bool)
    found, places = np.unique(values[~missing], return_inverse=True)
    codes = np.full(len(values), MISSING, dtype=np.int32)
    codes[~missing] = places
    return Coded(codes, len(found), numeric=True)


def _from_places(places: Iterable[int], many: int, numeric: bool) -> Coded:
    return Coded(np.fromiter(places, dtype=np.int32), many, numeric)


def _is_missing(value: object) -> bool:
    return value is None or (isinstance(value, float | np.floating) and math.isnan(value))
