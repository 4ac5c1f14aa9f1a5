"""How much of the database an owner's datasets may take, and how much they take.

Counted is what PostgreSQL keeps on disk for an owner's parts, indexes and TOAST tables included, of
whatever state: a load under way and a deletion that is not done yet take room too. The facts about
columns, which all owners share a table for, are not counted. Sizes are those of files, so a load
sees its own rows before anybody else does. Codes that privacy reports keep count where a load is
about to begin; past the limit none are kept.
"""

from dataclasses import dataclass
from uuid import UUID

from django.conf import settings
from django.db import connection
from django.db.backends.utils import CursorWrapper
from psycopg2 import sql

from datasets.identifiers import in_data_schema
from fairdb_site.errors import TooLarge

LOOKED_AT_AFTER = 64 << 20
"""Bytes of rows after which a load is looked at again: how far one may be past the quota."""


@dataclass(frozen=True)
class Storage:
    """What an owner's datasets take and may take, in bytes."""

    used: int
    most: int

    @property
    def used_in_words(self) -> str:
        """How much is used."""
        return in_units(self.used)

    @property
    def most_in_words(self) -> str:
        """How much may be used."""
        return in_units(self.most)

    @property
    def is_full(self) -> bool:
        """Whether no further load may begin."""
        return self.used >= self.most


def storage_of(owner_id: UUID) -> Storage | None:
    """Return what an owner's datasets take; None where there is no quota, at no cost."""
    if not settings.FAIRDB_MAX_OWNER_BYTES:
        return None
    with connection.cursor() as cursor:
        used = _used(cursor, owner_id) + _codes(cursor, owner_id)
    return Storage(used, settings.FAIRDB_MAX_OWNER_BYTES)


def bytes_used(owner_id: UUID) -> int:
    """Return what an owner's datasets take, be there a quota or none."""
    with connection.cursor() as cursor:
        return _used(cursor, owner_id) + _codes(cursor, owner_id)


def bytes_of_dataset(dataset_id: UUID) -> int:
    """Return what a dataset's tables take, of whatever state it is."""
    statement = _USED.format(in_data_schema("metadata_tables"), sql.Identifier("dataset_id"))
    with connection.cursor() as cursor:
        cursor.execute(statement, [settings.FAIRDB_DATA_SCHEMA, dataset_id])
        used: int = cursor.fetchone()[0]
    return used


def require_room(owner_id: UUID) -> None:
    """Raise TooLarge where an owner's datasets take all they may already."""
    storage = storage_of(owner_id)
    if storage is not None and storage.is_full:
        raise TooLarge(
            f"Your datasets take {in_units(storage.used)}, and an account may use "
            f"{in_units(storage.most)}. Nothing was stored. Delete a dataset that is not needed "
            "any more, or ask the operator for more room."
        )


def require_within(cursor: CursorWrapper, owner_id: UUID) -> None:
    """Raise TooLarge where an owner's datasets, the load under way among them, take too much."""
    most = settings.FAIRDB_MAX_OWNER_BYTES
    if most and (used := _used(cursor, owner_id)) > most:
        raise TooLarge(
            f"With this file your datasets would take {in_units(used)} or more, and an account "
            f"may use {in_units(most)}. Nothing was stored. Leave columns out, delete a dataset "
            "that is not needed any more, or ask the operator for more room."
        )


def in_units(size: int) -> str:
    """Return a number of bytes as people read it: 999 bytes, 1.5 MiB, 12 GiB."""
    if size < 1 << 10:
        return f"{size} bytes"
    power = min((size.bit_length() - 1) // 10, 4)
    amount = size / (1 << 10 * power)
    written = f"{amount:.1f}".removesuffix(".0") if amount < 10 else f"{amount:.0f}"
    return f"{written} {('KiB', 'MiB', 'GiB', 'TiB')[power - 1]}"


# A part that is dropped while it is looked at has no size; one whose drop is under way is waited
# for.
_USED = sql.SQL(
    "select coalesce(sum(pg_catalog.pg_total_relation_size(pg_catalog.to_regclass("
    "pg_catalog.format('%%I.%%I', %s, table_name)))), 0)::bigint from {} where {} = %s"
)


def _used(cursor: CursorWrapper, owner_id: UUID) -> int:
    statement = _USED.format(in_data_schema("metadata_tables"), sql.Identifier("user_id"))
    cursor.execute(statement, [settings.FAIRDB_DATA_SCHEMA, owner_id])
    used: int = cursor.fetchone()[0]
    return used


_CODES = sql.SQL(
    "select coalesce(sum(octet_length(c.sealed)), 0)::bigint from {} d join"
    " (select dataset_id, sealed from {} union all select dataset_id, sealed from {}) c"
    " on c.dataset_id = d.id where d.user_id = %s"
)


def _codes(cursor: CursorWrapper, owner_id: UUID) -> int:
    """Return what privacy reports keep of an owner's columns; the platform's connection sees it."""
    tables = ("datasets", "privacy_codes", "privacy_population_codes")
    cursor.execute(_CODES.format(*map(in_data_schema, tables)), [owner_id])
    used: int = cursor.fetchone()[0]
    return used
