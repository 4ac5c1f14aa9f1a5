"""The six column types: which text belongs to each, and what PostgreSQL makes of it.

A column is of a type only where PostgreSQL's own text of the stored value gives every cell back:

- `integer` (bigint): `0`, or an optional `-` and digits without leading zeros, within 64 bits.
- `float` (double precision): a decimal number that the nearest double, printed by PostgreSQL in
  its shortest form, gives back as the same exact value, so `1.50`, `.5` and `1e-05` are floats
  while `0.10000000000000000555` (over-precise), `1e999` and `1e23` (halfway between two doubles)
  are not. No leading zeros, no `+`, no NaN or Infinity. An exponent has at most
  three digits, and either a sign or the number a point: `2310009E13` is a clone's name that
  spreadsheets made a number of (Zeeberg et al. 2004).
- `boolean`: `true` and `false`. 0/1 is `integer`; `TRUE`, `t` and `yes` stay text.
- `date`: `YYYY-MM-DD`, a day of the calendar, years 0001 to 9999.
- `timestamp` (without time zone): `YYYY-MM-DD HH:MM:SS` and up to six decimals of a second, the
  last one not a zero.
- `text`: everything else, to the byte.

A type named by the user takes more (`loose`): numbers with leading zeros, `+` and spaces around
them; `TRUE`, `t`, `yes`, `1` ... in any case; `T` between day and time. Never another value.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final, Literal, get_args

import numpy as np
import numpy.typing as npt
import polars as pl

from .exact import HALFWAY_INTEGERS, exactly_representable

DataType = Literal["integer", "float", "boolean", "date", "timestamp", "text"]
DATA_TYPES: Final[tuple[DataType, ...]] = get_args(DataType)
Mask = npt.NDArray[np.bool_]
Values = npt.NDArray[Any]

TRUE_WORDS: Final = ("true", "t", "yes", "y", "on", "1")
FALSE_WORDS: Final = ("false", "f", "no", "n", "off", "0")
# 15 digits survive a double (DBL_DIG, C11 5.2.4.2.2), wherever the point stands
_SAFE_LENGTH = 15
_SMALLEST_NORMAL = 2.2250738585072014e-308
# PostgreSQL prints an exponent outside of these
EXPONENT_FROM, EXPONENT_BELOW = 1e15, 1e-4
_FLOAT = (
    r"^-?(?:0|[1-9][0-9]*)?(?:\.[0-9]*)?$"  # at least one digit: the cast sees to it
    r"|^-?(?:0|[1-9][0-9]*)?\.[0-9]*[eE][+-]?[0-9]{1,3}$"
    r"|^-?(?:0|[1-9][0-9]*)[eE][+-][0-9]{1,3}$"
)
_LOOSE_NUMBER = r"^[+-]?[0-9]*\.?[0-9]*(?:[eE][+-]?[0-9]+)?$"
_DAY = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}"
_MOMENT = _DAY + r" (?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]"
_MOMENT_LENGTH = 19


@dataclass(frozen=True)
class Parsed:
    """Which cells are of a type, and their values, anything where they are not.

    Values are int64 (integers; days and microseconds since 1970; 0 and 1) or float64. `printed`
    says which cells read as PostgreSQL prints their value; None is all that fit.
    """

    fits: Mask
    values: Values
    printed: Mask | None = None


def parsed(cells: pl.Series, data_type: DataType, *, loose: bool = False) -> Parsed:
    """Return which of the cells are of a type other than text, and their values; null is none."""
    parse = (_LOOSE if loose else _STRICT)[data_type]
    return parse(cells)


def text_of(value: float, data_type: DataType) -> str:
    """Return a value of `Parsed` as PostgreSQL prints it (`boolean` as its cast to text)."""
    match data_type:
        case "integer":
            return str(int(value))
        case "float":
            return _float_text(float(value))
        case "boolean":
            return "true" if value else "false"
        case "date":
            return (date(1970, 1, 1) + timedelta(days=int(value))).isoformat()
        case "timestamp":
            moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=int(value))
            text = moment.replace(tzinfo=None).isoformat(" ")
            return text.rstrip("0") if moment.microsecond else text
        case "text":
            raise TypeError("A text has no value but itself.")


def _float_text(value: float) -> str:
    # PostgreSQL goes over to an exponent at 1e15, Python at 1e16
    if EXPONENT_FROM <= abs(value) < 1e16:
        digits = repr(value).removesuffix(".0").lstrip("-").replace(".", "")
        mantissa = f"{digits[0]}.{digits[1:]}".rstrip("0").rstrip(".")
        return f"{'-' if value < 0 else ''}{mantissa}e+15"
    return repr(value).removesuffix(".0")


def _integer(cells: pl.Series) -> Parsed:
    numbers = cells.cast(pl.Int64, strict=False)
    values = numbers.fill_null(0).to_numpy()
    lengths = cells.str.len_bytes().fill_null(0).to_numpy()
    # as many digits as the value has: no leading zero, no plus, no minus zero
    size = np.abs(values).view(np.uint64)
    expected = (values < 0).view(np.int8) + np.int8(1)
    for power in range(1, min(int(lengths.max(initial=0)), 19)):
        expected += (size >= np.uint64(10**power)).view(np.int8)
    return Parsed(_mask(numbers.is_not_null()) & (expected == lengths), values)


def _float(cells: pl.Series) -> Parsed:
    numbers = cells.cast(pl.Float64, strict=False)
    values = numbers.fill_null(0.0).to_numpy()
    size = np.abs(values)
    # most numbers were printed by an algorithm like PostgreSQL's: the same text, the same value
    printed = _mask(cells == numbers.cast(pl.String))
    whole = np.flatnonzero(values == np.floor(values))
    if whole.size:  # Polars prints 2.0, PostgreSQL 2
        text = numbers.gather(whole).cast(pl.String).str.strip_suffix(".0")
        printed[whole] = _mask(cells.gather(whole) == text)
    printed &= size < EXPONENT_FROM
    printed &= (size >= EXPONENT_BELOW) | (size == 0)
    places = np.flatnonzero(~printed & cells.is_not_null().to_numpy())
    if not places.size:
        return Parsed(printed, values, printed)
    rest, found = cells.gather(places), numbers.gather(places)
    fits = printed.copy()
    sound = _mask(rest.str.contains(_FLOAT) & found.is_not_null())
    fits[places] = _exact(rest, found, sound)
    return Parsed(fits, values, printed)


def _boolean(cells: pl.Series) -> Parsed:
    true = _mask(cells == "true")
    return Parsed(true | _mask(cells == "false"), true.astype(np.int64))


def _date(cells: pl.Series) -> Parsed:
    shaped = cells.str.contains(_DAY + "$") & ~cells.str.starts_with("0000")
    days = cells.str.to_date("%Y-%m-%d", strict=False).cast(pl.Int64)
    return Parsed(_mask(shaped & days.is_not_null()), days.fill_null(0).to_numpy())


def _timestamp(cells: pl.Series) -> Parsed:
    return _moments(cells, _MOMENT + r"(?:\.[0-9]{0,5}[1-9])?$")


def _moments(cells: pl.Series, pattern: str) -> Parsed:
    shaped = _mask(cells.str.contains(pattern) & ~cells.str.starts_with("0000"))
    values = _microseconds(cells.str.slice(0, _MOMENT_LENGTH))
    if (cells.str.len_bytes() > _MOMENT_LENGTH).any():
        fraction = cells.str.slice(_MOMENT_LENGTH + 1).str.pad_end(6, "0")
        values = values + fraction.cast(pl.Int64, strict=False).fill_null(0)
    return Parsed(shaped & _mask(values.is_not_null()), values.fill_null(0).to_numpy())


def _microseconds(cells: pl.Series) -> pl.Series:
    moments = cells.str.to_datetime("%Y-%m-%d %H:%M:%S", strict=False, time_unit="us")
    return moments.cast(pl.Int64)


def _loose_integer(cells: pl.Series) -> Parsed:
    text = cells.str.strip_chars(" \t")
    numbers = text.str.strip_prefix("+").cast(pl.Int64, strict=False)
    sound = _mask(text.str.contains(_LOOSE_NUMBER) & numbers.is_not_null())
    return Parsed(sound, numbers.fill_null(0).to_numpy())


def _loose_float(cells: pl.Series) -> Parsed:
    text = cells.str.strip_chars(" \t")
    numbers = text.str.strip_prefix("+").cast(pl.Float64, strict=False)
    sound = _mask(text.str.contains(_LOOSE_NUMBER) & numbers.is_not_null())
    return Parsed(_exact(text, numbers, sound), numbers.fill_null(0.0).to_numpy())


def _loose_boolean(cells: pl.Series) -> Parsed:
    words = cells.str.to_lowercase()
    true, false = words.is_in(list(TRUE_WORDS)), words.is_in(list(FALSE_WORDS))
    return Parsed(_mask(true | false), _mask(true).astype(np.int64))


def _loose_timestamp(cells: pl.Series) -> Parsed:
    spaced = cells.str.replace(_DAY.replace("^", "^(") + ")T", "${1} ")
    return _moments(spaced, _MOMENT + r"(?:\.[0-9]{1,6})?$")


_STRICT: Final[dict[DataType, Callable[[pl.Series], Parsed]]] = {
    "integer": _integer,
    "float": _float,
    "boolean": _boolean,
    "date": _date,
    "timestamp": _timestamp,
}
_LOOSE: Final = _STRICT | {
    "integer": _loose_integer,
    "float": _loose_float,
    "boolean": _loose_boolean,
    "timestamp": _loose_timestamp,
}


def _mask(flags: pl.Series) -> Mask:
    mask: Mask = flags.fill_null(value=False).to_numpy()
    return mask


def _exact(cells: pl.Series, numbers: pl.Series, sound: Mask) -> Mask:
    """Return `sound` without the cells whose double is another number than the cell."""
    lengths = cells.str.len_bytes().fill_null(0).to_numpy()
    size = np.abs(numbers.fill_null(0.0).to_numpy())
    # shorter is exact, but for exponents that leave the normal doubles and for large numbers
    doubt = sound & (
        (lengths > _SAFE_LENGTH) | (size < _SMALLEST_NORMAL) | ~(size < HALFWAY_INTEGERS)
    )
    doubt &= ~((size == 0) & (lengths <= 4))  # 0, 0.0, -0.0: no exponent
    if not doubt.any():
        return sound
    places = np.flatnonzero(doubt)
    sound = sound.copy()
    sound[places] = exactly_representable(cells.gather(places), numbers.gather(places))
    return sound
