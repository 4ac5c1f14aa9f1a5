"""The different values of a dataset's columns, read as its owner, beside the codes they have.

Kept codes hold no values. These are read each time, of the state that the codes are of.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, cast
from uuid import UUID

import polars as pl
from django.db import connection
from psycopg2 import sql

from datasets.browse.export import CANONICAL, cell_of, copy_of, write_plainly
from datasets.browse.export_source import dataset_source, table_of
from datasets.faults import plain_faults
from datasets.ingest.datatypes import DataType
from datasets.ingest.names import shown
from datasets.ingest.plan import PlannedColumn
from datasets.models import Dataset, DatasetColumn
from datasets.turns import require_turn
from fairdb_site.database import as_user
from fairdb_site.errors import Conflict, TooLarge
from privacy.codes import CodedDataset, content_state, dataset_coded
from privacy.reading import MOST_VALUES, Valued, cells_valued

_TURNS: Final = 3  # a dataset that is changed each time is being corrected by a program


@dataclass(frozen=True)
class ValuedDataset:
    """Columns by their positions with their values, all of one state of a dataset."""

    dataset: UUID
    state: str
    columns: Mapping[int, Valued]


def dataset_valued(
    *, dataset_id: UUID, owner_id: UUID, positions: Sequence[int], most: int = MOST_VALUES
) -> ValuedDataset:
    """Return the codes of columns of a ready dataset of this owner, and what they stand for.

    Raises as `dataset_coded` does, and TooLarge for a column of more than `most` different values.
    """
    for _ in range(_TURNS):
        coded = dataset_coded(dataset_id=dataset_id, owner_id=owner_id, positions=positions)
        state, values = _different(coded, owner_id, most)
        if state == coded.state:
            return ValuedDataset(
                dataset_id,
                state,
                {
                    position: Valued(column, values[position].values, values[position].data_type)
                    for position, column in coded.columns.items()
                },
            )
    raise Conflict("The dataset is changed all the while. Try again when nobody corrects it.")


def _different(coded: CodedDataset, owner_id: UUID, most: int) -> tuple[str, dict[int, Valued]]:
    """Return (the state they are of, the different values of each column, in order)."""
    with plain_faults("report"), as_user(owner_id, snapshot=True):
        state = content_state(coded.dataset)
        dataset = Dataset.objects.get(pk=coded.dataset)
        found = DatasetColumn.objects.filter(
            dataset=coded.dataset, position__in=list(coded.columns)
        )
        columns = list(found.order_by("position"))
        with connection.cursor() as cursor:
            require_turn(cursor, owner_id)
            # a whole column takes longer than a page may
            cursor.execute("set local statement_timeout = 0")
            write_plainly(cursor)
        return state, {column.position: _of_column(dataset, column, most) for column in columns}


def _of_column(dataset: Dataset, column: DatasetColumn, most: int) -> Valued:
    planned = PlannedColumn(
        column.position, f"c{column.position}", column.name, column.part, column.data_type
    )
    source = dataset_source(dataset.parts, [planned])
    cell = source.columns[0]
    # missing is left out: a line of it alone would be empty, which is no row
    select = sql.SQL("select distinct {cell} from {rows} where {cell} is not null limit {most}")
    text = io.BytesIO()
    with connection.cursor() as cursor:
        cursor.copy_expert(
            copy_of(
                select.format(
                    cell=cell_of(cell), rows=table_of(source, cell.part), most=sql.Literal(most + 1)
                ),
                CANONICAL,
            ),
            text,
        )
    text.seek(0)
    if not text.getbuffer().nbytes:
        cells = pl.Series("c", [], dtype=pl.String)
    else:
        cells = pl.read_csv(text, has_header=False, schema={"c": pl.String}).to_series()
    if len(cells) > most:
        raise TooLarge(
            f"The column {shown(column.label)} has over {most:,} different values. Drop the column."
        )
    data_type = cast("DataType", "text" if column.part is None else column.data_type)
    categories = cells.cast(pl.Categorical(pl.Categories.random()))
    return cells_valued(categories, column.label, data_type, most=most)
