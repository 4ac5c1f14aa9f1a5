"""Counts and extremes of every column while typed blocks go by."""

from typing import Any, Final

import numpy as np
import numpy.typing as npt
import polars as pl

from .columns import Bundle, columns_kept
from .datatypes import DATA_TYPES, DataType, Mask, text_of
from .kinds import Typed
from .tally import Codes, Tally, mixed, unmixed, without_repetition

TOP_VALUES: Final = 10
# longer texts are cut among the extremes and left out of the most frequent values
SHOWN_CHARACTERS: Final = 200
_HASH_SEED: Final = 1
_NOT_STARTED = -1
_NUMBERS: Final = (DATA_TYPES.index("integer"), DATA_TYPES.index("float"))


class Summaries:
    """What is counted of columns 0 to `count` - 1, each with one type at a time.

    A column whose type changes on the way is given up and named in `given_up`: start it again with
    `restart` and give its blocks once more. `secret` columns keep counts only, never a value.
    """

    def __init__(self, count: int, secret: npt.NDArray[np.intp]) -> None:
        self.missing = np.zeros(count, dtype=np.int64)
        self.given_up = np.zeros(count, dtype=bool)
        self.respelled = np.zeros(count, dtype=bool)  # met a cell that PostgreSQL prints otherwise
        self._secret = np.isin(np.arange(count), secret)
        self._type = np.full(count, _NOT_STARTED, dtype=np.int8)
        self._filled = np.zeros(count, dtype=np.int64)
        self._sum = np.zeros(count)
        # by type of number: least and greatest so far
        self._integers = np.tile(np.array([[2**63 - 1], [-(2**63)]]), count)
        self._floats = np.tile(np.array([[np.inf], [-np.inf]]), count)
        self._texts: dict[int, tuple[str, str]] = {}
        self._tally = Tally(count)
        self._known = _KnownTexts()
        self._count_missing = True

    def add(self, typed: Typed) -> None:
        """Take in the cells of some columns."""
        bundle = typed.bundle
        valid = _filled(typed).reshape(bundle.shape)
        if self._count_missing:
            self.missing[bundle.columns] += (~valid).sum(axis=0)
        kind = DATA_TYPES.index(typed.data_type)
        known = self._type[bundle.columns]
        self.given_up[bundle.columns] |= (known != _NOT_STARTED) & (known != kind)
        keep = valid.any(axis=0) & ~self.given_up[bundle.columns]
        if not keep.any():
            return
        bundle, valid = bundle.only(keep), columns_kept(valid, keep)
        self._type[bundle.columns] = kind
        self._filled[bundle.columns] += valid.sum(axis=0)
        if typed.printed is not None:
            printed = columns_kept(typed.printed.reshape(typed.bundle.shape), keep)
            self.respelled[bundle.columns] |= (valid & ~printed).any(axis=0)
        if typed.values is None:
            self._add_texts(bundle, valid)
        else:
            values = columns_kept(typed.values.reshape(typed.bundle.shape), keep)
            self._add_numbers(bundle.columns, values, valid)

    def restart(self) -> None:
        """Count the columns that were given up from nothing; what they miss is counted already."""
        for column in np.flatnonzero(self.given_up).tolist():
            self._tally.drop(column)
            self._texts.pop(column, None)
        self._type[self.given_up] = _NOT_STARTED
        self._filled[self.given_up] = 0
        self._sum[self.given_up] = 0
        self._integers[:, self.given_up] = [[2**63 - 1], [-(2**63)]]
        self._floats[:, self.given_up] = [[np.inf], [-np.inf]]
        self.given_up[:] = False
        self._count_missing = False

    def extremes(self) -> list[tuple[str | None, str | None]]:
        """Return the least and the greatest value of each column as PostgreSQL prints them."""
        floats, integers = self._floats.T.tolist(), self._integers.T.tolist()
        found: list[tuple[str | None, str | None]] = []
        for column, kind in enumerate(np.where(self._secret, _NOT_STARTED, self._type).tolist()):
            if kind == _NOT_STARTED:
                found.append((None, None))
                continue
            data_type = DATA_TYPES[kind]
            if data_type == "text":
                low, high = self._texts[column]
                found.append((low[:SHOWN_CHARACTERS], high[:SHOWN_CHARACTERS]))
                continue
            least, greatest = (floats if data_type == "float" else integers)[column]
            found.append((text_of(least, data_type), text_of(greatest, data_type)))
        return found

    def means(self) -> list[float | None]:
        """Return the mean of each column of numbers, None for other types and for no numbers."""
        with np.errstate(divide="ignore", invalid="ignore"):
            means = self._sum / self._filled
        known = np.isin(self._type, _NUMBERS) & np.isfinite(means)
        return [
            mean if ok else None for mean, ok in zip(means.tolist(), known.tolist(), strict=True)
        ]

    def distinct(self) -> tuple[npt.NDArray[np.int64], Mask]:
        """Return how many different values each column has, and where that number is exact."""
        return self._tally.distinct()

    def top(self) -> dict[int, tuple[tuple[str, int], ...]]:
        """Return the most frequent values of each column with their counts, most frequent first.

        A value that occurs once is none of them, unless the column has only a few values.
        """
        found = self._tally.top(TOP_VALUES)
        found = found.only(~self._secret[found.columns])
        texts = self._known.texts(found.codes)
        out: dict[int, list[tuple[str, int]]] = {}
        rows = zip(found.columns.tolist(), found.codes.tolist(), found.counts.tolist(), strict=True)
        for column, code, count in rows:
            data_type = DATA_TYPES[int(self._type[column])]
            is_text = data_type == "text"
            value = texts.get(code) if is_text else text_of(_value(code, data_type), data_type)
            if value is not None:
                out.setdefault(column, []).append((value, count))
        return {column: tuple(values) for column, values in out.items()}

    def _add_numbers(self, columns: npt.NDArray[np.intp], values: Any, valid: Mask) -> None:
        whole = bool(valid.all())
        limits = self._floats if values.dtype == np.float64 else self._integers
        for place, (reduce, least) in enumerate(((np.minimum, limits), (np.maximum, limits))):
            empty = np.inf if values.dtype == np.float64 else 2**63 - 1
            empty = empty if place == 0 else -empty
            found = reduce.reduce(values if whole else np.where(valid, values, empty), axis=0)
            least[place, columns] = reduce(least[place, columns], found)
        shown = values if whole else np.where(valid, values, 0)
        with np.errstate(over="ignore"):
            self._sum[columns] += shown.sum(axis=0, dtype=np.float64)
        by_column = np.ascontiguousarray(values.T)
        if values.dtype == np.float64:
            by_column = by_column + 0.0  # minus zero and zero are one value
        codes = mixed(by_column.view(np.uint64))
        self._tally.add_later(columns, codes, None if whole else valid.T)

    def _add_texts(self, bundle: Bundle, valid: Mask) -> None:
        rows, width = bundle.shape
        hashes = bundle.cells.hash(_HASH_SEED).to_numpy().reshape(rows, width)
        codes: Codes = np.ascontiguousarray(hashes.T)
        counted = self._tally.add(bundle.columns, codes, None if valid.all() else valid.T)
        secret = self._secret[bundle.columns]
        if secret.all():
            return
        if secret.any():
            self._add_extremes(bundle.only(~secret))
        else:
            self._add_extremes(bundle)
            self._known.add(counted, codes, bundle.cells)

    def _add_extremes(self, bundle: Bundle) -> None:
        if len(bundle.columns) == 1:
            filled = bundle.cells.set(bundle.cells == "", None)
            found: list[tuple[Any, ...]] = [(int(bundle.columns[0]), filled.min(), filled.max())]
        else:
            columns = np.tile(bundle.columns, bundle.shape[0])
            cells = pl.DataFrame({"column": columns, "cell": bundle.cells})
            least, greatest = pl.col("cell").min().alias("least"), pl.col("cell").max()
            filled_cells = cells.filter(pl.col("cell") != "")
            found = filled_cells.group_by("column").agg(least, greatest).rows()
        for column, low, high in found:
            old_low, old_high = self._texts.get(column, (low, high))
            self._texts[column] = (min(low, old_low), max(high, old_high))


