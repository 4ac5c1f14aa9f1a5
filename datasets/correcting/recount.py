"""Statistics of columns whose cells were corrected, counted again as a load counts them.

Which are out of date the database says (`edited_at`, `rows_changed_at`); what is read is what an
export reads, and what counts it is the profile of a load, so that both mean the same.
"""

import io
import json
import logging
from collections.abc import Sequence
from datetime import datetime
from typing import cast
from uuid import UUID

from django.db import connection, transaction
from django.db.models import F, Q, QuerySet
from psycopg2 import sql

from datasets.browse.export import write_csv
from datasets.browse.export_source import ExportColumn, ExportSource, dataset_source
from datasets.faults import plain_faults
from datasets.identifiers import in_data_schema
from datasets.ingest.datatypes import DataType
from datasets.ingest.plan import PlannedColumn
from datasets.ingest.profile import ColumnProfile, profile_table
from datasets.ingest.read import open_table
from datasets.models import Dataset, DatasetColumn
from fairdb_site.database import as_user, is_outage

logger = logging.getLogger(__name__)

AT_ONCE = 200_000
"""Cells that are counted again while somebody waits; more is left to the worker."""

_CELLS_HELD = 4_000_000  # of text at a time
_OUTDATED = (
    Q(edited_at__gt=F("counted_at"))
    | Q(edited_at__isnull=False, counted_at=None)
    | Q(dataset__rows_changed_at__gt=F("counted_at"))
    | Q(dataset__rows_changed_at__isnull=False, counted_at=None)
)


def recount_after(dataset_id: UUID, *, at_most: int | None = AT_ONCE) -> None:
    """Count again what a correction left behind; where that fails, a worker does it later.

    The correction is stored already, so nothing is raised.
    """
    try:
        columns_recount(dataset_id, at_most=at_most)
    except Exception as error:
        logger.warning("what was corrected is counted later: %s", type(error).__name__)


def columns_recount(
    dataset_id: UUID, *, at_most: int | None = None, a_round: int | None = None
) -> int:
    """Count again the columns of a dataset that were corrected since; return how many.

    Nothing is done where these have more than `at_most` cells; of more than `a_round` cells the
    rest is left to the next call.
    """
    dataset = Dataset.objects.filter(pk=dataset_id, state=Dataset.State.READY).first()
    if dataset is None:
        return 0
    counted_at = _quiet_moment(dataset_id)
    outdated = list(_outdated().filter(dataset=dataset).order_by("position"))
    rows = max(dataset.row_count or 0, 1)
    if at_most is not None and rows * len(outdated) > at_most:
        return 0
    taken = outdated[: max(a_round // rows, 1)] if a_round else outdated
    at_once = max(_CELLS_HELD // rows, 1)
    for start in range(0, len(taken), at_once):
        columns = taken[start : start + at_once]
        _store(columns, _profiles(dataset, columns), counted_at)
    if len(taken) == len(outdated):
        earlier = Q(recounted_at=None) | Q(recounted_at__lt=counted_at)
        Dataset.objects.filter(earlier, pk=dataset_id).update(recounted_at=counted_at)
    return len(taken)


def _quiet_moment(dataset_id: UUID) -> datetime:
    """Return a moment at which nobody was correcting: what came before it is there to be read."""
    with transaction.atomic(), connection.cursor() as cursor:
        for lock in ("correct", "change"):  # the second is that of SQL past the platform too
            cursor.execute(
                "select pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"{lock} {dataset_id}"]
            )
        cursor.execute("select clock_timestamp()")
        moment: datetime = cursor.fetchone()[0]
    return moment


def outdated_datasets() -> Sequence[UUID]:
    """Return which datasets were corrected since their statistics were counted."""
    found = Dataset.objects.filter(state=Dataset.State.READY, edited_at__isnull=False)
    behind = Q(recounted_at=None) | Q(recounted_at__lt=F("edited_at"))
    return list(found.filter(behind).order_by("edited_at").values_list("pk", flat=True))


def recount_outdated() -> int:
    """Count again what corrections left behind, some seconds' worth; return how many columns."""
    for dataset in outdated_datasets():
        try:
            if counted := columns_recount(dataset, a_round=_CELLS_HELD):
                return counted
        except Exception as error:  # of one dataset: it shall not keep the others waiting
            if is_outage(error):
                raise
            logger.warning("dataset %s could not be counted: %s", dataset, type(error).__name__)
    return 0


def _outdated() -> QuerySet[DatasetColumn]:
    return DatasetColumn.objects.filter(_OUTDATED, part__isnull=False)


def _profiles(dataset: Dataset, columns: Sequence[DatasetColumn]) -> Sequence[ColumnProfile]:
    """Return what the columns hold."""
    planned = [
        PlannedColumn(c.position, f"c{c.position}", c.name, c.part, c.data_type) for c in columns
    ]
    source = dataset_source(dataset.parts, planned)
    # a line of one missing cell alone would be an empty line, which is no row
    row_number = ExportColumn("row", "rowid", planned[0].part or 1, "integer")
    text = io.BytesIO()
    with (
        plain_faults("count"),
        as_user(dataset.user_id, snapshot=True),
        connection.cursor() as cursor,
    ):
        cursor.execute("set local statement_timeout = 0")
        write_csv(
            cursor,
            ExportSource(source.schema, source.parts, [row_number, *source.columns]),
            text.write,
        )
    if text.getvalue().count(b"\n") == 1:  # every row was deleted
        return [_nothing(column) for column in columns]
    table = open_table(lambda: io.BytesIO(text.getvalue()), delimiter="comma", encoding="utf-8")
    types = {place: cast("DataType", c.data_type) for place, c in enumerate(columns, 2)}
    return profile_table(table, types=types).columns[1:]


def _nothing(column: DatasetColumn) -> ColumnProfile:
    return ColumnProfile(
        position=column.position,
        label=column.label,
        data_type=cast("DataType", column.data_type),
        missing=0,
        distinct=0,
    )


_STORE = """
update {columns} c
  set missing = v.missing, distinct_count = v.distinct_count, minimum = v.minimum,
      maximum = v.maximum, mean = v.mean::double precision, top = v.top, counted_at = %(at)s
  from jsonb_to_recordset(%(counted)s::jsonb) v (
    name text, missing bigint, distinct_count bigint, minimum text, maximum text, mean text,
    top jsonb)
  where c.dataset_id = %(dataset)s and c.part is not null and c.name = v.name
    and (c.counted_at is null or c.counted_at < %(at)s)
"""


def _store(
    columns: Sequence[DatasetColumn], profiles: Sequence[ColumnProfile], counted_at: datetime
) -> None:
    """Store statistics, but over those of a later moment, which somebody else counted meanwhile.

    Columns are named by what is theirs alone: positions move when attached columns are taken off.
    """
    counted = [
        {
            "name": column.name,
            "missing": profile.missing,
            "distinct_count": profile.distinct,
            "minimum": profile.minimum,
            "maximum": profile.maximum,
            "mean": None if profile.mean is None else repr(profile.mean),
            "top": [list(value) for value in profile.top] or None,
        }
        for column, profile in zip(columns, profiles, strict=True)
    ]
    with connection.cursor() as cursor:
        cursor.execute(
            sql.SQL(_STORE).format(columns=in_data_schema("dataset_columns")),
            {
                "at": counted_at,
                "counted": json.dumps(counted),
                "dataset": columns[0].dataset_id,
            },
        )
