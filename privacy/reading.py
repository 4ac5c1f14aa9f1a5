"""Columns of a file as codes, in one pass over it and without its other columns.

Cells are told apart as they are typed when a file is loaded, so a file and its dataset give the
same figures. Text is numbered a block at a time: the file is never held.
"""

from collections.abc import Callable, Collection, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from datasets.ingest.datatypes import DataType, parsed
from datasets.ingest.kinds import LADDER
from datasets.ingest.pseudonyms import normalize_id
from datasets.ingest.read import TableSource
from privacy.measures.coding import MISSING, Coded

Progress = Callable[[int], None]
_IN_ORDER: Final = frozenset({"integer", "float", "date", "timestamp"})


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
    return {
        position: cells_coded(
            pl.concat([piece.to_series(place) for piece in pieces]),
            as_ids=position == id_position,
            markers=missing,
        )
        for place, position in enumerate(wanted)
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
    different = cells.drop_nulls().unique()
    codes, many, numeric = _codes_of(
        different.cast(pl.String), data_type, as_ids=as_ids, markers=["", *markers]
    )
    numbers = different.to_physical().cast(pl.Int64).to_numpy()
    # missing takes the last place
    table = np.full(int(numbers.max(initial=-1)) + 2, MISSING, dtype=np.int32)
    table[numbers] = codes
    places = cells.to_physical().cast(pl.Int64).fill_null(len(table) - 1).to_numpy()
    return Coded(table[places], many, numeric)


def _codes_of(
    cells: pl.Series, data_type: DataType | None, *, as_ids: bool, markers: Sequence[str]
) -> tuple[npt.NDArray[np.int32], int, bool]:
    """Return (the code of each cell, how many values there are, whether they are numbers)."""
    if as_ids:
        cells = pl.Series("cells", map(normalize_id, cells.to_list()), dtype=pl.String)
    cells = cells.set(cells.is_in(markers), None)
    there = cells.is_not_null().to_numpy()
    codes = np.full(len(cells), MISSING, dtype=np.int32)
    present = cells.drop_nulls()
    types = ("text",) if as_ids or not len(present) else (data_type,) if data_type else LADDER
    values, numeric = _values_of(present, types)
    if values is None:
        found = present.unique().sort()
        codes[there] = present.cast(pl.Enum(found)).to_physical().to_numpy()
        return codes, len(found), False
    different, places = np.unique(values, return_inverse=True)
    codes[there] = places
    return codes, len(different), numeric


def _values_of(
    cells: pl.Series, types: Sequence[DataType]
) -> tuple[npt.NDArray[np.generic] | None, bool]:
    """Return (the values of the cells by the first type that takes all, whether in order).

    None where they are text.
    """
    for data_type in types:
        if data_type != "text" and (found := parsed(cells, data_type)).fits.all():
            return found.values, data_type in _IN_ORDER
    return None, False
