"""Put a planned dataset into the database: all of it, or nothing.

The order, and why:

1. One transaction on Django's connection takes an advisory lock of the load before anything of it
   exists. `reap_uploads` takes loads whose lock is free: a killed load at once, a live one never.
2. The dataset's row, with the names of its parts, is committed over a connection of its own, then
   the parts are created by the service role. They have policies but no grants: nobody reads them.
3. The transaction of step 1 copies the rows, seals the parts (keys, FORCE and grants; COPY would be
   refused after FORCE) and sets the state to ready.
"""

import io
import json
import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper
from psycopg2 import sql
from psycopg2.extras import Json

from datasets import rpc
from datasets.browse.export import COPY_BUFFER
from datasets.describing.carried import carry_descriptions
from datasets.faults import plain_faults
from datasets.identifiers import in_data_schema
from datasets.ingest.ahead import ahead
from datasets.ingest.layout import owner_by_default
from datasets.ingest.names import HASH_SUFFIX
from datasets.ingest.plan import DatasetPlan
from datasets.ingest.values import Encoded
from datasets.quota import LOOKED_AT_AFTER, require_within
from datasets.services import dataset_discard
from fairdb_site.database import renew_if_lost
from fairdb_site.errors import Conflict, NotFound, Unavailable
from fairdb_site.supabase.clients import Supabase

logger = logging.getLogger(__name__)

Progress = Callable[[str, int, int], None]  # step, done, total
Last = Callable[[UUID], None]
_CREATED_AT_ONCE = 2


def load(
    plan: DatasetPlan,
    encoded: Iterable[Encoded],
    statistics: Iterable[Sequence[object]],
    finish: Callable[[], dict[str, Any]],
    *,
    progress: Progress,
    last: Last,
) -> dict[str, Any]:
    """Store the plan's dataset and return its receipt.

    `encoded` are the rows; `statistics` the rows of `dataset_columns` in the order of
    STATISTICS; `finish` makes the receipt once the rows have ended; `last` is called when nothing
    but the commit is left to do, on Django's own connection. On any failure what was made
    is dropped again and a plain error is raised; the file can be loaded again at once.
    """
    renew_if_lost()  # the file may have taken long to read
    try:
        with plain_faults("load"), transaction.atomic(durable=True), connection.cursor() as cursor:
            _prepare_transaction(cursor)
            _take_lock(cursor, plan.dataset_id)
            _reserve(plan)
            _create_parts(plan, progress)
            _set_state(plan.dataset_id, "loading")
            _copy_rows(cursor, plan, encoded, progress)
            progress("sealing", 0, plan.row_count)
            receipt = finish()
            _copy_statistics(cursor, statistics)
            if plan.version > 1:
                carry_descriptions(cursor, plan.dataset_id)
            _make_ready(cursor, plan, receipt)
            last(plan.dataset_id)
    except BaseException:
        _discard_quietly(plan.dataset_id)
        raise
    return receipt


def require_same_key(fingerprint: str) -> None:
    """Refuse to load under another pseudonym key than the datasets that are there.

    The same person would get another pseudonym than before, and nobody would notice.
    """
    statement = sql.SQL("select exists (select from {} where key_fingerprint <> %s)")
    with connection.cursor() as cursor:
        cursor.execute(statement.format(in_data_schema("datasets")), [fingerprint])
        if cursor.fetchone()[0]:
            raise Unavailable(
                "FAIRDB_PSEUDONYM_KEY is not the key that earlier datasets were loaded with: under "
                "it the same id gets another pseudonym. Nothing was stored. The operator has to "
                "put the earlier key back and restart (docs/operate.md)."
            )


def next_version(user_id: UUID, replaced: UUID) -> tuple[UUID, int]:
    """Return the series of a ready dataset of this owner, and which version comes next in it."""
    statement = sql.SQL(
        "select d.series, (select max(v.version) + 1 from {datasets} v where v.series = d.series)"
        " from {datasets} d where d.id = %s and d.user_id = %s and d.state = 'ready'"
    ).format(datasets=in_data_schema("datasets"))
    with connection.cursor() as cursor:
        cursor.execute(statement, [replaced, user_id])
        found: tuple[UUID, int] | None = cursor.fetchone()
    if found is None:
        raise NotFound("The dataset to replace is not there, or is not yours. Nothing was stored.")
    return found


