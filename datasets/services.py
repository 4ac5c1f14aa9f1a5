"""What removes datasets: deletion, giving up a load, clearing up after killed ones."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

from django.db import OperationalError, connection, transaction
from psycopg2 import sql

from datasets import rpc
from datasets.identifiers import in_data_schema
from datasets.loading.holding import submissions_expire, submissions_forget
from datasets.staging import reap_staged
from fairdb_site.errors import NotFound, Unavailable

logger = logging.getLogger(__name__)

# Parts dropped in one transaction: each holds locks on a table, its indexes and its TOAST table.
PARTS_AT_ONCE = 50
# How long a drop waits for somebody who is reading the part (an export, say).
LOCK_TIMEOUT = "30s"


@dataclass(frozen=True)
class Deleted:
    """What a deletion removed: rows of so many data columns, their tables, what was kept of them.

    `changes` are the corrections on record, each with old and new values.
    """

    dataset: UUID
    title: str
    parts: int
    rows: int
    columns: int
    changes: int


@dataclass(frozen=True)
class Reaped:
    """What `reap_uploads` cleared up, and how many loads it left because they are alive.

    `files` are staged files, of which the living loads' are left too.
    """

    datasets: int
    parts: int
    files: int
    alive: int


def dataset_delete(*, owner_id: UUID, dataset_id: UUID) -> Deleted:
    """Delete a ready dataset of this owner: invisible at once, then dropped part by part.

    A missing dataset and someone else's are the same NotFound. What is left when this is
    interrupted, `reap_uploads` finishes.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            sql.SQL(
                "update {datasets} d set state = 'deleting' where id = %s and user_id = %s"
                " and state in ('ready', 'deleting')"
                " returning title, cardinality(parts), coalesce(row_count, 0),"
                " coalesce(column_count, 0),"
                " (select count(*) from {changes} c where c.dataset_id = d.id)"
            ).format(datasets=in_data_schema("datasets"), changes=in_data_schema("changes")),
            [dataset_id, owner_id],
        )
        row = cursor.fetchone()
    if row is None:
        raise NotFound("There is no such dataset, or it is not yours.")
    rpc.forget_cached_tables(owner_id)
    _drop_dataset(dataset_id)
    return Deleted(dataset_id, *row)


def dataset_discard(dataset_id: UUID) -> bool:
    """Drop a load that did not become ready; False where it is alive or there is none."""
    return _claim_dead_load(dataset_id) and _drop_dataset(dataset_id) >= 0


def dataset_drop(dataset_id: UUID, state: str) -> bool:
    """Drop a dataset that is on its way out, or whose load is dead; return whether it went."""
    if state != "deleting" and not _claim_dead_load(dataset_id):
        return False
    _drop_dataset(dataset_id)
    return True


def reap_uploads() -> Reaped:
    """Drop killed loads, unfinished deletions, orphan parts and staged files; leave live loads.

    A load holds an advisory lock from before its first row exists until it ends, however it ends.
    """
    submissions_expire()
    reaped = dropped = alive = 0
    for dataset_id, state in _unfinished():
        if state == "deleting" or _claim_dead_load(dataset_id):
            dropped += _drop_dataset(dataset_id)
            reaped += 1
        else:
            alive += 1
    with connection.cursor() as cursor:
        cursor.execute(
            sql.SQL("select table_name, user_id from {}()").format(in_data_schema("orphan_parts"))
        )
        orphans = cursor.fetchall()
    dropped += _drop_parts(orphans)
    return Reaped(reaped, dropped, reap_staged(), alive)


def _unfinished() -> list[tuple[UUID, str]]:
    with connection.cursor() as cursor:
        cursor.execute(
            sql.SQL("select id, state from {} where state <> 'ready' order by created_at").format(
                in_data_schema("datasets")
            )
        )
        return list(cursor.fetchall())


def _claim_dead_load(dataset_id: UUID) -> bool:
    """Mark a load that nobody works on as deleting; False where it is alive, ready or gone."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "select pg_try_advisory_xact_lock(hashtextextended(%s, 0))", [str(dataset_id)]
        )
        if not cursor.fetchone()[0]:
            return False
        cursor.execute(
            sql.SQL(
                "update {} set state = 'deleting' where id = %s and state in ('created', 'loading')"
            ).format(in_data_schema("datasets")),
            [dataset_id],
        )
        return bool(cursor.rowcount)


def _drop_dataset(dataset_id: UUID) -> int:
    """Drop the parts of a dataset marked deleting, then its row; return the parts dropped."""
    with connection.cursor() as cursor:
        cursor.execute(
            sql.SQL(
                "select part, user_id from {}, unnest(parts) part"
                " where id = %s and state = 'deleting'"
            ).format(in_data_schema("datasets")),
            [dataset_id],
        )
        parts = cursor.fetchall()
    dropped = _drop_parts(parts)
    with connection.cursor() as cursor:
        cursor.execute(
            sql.SQL("delete from {} where id = %s and state = 'deleting'").format(
                in_data_schema("datasets")
            ),
            [dataset_id],
        )
    submissions_forget(dataset_id)
    return dropped


def _drop_parts(parts: list[tuple[str, UUID]]) -> int:
    dropped = 0
    for batch in _batches(parts):
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute("select set_config('lock_timeout', %s, true)", [LOCK_TIMEOUT])
                for name, user_id in batch:
                    cursor.execute(
                        "select public.drop_data_table(%s, %s::uuid)", [name, str(user_id)]
                    )
                    dropped += cursor.fetchone()[0]
        except OperationalError as error:
            logger.warning("dropping parts stopped: %s", type(error.__cause__).__name__)
            raise Unavailable(
                "The dataset is hidden, but its tables are being read by someone else. "
                "They are removed by the next `manage.py reap_uploads`."
            ) from None
    return dropped


def _batches(parts: list[tuple[str, UUID]]) -> Iterator[list[tuple[str, UUID]]]:
    for start in range(0, len(parts), PARTS_AT_ONCE):
        yield parts[start : start + PARTS_AT_ONCE]
