"""The six column types: which text belongs to each, and what PostgreSQL makes of it.

A column is of a type only where PostgreSQL's own text of the stored value gives every cell back:

- `integer` (bigint): `0`, or an optional `-` and digits without leading zeros, within 64 bits.
- `float` (double precision): a decimal number that the nearest double, printed by PostgreSQL in
  its shortest form, gives back as the same exact value, so `1.50`, `.5` and `1e-05` are floats
  while `0.10000000000000000555` (over-precise), `1e999` and `1e23` (halfway between two doubles)
  are not. No leading zeros, no `+`, no NaN or Infinity. An exponent has a sign or the number a
  point: `2310009E13` is a clone's name that spreadsheets made a number of (Zeeberg et al. 2004).
- `boolean`: `true` and `false`. 0/1 is `integer`; `TRUE`, `t` and `yes` stay text.
- `date`: `YYYY-MM-DD`, a day of the calendar, years 0001 to 9999.
- `timestamp` (without time zone): `YYYY-MM-DD HH:MM:SS` and up to six decimals of a second, the
  last one not a zero.
- `text`: everything else, to the byte.

A type named by the user takes more (`loose`): numbers with leading zeros, `+` and spaces around
them; `TRUE`, `t`, `yes`, `1` ... in any case; `T` between day and time. Never another value.
"""

from typing import Final, Literal, get_args

import numpy as np
import numpy.typing as npt
import polars as pl

from .exact import exactly_representable

DataType = Literal["integer", "float", "boolean", "date", "timestamp", "text"]
DATA_TYPES: Final[tuple[DataType, ...]] = get_args(DataType)
Mask = npt.NDArray[np.bool_]

TRUE_WORDS: Final = ("true", "t", "yes", "y", "on", "1")
FALSE_WORDS: Final = ("false", "f", "no", "n", "off", "0")
# 15 digits survive a double (DBL_DIG, C11 5.2.4.2.2), wherever the point stands
_SAFE_LENGTH = 15
_SMALLEST_NORMAL = 2.2250738585072014e-308
_FLOAT = (
    r"^-?(?:0|[1-9][0-9]*)?(?:\.[0-9]*)?$"  # at least one digit: the cast sees to it
    r"|^-?(?:0|[1-9][0-9]*)?\.[0-9]*[eE][+-]?[0-9]+$"
    r"|^-?(?:0|[1-9][0-9]*)[eE][+-][0-9]+$"
)
_LOOSE_NUMBER = r"^[+-]?[0-9]*\.?[0-9]*(?:[eE][+-]?[0-9]+)?$"


def is_integer(cells: pl.Series) -> Mask:
    """Return which cells are canonical 64-bit integers; null cells are not."""
    values = cells.cast(pl.Int64, strict=False)
    plain = (
        values.is_not_null()
        & ~cells.str.starts_with("+")
        & ~cells.str.starts_with("-0")
        & (~cells.str.starts_with("0") | (cells.str.len_bytes() == 1))
    )
    return plain.fill_null(value=False).to_numpy()


def is_float(cells: pl.Series) -> Mask:
    """Return which cells are numbers whose exact value a double gives back; null cells are not."""
    values = cells.cast(pl.Float64, strict=False)
    sound = (cells.str.contains(_FLOAT) & values.is_not_null()).fill_null(value=False).to_numpy()
    return _exact(cells, values, sound)


def is_boolean(cells: pl.Series) -> Mask:
    """Return which cells are `true` or `false`."""
    return cells.is_in(["true", "false"]).fill_null(value=False).to_numpy()


def is_date(cells: pl.Series) -> Mask:
    """Return which cells are days of the calendar as PostgreSQL prints them."""
    shaped = cells.str.contains(r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$") & ~cells.str.starts_with("0000")
    days = cells.str.to_date("%Y-%m-%d", strict=False)
    return (shaped & days.is_not_null()).fill_null(value=False).to_numpy()


_MOMENT = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[ ](?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]"


def is_timestamp(cells: pl.Series) -> Mask:
    """Return which cells are moments as PostgreSQL prints them."""
    shaped = cells.str.contains(_MOMENT + r"(?:\.[0-9]{0,5}[1-9])?$")
    return (shaped.fill_null(value=False)).to_numpy() & is_date(cells.str.slice(0, 10))


def loose(cells: pl.Series, data_type: DataType) -> Mask:
    """Return which cells may be stored as a type that the user named; null cells may not."""
    match data_type:
        case "integer" | "float":
            text = cells.str.strip_chars(" \t")
            shaped = text.str.contains(_LOOSE_NUMBER)
            kind = pl.Int64 if data_type == "integer" else pl.Float64
            values = text.str.strip_prefix("+").cast(kind, strict=False)
            sound = (shaped & values.is_not_null()).fill_null(value=False).to_numpy()
            return sound if data_type == "integer" else _exact(text, values, sound)
        case "boolean":
            words = [*TRUE_WORDS, *FALSE_WORDS]
            return cells.str.to_lowercase().is_in(words).fill_null(value=False).to_numpy()
        case "date":
            return is_date(cells)
        case "timestamp":
            text = pl.select(
                pl.when(cells.str.slice(10, 1) == "T")
                .then(cells.str.slice(0, 10) + " " + cells.str.slice(11))
                .otherwise(cells)
            ).to_series()
            shaped = text.str.contains(_MOMENT + r"(?:\.[0-9]{1,6})?$")
            return shaped.fill_null(value=False).to_numpy() & is_date(text.str.slice(0, 10))
        case "text":
            return cells.is_not_null().to_numpy()


def _exact(cells: pl.Series, values: pl.Series, sound: Mask) -> Mask:
    """Return `sound` without the cells whose double is another number than the cell."""
    lengths = cells.str.len_bytes().fill_null(0).to_numpy()
    size = np.abs(values.fill_null(0.0).to_numpy())
    # shorter is exact, but for exponents that leave the normal doubles
    doubt = sound & ((lengths > _SAFE_LENGTH) | (size < _SMALLEST_NORMAL) | ~np.isfinite(size))
    doubt &= ~((size == 0) & (lengths <= 4))  # 0, 0.0, -0.0: no exponent
    if not doubt.any():
        return sound
    places = np.flatnonzero(doubt)
    sound = sound.copy()
    sound[places] = exactly_representable(cells.gather(places), values.gather(places))
    return sound
