"""The codes of a dataset's columns: read once as its owner, kept sealed while the data stays so.

Whoever asks is looked up under their own row level security first; only then are kept codes opened,
over the platform's own connection. Codes are good for one state of the dataset, which each
correction, deletion, attachment changes in its own transaction: what was kept of another state is
neither opened nor mixed with this one's.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, cast
from uuid import UUID

import polars as pl
from django.db import IntegrityError, connection
from psycopg2 import sql

from accounts.resealing import Resealed, reseal_rows
from datasets.browse.export import write_csv
from datasets.browse.export_source import ExportColumn, dataset_source
from datasets.faults import plain_faults
from datasets.identifiers import in_data_schema
from datasets.ingest.datatypes import DataType
from datasets.ingest.plan import PlannedColumn
from datasets.models import Dataset, DatasetColumn
from datasets.turns import require_turn
from fairdb_site.database import as_user, renew_if_lost
from fairdb_site.errors import Conflict, NotFound, Refused
from privacy.chosen import require_affordable
from privacy.measures.coding import Coded
from privacy.models import PrivacyCodes, PrivacyPopulationCodes
from privacy.reading import cells_coded
from privacy.sealed import Shelf, codes_keep, codes_open

CELLS_HELD: Final = 20_000_000  # of text at a time: some 500 MB with what Polars makes of it
_TURNS: Final = 3  # a dataset that is changed each time is being corrected by a program
_NONE = "There is no such dataset, or it is not yours."


@dataclass(frozen=True)
class CodedDataset:
    """Columns by their positions, all of one state of a dataset."""

    dataset: UUID
    owner: UUID
    state: str
    columns: Mapping[int, Coded]

    @property
    def shelf(self) -> Shelf:
        """Where they are kept."""
        return Shelf(PrivacyCodes, "privacy_codes", self.dataset, self.owner, self.state)


def dataset_coded(*, dataset_id: UUID, owner_id: UUID, positions: Sequence[int]) -> CodedDataset:
    """Return the codes of columns of a ready dataset of this owner; what is not kept is read.

    Raises NotFound for another's, Refused for a position it lacks or too many cells, Conflict where
    it is changed all the while, or other work of the account is under way and something is to read.
    """
    renew_if_lost()
    wanted = sorted(set(positions))
    state = _state_of(dataset_id, owner_id, columns=len(wanted))
    for _ in range(_TURNS):
        kept = codes_open(CodedDataset(dataset_id, owner_id, state, {}).shelf, wanted)
        lacking = [position for position in wanted if position not in kept]
        if not lacking:
            return CodedDataset(dataset_id, owner_id, state, kept)
        read = _read(dataset_id, owner_id, lacking)
        _keep(read)
        if read.state == state or len(lacking) == len(wanted):
            return replace(read, columns={**kept, **read.columns})
        state = read.state
    raise Conflict("The dataset is changed all the while. Try again when nobody corrects it.")


def codes_reseal() -> Resealed:
    """Put the keys of kept codes under the first of FAIRDB_TOKEN_KEYS."""
    return reseal_rows(PrivacyCodes, "sealed_key") + reseal_rows(
        PrivacyPopulationCodes, "sealed_key"
    )


def content_state(dataset_id: UUID) -> str:
    """Return which rows and columns a dataset has now, within a transaction of its owner.

    Raises NotFound where it is not theirs, or not ready.
    """
    statement = sql.SQL("select {}(d) from {} d where d.id = %s and d.state = 'ready'").format(
        in_data_schema("content_state"), in_data_schema("datasets")
    )
    with connection.cursor() as cursor:
        cursor.execute(statement, [dataset_id])
        found = cursor.fetchone()
    if found is None:
        raise NotFound(_NONE)
    return str(found[0])


def _state_of(dataset_id: UUID, owner_id: UUID, *, columns: int) -> str:
    with as_user(owner_id):
        state = content_state(dataset_id)
        found = Dataset.objects.filter(pk=dataset_id).values_list("row_count", flat=True)
        require_affordable(found.first() or 0, columns)
    return state


def _read(dataset_id: UUID, owner_id: UUID, positions: Sequence[int]) -> CodedDataset:
    """Read columns, all as of one moment: their state is of the same snapshot."""
    with plain_faults("report"), as_user(owner_id, snapshot=True):
        state = content_state(dataset_id)
        dataset = Dataset.objects.get(pk=dataset_id)
        found = DatasetColumn.objects.filter(dataset=dataset_id, position__in=positions)
        columns = list(found.order_by("position"))
        if len(columns) != len(positions):
            raise Refused("A chosen column does not exist. Choose columns from the list.")
        with connection.cursor() as cursor:
            require_turn(cursor, owner_id)
            # a whole column takes longer than a page may
            cursor.execute("set local statement_timeout = 0")
        at_once = max(CELLS_HELD // max(dataset.row_count or 0, 1), 1)
        coded: dict[int, Coded] = {}
        for start in range(0, len(columns), at_once):
            block = columns[start : start + at_once]
            cells = cells_read(dataset, block)
            coded |= {c.position: cells_coded(cells[c.position], type_of(c)) for c in block}
    return CodedDataset(dataset_id, owner_id, state, coded)


def cells_read(dataset: Dataset, columns: Sequence[DatasetColumn]) -> dict[int, pl.Series]:
    """Return the cells of columns by their positions, as categories of text; within a transaction
    of the owner. How they are told apart is `type_of`'s to say.
    """
    planned = [
        PlannedColumn(c.position, f"c{c.position}", c.name, c.part, c.data_type) for c in columns
    ]
    source = dataset_source(dataset.parts, planned)
    # a line of one missing cell alone would be an empty line, which is no row
    number = ExportColumn("row", "rowid", planned[0].part or 1, "integer")
    text = io.BytesIO()
    with connection.cursor() as cursor:
        write_csv(cursor, replace(source, columns=[number, *source.columns]), text.write)
    names = ["row", *(f"c{column.position}" for column in columns)]
    text.seek(0)
    frame = pl.read_csv(
        text,
        has_header=False,
        skip_lines=1,
        schema=dict.fromkeys(names, pl.String),
    )
    del text
    kinds = [pl.col(name).cast(pl.Categorical(pl.Categories.random())) for name in names[1:]]
    categories = frame.lazy().select(kinds).collect()
    del frame
    return dict(zip([c.position for c in columns], categories.iter_columns(), strict=True))


def type_of(column: DatasetColumn) -> DataType:
    """Return as what the cells of a column are told apart: pseudonyms are text."""
    return cast("DataType", "text" if column.part is None else column.data_type)


def _keep(read: CodedDataset) -> None:
    try:
        codes_keep(read.shelf, read.columns)
    except IntegrityError:
        raise NotFound(_NONE) from None  # it was deleted meanwhile
