"""The data dictionary of a dataset: what each of its columns is."""

from collections.abc import Sequence
from datetime import datetime
from typing import TypedDict
from uuid import UUID

from datasets.browse.export_source import headings
from datasets.exporting.parquet import column_names
from datasets.ingest.plan import PlannedColumn
from datasets.models import Dataset, DatasetColumn


class Entry(TypedDict):
    """A column; statistics are of the whole dataset, None where they are not known.

    `label` is the heading in an export, `parquet_name` its name in Parquet. `outdated` says that
    cells were corrected, or rows deleted, since the statistics were counted.
    """

    position: int
    label: str
    parquet_name: str
    unit: str
    description: str
    type: str  # "pseudonym" for the id column, of which no value is told
    missing: int | None
    distinct: int | None
    minimum: str | None
    maximum: str | None
    mean: float | None
    outdated: bool


FIELDS = tuple(Entry.__annotations__)


def dictionary_of(dataset: UUID, positions: Sequence[int] | None = None) -> list[Entry]:
    """Return the entries of a dataset's columns, or of those at these positions, in their order.

    It reads by Django's connection: inside `as_user`, its reader's own datasets alone.
    """
    changed = Dataset.objects.filter(pk=dataset).values_list("rows_changed_at", flat=True).first()
    columns = {column.position: column for column in DatasetColumn.objects.filter(dataset=dataset)}
    chosen = [columns[p] for p in dict.fromkeys(positions or sorted(columns)) if p in columns]
    labels = headings(
        [PlannedColumn(c.position, c.label, c.name, c.part, c.data_type) for c in chosen]
    )
    return [
        _entry(column, label, name, is_outdated=_is_outdated(column, changed))
        for column, label, name in zip(chosen, labels, column_names(labels), strict=True)
    ]


def without_statistics(entry: Entry) -> Entry:
    """Return an entry that tells nothing of any row."""
    return {
        **entry,
        "missing": None,
        "distinct": None,
        "minimum": None,
        "maximum": None,
        "mean": None,
        "outdated": False,
    }


def _is_outdated(column: DatasetColumn, rows_changed_at: datetime | None) -> bool:
    changes = [at for at in (column.edited_at, rows_changed_at) if at is not None]
    return any(column.counted_at is None or at > column.counted_at for at in changes)


def _entry(column: DatasetColumn, label: str, name: str, *, is_outdated: bool) -> Entry:
    is_pseudonym = column.part is None
    return Entry(
        position=column.position,
        label=label,
        parquet_name=name,
        unit=column.unit,
        description=column.description,
        type="pseudonym" if is_pseudonym else column.data_type,
        missing=column.missing,
        distinct=column.distinct_count,
        minimum=None if is_pseudonym else column.minimum,
        maximum=None if is_pseudonym else column.maximum,
        mean=column.mean,
        outdated=is_outdated,
    )
