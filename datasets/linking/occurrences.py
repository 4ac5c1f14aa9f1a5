"""In which rows of an owner's datasets pseudonyms stand, read under row level security."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from django.db import connection
from psycopg2 import sql

from datasets.faults import plain_faults
from datasets.identifiers import in_data_schema
from datasets.turns import require_turn
from fairdb_site.database import as_user

_AT_ONCE: Final = 100_000  # pseudonyms of one query, 6.7 MB; each reads a dataset's first part once


@dataclass(frozen=True)
class Occurrence:
    """A row that has the pseudonym: its dataset, and the row's number from 1."""

    dataset: UUID
    title: str
    row: int


def occurrences(
    *, owner_id: UUID, pseudonyms: Sequence[str], milliseconds: int = 0
) -> dict[str, list[Occurrence]]:
    """Return where each pseudonym stands, oldest dataset first; those found nowhere are left out.

    Every part has the pseudonyms of its rows, so the first part of a dataset tells. Where it takes
    more than so many `milliseconds` in all, if any are given, it raises Unavailable, and Conflict
    where other work of the account is under way.
    """
    found: dict[str, list[Occurrence]] = {}
    with plain_faults("lookup"), as_user(owner_id, snapshot=True), connection.cursor() as cursor:
        if milliseconds:
            require_turn(cursor, owner_id)
        ends_at = time.monotonic() + milliseconds / 1_000
        cursor.execute(
            sql.SQL(
                "select d.id, d.title, d.parts[1], c.name from {} d"
                " join {} c on c.dataset_id = d.id and c.part is null"
                " where d.state = 'ready' order by d.created_at, d.id"
            ).format(in_data_schema("datasets"), in_data_schema("dataset_columns"))
        )
        for dataset, title, part, column in cursor.fetchall():
            statement = sql.SQL(
                "select {column}, rowid from {part} where {column} = any (%s) order by rowid"
            ).format(column=sql.Identifier(column), part=in_data_schema(part))
            for first in range(0, len(pseudonyms), _AT_ONCE):
                left = max(round((ends_at - time.monotonic()) * 1_000), 1) if milliseconds else 0
                cursor.execute("select set_config('statement_timeout', %s, true)", [str(left)])
                cursor.execute(statement, [list(pseudonyms[first : first + _AT_ONCE])])
                for pseudonym, row in cursor.fetchall():
                    found.setdefault(pseudonym, []).append(Occurrence(dataset, title, row))
    return found
