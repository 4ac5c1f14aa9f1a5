"""The abundances of a dataset: which of its columns may be taxa, and their values, read once."""

from __future__ import annotations

import io
from dataclasses import dataclass, replace
from typing import Final
from uuid import UUID

import numpy as np
import polars as pl
from django.db import connection
from django.db.models import Q, QuerySet

from datasets.browse.export import write_csv
from datasets.browse.export_source import ExportColumn, dataset_source
from datasets.faults import plain_faults
from datasets.ingest.plan import PlannedColumn
from datasets.models import Dataset, DatasetColumn
from datasets.turns import require_turn
from fairdb_site.database import as_user
from fairdb_site.errors import NotFound
from privacy.chosen import names_at
from privacy.codes import content_state
from privacy.measures.models import Floats
from privacy.measures.taxa import require_abundances

_CELLS_A_BLOCK: Final = 2_000_000  # of text at a time


@dataclass(frozen=True, eq=False)
class Abundances:
    """A row for every sample and a column for every taxon, NaN where missing, and their labels.

    `state` is of which state of the dataset they are.
    """

    values: Floats
    labels: tuple[str, ...]
    state: str


def taxa_count(*, owner_id: UUID, dataset_id: UUID) -> int:
    """Return how many columns of a dataset of this owner may be taxa."""
    with as_user(owner_id):
        return _taxa(dataset_id).count()


def abundances_read(*, owner_id: UUID, dataset_id: UUID) -> Abundances:
    """Return the abundances of a ready dataset of this owner, all of one moment.

    Taxa are the columns of numbers, never below 0, that have no role but "other". Raises NotFound
    for another's dataset, Refused where there are too few taxa, or too many cells, and Conflict
    where other work of the account is under way.
    """
    with plain_faults("report"), as_user(owner_id, snapshot=True):
        dataset = Dataset.objects.filter(pk=dataset_id, state=Dataset.State.READY).first()
        if dataset is None:
            raise NotFound("There is no such dataset, or it is not yours.")
        state = content_state(dataset_id)
        columns = list(_taxa(dataset_id).order_by("position"))
        rows = dataset.row_count or 0
        require_abundances(rows, len(columns))
        with connection.cursor() as cursor:
            require_turn(cursor, owner_id)
            # a whole column takes longer than a page may
            cursor.execute("set local statement_timeout = 0")
        at_once = max(_CELLS_A_BLOCK // max(rows, 1), 1)
        blocks = [
            _values(dataset, columns[start : start + at_once])
            for start in range(0, len(columns), at_once)
        ]
        labels = list(
            DatasetColumn.objects.filter(dataset=dataset_id)
            .order_by("position")
            .values_list("label", flat=True)
        )
    named = names_at(labels, [column.position for column in columns])
    return Abundances(np.hstack(blocks), tuple(named.values()), state)


def _taxa(dataset_id: UUID) -> QuerySet[DatasetColumn]:
    return DatasetColumn.objects.filter(
        Q(privacy_role__isnull=True) | Q(privacy_role="other"),
        dataset=dataset_id,
        part__isnull=False,
        data_type__in=("integer", "float"),
        minimum__isnull=False,
    ).exclude(minimum__startswith="-")


def _values(dataset: Dataset, columns: list[DatasetColumn]) -> Floats:
    planned = [
        PlannedColumn(c.position, f"c{c.position}", c.name, c.part, c.data_type) for c in columns
    ]
    source = dataset_source(dataset.parts, planned)
    # a line of one missing cell alone would be an empty line, which is no row
    number = ExportColumn("row", "rowid", planned[0].part or 1, "integer")
    text = io.BytesIO()
    with connection.cursor() as cursor:
        write_csv(cursor, replace(source, columns=[number, *source.columns]), text.write)
    names = [f"c{column.position}" for column in columns]
    text.seek(0)
    frame = pl.read_csv(
        text,
        has_header=False,
        skip_lines=1,
        schema={"row": pl.Int64, **dict.fromkeys(names, pl.Float64)},
    )
    return frame.select(pl.col(names).fill_null(float("nan"))).to_numpy()
