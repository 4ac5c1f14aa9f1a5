"""Suggestions of roles for a stored dataset, read as its owner."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from itertools import groupby
from typing import Final, cast
from uuid import UUID

import numpy as np
from django.db import connection
from psycopg2 import sql

from datasets.browse.export import write_plainly
from datasets.faults import plain_faults
from datasets.identifiers import in_data_schema
from datasets.ingest.datatypes import DataType
from datasets.ingest.profile import ColumnProfile
from datasets.ingest.read import open_table
from datasets.models import Dataset, DatasetColumn
from datasets.preview.contents import Contents
from datasets.preview.header_words import kinds_named
from datasets.preview.sensitive import Finding, findings
from fairdb_site.database import as_user
from fairdb_site.errors import Conflict, NotFound, Refused
from privacy.chosen import names_at
from privacy.codes import dataset_coded
from privacy.suggesting import Suggestion, candidates, suggestion_for, with_combinations

_ROWS_READ, _LEAST_ROWS, _CELLS_READ = 2_000, 200, 400_000
_SMALL_NUMBER: Final = 10_000_000  # as of a preview: numbers below are no national ids


def roles_suggest(*, owner_id: UUID, dataset_id: UUID) -> tuple[Suggestion, ...]:
    """Return roles for columns of a ready dataset of this owner, by position; of most none.

    Raises NotFound. The cells of the first rows are looked at, and of a few columns all codes.
    """
    with plain_faults("report"), as_user(owner_id, snapshot=True):
        dataset = Dataset.objects.filter(pk=dataset_id, state=Dataset.State.READY).first()
        if dataset is None:
            raise NotFound("There is no such dataset, or it is not yours.")
        stored = list(DatasetColumn.objects.filter(dataset=dataset_id).order_by("position"))
        flagged = _findings(dataset, [column for column in stored if column.part is not None])
    rows = dataset.row_count or 0
    profiles = {column.position: _profile(column) for column in stored}
    suggested: dict[int, Suggestion] = {}
    for column in stored:
        found = suggestion_for(
            profiles[column.position],
            flagged.get(column.position, ()),
            rows=rows,
            is_id=column.part is None,
        )
        if found:
            suggested[column.position] = found
    tried = candidates(list(profiles.values()), suggested, rows=rows)
    if tried:
        # names and first cells are enough to begin with, where codes are too many or have to wait
        with suppress(Conflict, Refused):
            coded = dataset_coded(dataset_id=dataset_id, owner_id=owner_id, positions=tried)
            names = names_at([column.label for column in stored], tried)
            suggested = with_combinations(suggested, coded.columns, names)
    return tuple(suggested[position] for position in sorted(suggested))


def _findings(dataset: Dataset, columns: Sequence[DatasetColumn]) -> dict[int, tuple[Finding, ...]]:
    """Return what columns look as if they told of a person, by their first cells."""
    today = datetime.now(UTC).date()
    found: dict[int, tuple[Finding, ...]] = {}
    worth = sorted(filter(_is_worth_a_look, columns), key=lambda column: column.part or 0)
    for part, here in groupby(worth, key=lambda column: column.part or 0):
        for column, place, contents in _contents(dataset.parts[part - 1], list(here)):
            profile = replace(_profile(column), position=place)
            if told := findings(profile, contents, today=today):
                found[column.position] = told
    return found


def _contents(
    part: str, columns: Sequence[DatasetColumn]
) -> Iterator[tuple[DatasetColumn, int, Contents]]:
    """Yield each column with its place in the cells of the part's first rows, and those."""
    most = max(min(_ROWS_READ, _CELLS_READ // len(columns)), _LEAST_ROWS)
    text = io.BytesIO()
    select = sql.SQL("copy (select {} from {} order by rowid limit {}) to stdout (format csv)")
    names = [sql.Identifier(column.name) for column in columns]
    with connection.cursor() as cursor:
        write_plainly(cursor)
        cursor.copy_expert(
            select.format(
                # a line of missing cells alone would be no row
                sql.SQL(", ").join([sql.Identifier("rowid"), *names]),
                in_data_schema(part),
                sql.Literal(most),
            ),
            text,
        )
    if not text.tell():
        return
    header = ",".join(["row", *(f"c{place}" for place in range(len(columns)))])
    data = header.encode() + b"\n" + text.getvalue()
    block = next(open_table(lambda: io.BytesIO(data), delimiter="comma", encoding="utf-8").blocks())
    wanted = np.array([False, *map(_is_looked_through, columns)])
    contents = Contents(block, wanted, most_rows=most)
    for place, column in enumerate(columns, 2):
        yield column, place, contents


def _is_worth_a_look(column: DatasetColumn) -> bool:
    """Not the thousands of small numbers, unless their names speak of a person."""
    if _is_looked_through(column):
        return True
    return column.data_type in {"integer", "float"} and bool(kinds_named(column.label))


def _is_looked_through(column: DatasetColumn) -> bool:
    if column.data_type in {"text", "date", "timestamp"}:
        return True
    least = column.minimum if column.data_type == "integer" else None
    return least is not None and int(least) >= _SMALL_NUMBER


def _profile(column: DatasetColumn) -> ColumnProfile:
    return ColumnProfile(
        position=column.position,
        label=column.label,
        data_type=cast("DataType", column.data_type),
        missing=column.missing or 0,
        distinct=column.distinct_count or 0,
        minimum=column.minimum,
        maximum=column.maximum,
        mean=column.mean,
    )