def wait_for_submission(user_id: UUID, submission: UUID) -> dict[str, Any] | None:
    """Return the receipt of the load that has this key, None where there is none.

    Waits while it is under way: its advisory lock is free when it has ended, however it ended. What
    a killed load left is dropped, so that the same form can be sent again.
    """
    statement = sql.SQL("select id, receipt from {} where user_id = %s and submission = %s")
    with plain_faults("load"), transaction.atomic(), connection.cursor() as cursor:
        _prepare_transaction(cursor)
        cursor.execute(statement.format(in_data_schema("datasets")), [user_id, submission])
        found = cursor.fetchone()
        if found and found[1] is None:
            _take_lock(cursor, found[0])
            cursor.execute(statement.format(in_data_schema("datasets")), [user_id, submission])
            found = cursor.fetchone()
    if found is None:
        return None
    if found[1] is None:
        _discard_quietly(found[0])
        return None
    return found[1] if isinstance(found[1], dict) else dict(json.loads(found[1]))


# The steps, in order ----------------------------------------------------------------------------


def _prepare_transaction(cursor: CursorWrapper) -> None:
    cursor.execute("set local statement_timeout = 0")
    cursor.execute("set local idle_in_transaction_session_timeout = 0")
    cursor.execute("set local datestyle = 'ISO, YMD'")


def _take_lock(cursor: CursorWrapper, dataset_id: UUID) -> None:
    cursor.execute("select pg_advisory_xact_lock(hashtextextended(%s, 0))", [str(dataset_id)])


@contextmanager
def _own_connection() -> Iterator[CursorWrapper]:
    """Give a cursor that commits by itself, beside the transaction that is open."""
    second = connection.copy()
    try:
        with plain_faults("load"), second.cursor() as cursor:
            yield cursor
    finally:
        second.close()


def _reserve(plan: DatasetPlan) -> None:
    """Commit the dataset's row, so that whatever is made from here on has an owner."""
    values: dict[str, Any] = {
        "id": plan.dataset_id,
        "user_id": plan.user_id,
        "title": plan.title,
        "description": plan.description,
        "origin": plan.origin,
        "id_label": plan.id_column.label,
        "id_position": plan.id_column.position,
        "column_count": len(plan.columns) - 1,
        "parts": list(plan.parts),
        "file_name": plan.file_name,
        "file_bytes": plan.file_bytes,
        "file_digest": plan.file_digest,
        "key_fingerprint": plan.key_fingerprint,
        "submission": plan.submission,
        "series": plan.series,
        "version": plan.version,
    }
    statement = sql.SQL("insert into {} ({}) values ({})").format(
        in_data_schema("datasets"),
        sql.SQL(", ").join(map(sql.Identifier, values)),
        sql.SQL(", ").join(sql.Placeholder() * len(values)),
    )
    with _own_connection() as cursor:
        cursor.execute(statement, list(values.values()))


def _set_state(dataset_id: UUID, state: str) -> None:
    statement = sql.SQL("update {} set state = %s where id = %s").format(in_data_schema("datasets"))
    with _own_connection() as cursor:
        cursor.execute(statement, [state, dataset_id])


def _create_parts(plan: DatasetPlan, progress: Progress) -> None:
    supabase = Supabase(None)

    def create(part: tuple[int, str]) -> None:
        number, name = part
        columns = plan.columns_of(number)
        rpc.create_data_table(
            supabase,
            table_name=name,
            column_names=[column.name for column in columns],
            id_column=plan.id_name,
            user_id=plan.user_id,
            column_types=[column.data_type for column in columns],
        )

    progress("creating", 0, len(plan.parts))
    # 1,500 columns take the database 60 ms: a second part is made meanwhile
    with ThreadPoolExecutor(_CREATED_AT_ONCE) as threads:
        created = threads.map(create, enumerate(plan.parts, start=1))
        for number, _ in enumerate(created, start=1):
            progress("creating", number, len(plan.parts))


