"""Datasets as an operator sees them: facts of everyone's, never a row of data."""

from typing import TypedDict
from uuid import UUID

from django.db import connection
from psycopg2 import sql

from datasets.identifiers import in_data_schema
from fairdb_site.errors import NotFound


class CatalogueEntry(TypedDict):
    """What `list_datasets` says of one dataset."""

    dataset: UUID
    title: str
    owner: str  # e-mail
    owner_id: UUID
    state: str
    rows: int | None
    columns: int | None
    created_at: str  # ISO 8601


# auth.users rather than our own accounts: an owner may not have signed in here yet.
_ENTRIES = """
select d.id, d.title, u.email, d.user_id, d.state, d.row_count, d.column_count, d.created_at
  from {} d join auth.users u on u.id = d.user_id
  where (%(id)s is null or d.id = %(id)s)
    and (%(owner)s is null or d.user_id = %(owner)s)
    and (%(unfinished)s or d.state = 'ready')
  order by d.created_at desc, d.id desc
"""


def dataset_list(*, owner_id: UUID | None = None, unfinished: bool = False) -> list[CatalogueEntry]:
    """Return the datasets that are ready, newest first; unfinished loads too where asked."""
    return _entries(owner=owner_id, unfinished=unfinished)


def dataset_facts(dataset_id: UUID) -> CatalogueEntry:
    """Return one dataset's entry in whatever state it is, or raise NotFound."""
    entries = _entries(dataset=dataset_id, unfinished=True)
    if not entries:
        raise NotFound("There is no such dataset.")
    return entries[0]


def _entries(
    *, dataset: UUID | None = None, owner: UUID | None = None, unfinished: bool
) -> list[CatalogueEntry]:
    with connection.cursor() as cursor:
        cursor.execute(
            sql.SQL(_ENTRIES).format(in_data_schema("datasets")),
            {"id": dataset, "owner": owner, "unfinished": unfinished},
        )
        return [
            CatalogueEntry(
                dataset=row[0],
                title=row[1],
                owner=row[2],
                owner_id=row[3],
                state=row[4],
                rows=row[5],
                columns=row[6],
                created_at=row[7].isoformat(),
            )
            for row in cursor.fetchall()
        ]
