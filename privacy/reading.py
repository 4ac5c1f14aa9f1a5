"""Columns of a file as codes, in one pass over it and without its other columns.

Cells are told apart as they are typed when a file is loaded, so a file and its dataset give the
same figures. Text is numbered a block at a time: the file is never held.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from datasets.ingest.datatypes import DataType, parsed, text_of
from datasets.ingest.kinds import KNOWN_MARKERS, LADDER
from datasets.ingest.names import shown
from datasets.ingest.pseudonyms import normalize_id
from datasets.ingest.read import TableSource
from fairdb_site.errors import TooLarge
from privacy.measures.coding import MISSING, Coded
from privacy.measures.models import Floats
from privacy.measures.taxa import FEWEST_TAXA, require_abundances

Progress = Callable[[int], None]
_OFTEN: Final = 100
_IN_ORDER: Final = frozenset({"integer", "float", "date", "timestamp"})

MOST_VALUES: Final = 1_000_000
"""Different values of one column that are held as text: as many as a hierarchy may have."""


@dataclass(frozen=True, eq=False)
class Valued:
    """A column's codes, and the text of the value that each code from 0 on stands for.

    Values read as PostgreSQL prints them. By `data_type` they were told apart.
    """

    coded: Coded
    values: tuple[str, ...]
    data_type: DataType


def columns_coded(
    table: TableSource,
    positions: Sequence[int],
    *,
    id_position: int | None = None,
    missing: Collection[str] = (),
    progress: Progress | None = None,
) -> dict[int, Coded]:
    """Return the codes of the columns at some places (from 1) of a file.

    Empty cells and those that read as a marker of `missing` are missing. `id_position` is compared
    as ids are: without the white space around them. `progress` is called with the bytes read.
    Raises Refused and TooLarge as a load does, for rows that do not fit the header too.
    """
    return {
        position: cells_coded(cells, as_ids=position == id_position, markers=missing)
        for position, cells in _columns_read(table, positions, progress)
    }


def columns_valued(
    table: TableSource,
    positions: Sequence[int],
    *,
    missing: Collection[str] = (),
    progress: Progress | None = None,
    most: int = MOST_VALUES,
) -> dict[int, Valued]:
    """Return the codes of columns of a file as `columns_coded` does, and what they stand for.

    Raises TooLarge too, for a column of more than `most` different values.
    """
    return {
        position: cells_valued(cells, table.file_header[position - 1], markers=missing, most=most)
        for position, cells in _columns_read(table, positions, progress)
    }


def cells_coded(
    cells: pl.Series,
    data_type: DataType | None = None,
    *,
    as_ids: bool = False,
    markers: Collection[str] = (),
) -> Coded:
    """Return the codes of a column of text as categories; only its different cells are looked at.

    They are told apart as values of `data_type`, or of the type that a load would find. A cell that
    holds nothing, quoted or not, is missing.
    """
    return _coded(cells, data_type, as_ids=as_ids, markers=markers)[0]


def cells_valued(
    cells: pl.Series,
    label: str,
    data_type: DataType | None = None,
    *,
    markers: Collection[str] = (),
    most: int = MOST_VALUES,
) -> Valued:
    """Return the codes of a column as `cells_coded` does, and what they stand for.

    Raises TooLarge, with the column's label, for more than `most` different values.
    """
    coded, different = _coded(cells, data_type, markers=markers)
    if coded.many > most:
        raise TooLarge(
            f"The column {shown(label)} has {coded.many:,} different values; at most {most:,} are "
            "taken one by one. Drop the column, or shorten its values before it is loaded."
        )
    return Valued(coded, different.texts(), different.data_type)


def recoded(column: Valued, texts: Sequence[str]) -> Valued:
    """Return a column whose values became these texts, in their order; `""` is missing.

    One text more than there are values is what becomes of missing ones. The column keeps its type
    where all texts are of it, else it is text.
    """
    codes, different = _codes_of(
        pl.Series("cells", texts, dtype=pl.String), column.data_type, as_ids=False, markers=[""]
    )
    if len(codes) == column.coded.many:
        codes = np.append(codes, np.int32(MISSING))  # where -1 looks
    coded = Coded(
        codes[column.coded.codes], len(different.values), different.data_type in _IN_ORDER
    )
    return Valued(coded, different.texts(), different.data_type)


def columns_read(
    table: TableSource, positions: Sequence[int], *, progress: Progress | None = None
) -> dict[int, pl.Series]:
    """Return the cells of the columns at some places of a file, as categories of text."""
    return dict(_columns_read(table, positions, progress))


def abundances_in(
    table: TableSource,
    left_out: Collection[int],
    *,
    missing: Collection[str] = (),
    progress: Progress | None = None,
) -> Floats:
    """Return a row for every sample and a column for every taxon of a file, NaN where missing.

    Taxa are the columns of numbers, never below 0, but for those at the places of `left_out`.
    Raises Refused where there are too few, or more cells than are measured.
    """
    narrow = table.without(set(left_out))
    pieces: list[Floats] = []
    fits = np.ones(len(narrow.header), dtype=bool)
    rows = 0
    for block in narrow.blocks():
        text = pl.all().cast(pl.String)
        text = pl.when(~text.is_in(["", *missing])).then(text)
        cells = block.frame.lazy().select(text).collect()
        numbers = cells.lazy().select(pl.all().cast(pl.Float64, strict=False)).collect()
        strange = [a != b for a, b in zip(_nulls(numbers), _nulls(cells), strict=True)]
        values = numbers.select(pl.all().fill_null(float("nan"))).to_numpy()
        fits &= ~np.array(strange) & ~(values < 0).any(axis=0) & ~np.isinf(values).any(axis=0)
        pieces.append(values)
        rows += len(values)
        require_abundances(rows, max(int(fits.sum()), FEWEST_TAXA))
        if progress:
            progress(narrow.bytes_read)
    fits &= ~np.logical_and.reduce([np.isnan(piece).all(axis=0) for piece in pieces])
    require_abundances(rows, int(fits.sum()))
    return np.vstack([piece[:, fits] for piece in pieces])


def _nulls(frame: pl.DataFrame) -> tuple[int, ...]:
    return frame.null_count().row(0)


def markers_unnamed(
    cells: Mapping[int, pl.Series], named: Collection[str]
) -> list[tuple[int, str, int]]:
    """Return (position, what it reads, how many) of cells that often say that nothing is there.

    What people write for that is of `datasets.ingest.kinds`; one cell in a hundred is often.
    """
    typical = [marker for marker in KNOWN_MARKERS if marker and marker not in named]
    found = []
    for position, column in cells.items():
        counts = pl.DataFrame({"cell": column.drop_nulls()}).lazy().group_by("cell").len()
        often = counts.with_columns(pl.col("cell").cast(pl.String)).filter(
            pl.col("cell").is_in(typical), pl.col("len") * _OFTEN >= len(column)
        )
        rows = often.sort("len", descending=True).collect().rows()
        found += [(position, text, many) for text, many in rows]
    return found


def cells_matched(
    cells: pl.Series,
    own: Coded,
    others: pl.Series,
    data_type: DataType | None = None,
    *,
    markers: Collection[str] = (),
) -> Coded:
    """Return the cells of another table in the numbers of a column's codes, `own.many` for others.

    Both are told apart together: as text where the column was said to be text, else by the first
    type that takes all, so `34` and `34.0` are one age.
    """
    mine, theirs = cells.drop_nulls().unique(), others.drop_nulls().unique()
    codes, different = _codes_of(
        pl.concat([mine.cast(pl.String), theirs.cast(pl.String)]),
        "text" if data_type == "text" else None,
        as_ids=False,
        markers=["", *markers],
    )
    named = own.codes[_first_places(cells, mine)]
    joint = codes[: len(mine)]
    number_of = np.full(len(different.values) + 1, own.many, dtype=np.int32)
    number_of[MISSING] = MISSING
    known = (joint >= 0) & (named >= 0)
    number_of[joint[known]] = named[known]
    return Coded(_spread(others, theirs, number_of[codes[len(mine) :]]), own.many + 1, own.numeric)


def _columns_read(
    table: TableSource, positions: Sequence[int], progress: Progress | None
) -> Iterator[tuple[int, pl.Series]]:
    """Yield each place with its cells as categories, after one pass over the file."""
    wanted = sorted(set(positions))
    narrow = table.without(set(range(1, len(table.file_header) + 1)) - set(wanted))
    # categories of each column's own number its cells from 0 on, the same in every block
    kinds = [pl.Categorical(pl.Categories.random()) for _ in wanted]
    pieces: list[pl.DataFrame] = []
    for block in narrow.blocks():
        frame = block.frame.lazy()
        cast = [pl.nth(place).cast(kind) for place, kind in enumerate(kinds)]
        pieces.append(frame.select(cast).collect())
        if progress:
            progress(narrow.bytes_read)
    for place, position in enumerate(wanted):
        yield position, pl.concat([piece.to_series(place) for piece in pieces])


@dataclass(frozen=True, eq=False)
class _Different:
    """The different values of a column in order: of a type, or text where that is what they are."""

    values: npt.NDArray[np.generic] | pl.Series
    data_type: DataType

    def texts(self) -> tuple[str, ...]:
        """Return them as text, as PostgreSQL prints them."""
        if isinstance(self.values, pl.Series):
            return tuple(self.values.to_list())
        return tuple(text_of(value, self.data_type) for value in self.values.tolist())


def _coded(
    cells: pl.Series,
    data_type: DataType | None,
    *,
    as_ids: bool = False,
    markers: Collection[str] = (),
) -> tuple[Coded, _Different]:
    """Return (the code of each row, what the codes stand for)."""
    unique = cells.drop_nulls().unique()
    codes, different = _codes_of(
        unique.cast(pl.String), data_type, as_ids=as_ids, markers=["", *markers]
    )
    numeric = different.data_type in _IN_ORDER
    return Coded(_spread(cells, unique, codes), len(different.values), numeric), different


def _first_places(cells: pl.Series, different: pl.Series) -> npt.NDArray[np.int64]:
    """Return a place at which each of the different cells stands."""
    numbers = different.to_physical().cast(pl.Int64).to_numpy()
    places = np.zeros(int(numbers.max(initial=-1)) + 2, dtype=np.int64)
    physical = cells.to_physical().cast(pl.Int64).fill_null(len(places) - 1).to_numpy()
    places[physical] = np.arange(len(cells))
    return np.asarray(places[numbers])


def _spread(
    cells: pl.Series, different: pl.Series, codes: npt.NDArray[np.int32]
) -> npt.NDArray[np.int32]:
    """Return the code of every cell by those of the different ones; a null is missing."""
    numbers = different.to_physical().cast(pl.Int64).to_numpy()
    # missing takes the last place
    table = np.full(int(numbers.max(initial=-1)) + 2, MISSING, dtype=np.int32)
    table[numbers] = codes
    places = cells.to_physical().cast(pl.Int64).fill_null(len(table) - 1).to_numpy()
    return np.asarray(table[places])


def _codes_of(
    cells: pl.Series, data_type: DataType | None, *, as_ids: bool, markers: Sequence[str]
) -> tuple[npt.NDArray[np.int32], _Different]:
    """Return (the code of each cell, the values that the codes stand for)."""
    if as_ids:
        cells = pl.Series("cells", map(normalize_id, cells.to_list()), dtype=pl.String)
    cells = cells.set(cells.is_in(markers), None)
    there = cells.is_not_null().to_numpy()
    codes = np.full(len(cells), MISSING, dtype=np.int32)
    present = cells.drop_nulls()
    types = ("text",) if as_ids or not len(present) else (data_type,) if data_type else LADDER
    values, found_type = _values_of(present, types)
    if values is None:
        found = present.unique().sort()
        codes[there] = present.cast(pl.Enum(found)).to_physical().to_numpy()
        return codes, _Different(found, "text")
    different, places = np.unique(values, return_inverse=True)
    codes[there] = places
    return codes, _Different(different, found_type)


def _values_of(
    cells: pl.Series, types: Sequence[DataType]
) -> tuple[npt.NDArray[np.generic] | None, DataType]:
    """Return (the values of the cells by the first type that takes all, that type).

    None where they are text.
    """
    for data_type in types:
        if data_type != "text" and (found := parsed(cells, data_type)).fits.all():
            return found.values, data_type
    return None, "text"