def _copy_rows(
    cursor: CursorWrapper, plan: DatasetPlan, encoded: Iterable[Encoded], progress: Progress
) -> None:
    """Drain the rows into their parts while the next ones are encoded in a thread."""
    # the text format is read in four fifths of the time
    formats = ("format csv", "format text, delimiter ',', null ''")
    statements = [
        [
            sql.SQL("copy {}{} from stdin ({})").format(
                in_data_schema(name), _named_columns(plan, number), sql.SQL(form)
            )
            for form in formats
        ]
        for number, name in enumerate(plan.parts, start=1)
    ]
    stored = unseen = 0
    progress("storing", 0, plan.row_count)
    for run in ahead(encoded):
        # handed over at once: between pieces the server would wait for Python's global lock
        statement = statements[run.part - 1][run.plain]
        cursor.copy_expert(statement, io.BytesIO(run.data), len(run.data))
        if run.part == len(plan.parts):
            stored += run.rows
            progress("storing", stored, plan.row_count)
        unseen += len(run.data)
        if unseen >= LOOKED_AT_AFTER:
            require_within(cursor, plan.user_id)
            unseen = 0
    if stored != plan.row_count:
        raise Conflict("The file changed while it was read. Nothing was stored. Load it again.")


def _named_columns(plan: DatasetPlan, part: int) -> sql.Composable:
    """Return the columns that the rows of a part give, where they leave one out."""
    names = [column.name for column in plan.columns_of(part)]
    if not owner_by_default(len(names)):
        return sql.SQL("")
    given = map(sql.Identifier, ("rowid", plan.id_name + HASH_SUFFIX, *names))
    return sql.SQL(" ({})").format(sql.SQL(", ").join(given))


STATISTICS = (
    "dataset_id",
    "position",
    "label",
    "name",
    "part",
    "data_type",
    "role",
    "missing",
    "distinct_count",
    "minimum",
    "maximum",
    "mean",
    "top",
)


def _copy_statistics(cursor: CursorWrapper, rows: Iterable[Sequence[object]]) -> None:
    statement = sql.SQL("copy {} ({}) from stdin (format text)").format(
        in_data_schema("dataset_columns"), sql.SQL(", ").join(map(sql.Identifier, STATISTICS))
    )
    lines = ("\t".join(map(_copy_text, row)) + "\n" for row in rows)
    cursor.copy_expert(statement, io.BytesIO("".join(lines).encode()), COPY_BUFFER)


_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


def _copy_text(value: object) -> str:
    if value is None:
        return "\\N"
    text = str(value)
    return text.translate(_ESCAPES) if "\\" in text or not text.isprintable() else text


def _make_ready(cursor: CursorWrapper, plan: DatasetPlan, receipt: dict[str, Any]) -> None:
    seal = sql.SQL("select {}(%s)").format(in_data_schema("seal_part"))
    for name in plan.parts:
        cursor.execute(seal, [name])
    require_within(cursor, plan.user_id)
    cursor.execute(
        sql.SQL(
            "update {} set state = 'ready', ready_at = clock_timestamp(), row_count = %s,"
            " digest = %s, seconds = %s, receipt = %s where id = %s and state = 'loading'"
        ).format(in_data_schema("datasets")),
        [
            plan.row_count,
            receipt["digest"],
            receipt["seconds"],
            Json(receipt),
            plan.dataset_id,
        ],
    )
    if cursor.rowcount != 1:
        raise Conflict("The load was cancelled. Nothing was stored.")


def _discard_quietly(dataset_id: UUID) -> None:
    """Drop what the failed load made; where that fails too, `reap_uploads` does it later."""
    try:
        renew_if_lost()
        dataset_discard(dataset_id)
    except Exception as error:
        logger.warning("load %s is left to reap_uploads: %s", dataset_id, type(error).__name__)