class _KnownTexts:
    """The texts behind codes, each kept once for all columns."""

    def __init__(self) -> None:
        self._codes: Codes = np.empty(0, dtype=np.uint64)
        self._frames = [pl.DataFrame(schema={"code": pl.UInt64, "text": pl.String})]

    def add(self, counted: list[Codes], codes: Codes, cells: pl.Series) -> None:
        """Keep the texts of the codes counted; codes are by column and row, cells by row."""
        own = without_repetition(counted)
        places = np.minimum(np.searchsorted(self._codes, own), max(len(self._codes) - 1, 0))
        new = own[self._codes[places] != own] if len(self._codes) else own
        if not len(new):
            return
        self._codes = without_repetition([self._codes, new])
        found = pl.DataFrame({"code": codes.T.ravel(), "text": cells})
        found = found.filter(pl.col("code").is_in(pl.Series(new).implode()))
        found = found.unique("code").filter(pl.col("text").str.len_chars() <= SHOWN_CHARACTERS)
        self._frames.append(found)

    def texts(self, codes: Codes) -> dict[int, str]:
        """Return the text of each of the codes that has one."""
        wanted = pl.Series(without_repetition([codes])).implode()
        return dict(pl.concat(self._frames).filter(pl.col("code").is_in(wanted)).rows())


def _filled(typed: Typed) -> Mask:
    """Return which cells hold a value: of a type, or text that is not the empty string."""
    if typed.fits is not None:
        return typed.fits
    filled: Mask = (typed.bundle.cells != "").fill_null(value=False).to_numpy()
    return filled


def _value(code: int, data_type: DataType) -> float:
    bits = np.array([unmixed(code)], dtype=np.uint64)
    return float(bits.view(np.float64)[0]) if data_type == "float" else int(bits.view(np.int64)[0])
