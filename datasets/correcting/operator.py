"""Corrections by the operator's commands: the same functions, run as the dataset's owner.

History and audit trail say that it was an operator.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from django.db import DatabaseError, connection
from psycopg2 import sql
from psycopg2.extras import Json

from accounts import audit
from accounts.models import AuditAction
from datasets import rpc
from datasets.catalogue import dataset_facts
from datasets.correcting.recount import recount_after
from datasets.correcting.values import as_stored
from datasets.models import Change, DatasetColumn
from fairdb_site.database import as_user
from fairdb_site.errors import NotFound, Refused
from fairdb_site.supabase.errors import error_of_sqlstate

CHANGES_AT_MOST = 500


def row_update(
    *, dataset_id: UUID, row: int, assignments: Sequence[str]
) -> tuple[UUID | None, Mapping[str, str | None]]:
    """Correct cells of a row, each said as COLUMN=VALUE; return the change and what was set.

    A column is named by its label, or by its place as `#3`; an empty value is a missing one.
    """
    owner = dataset_facts(dataset_id)["owner_id"]
    labels = list(
        DatasetColumn.objects.filter(dataset=dataset_id, part__isnull=False)
        .order_by("position")
        .values_list("position", "label")
    )
    updates = dict(_assignment(said, labels) for said in assignments)
    made = _call(
        owner,
        "update_dataset_row",
        p_dataset_id=str(dataset_id),
        p_row_id=row,
        p_updates=Json({str(position): value for position, value in updates.items()}),
    )
    recount_after(dataset_id, at_most=None)
    label_at = dict(labels)
    change = UUID(made["change"]) if made["change"] else None
    return change, {label_at[position]: value for position, value in updates.items()}


def changes_list(*, dataset_id: UUID, row: int | None) -> list[rpc.Change]:
    """Return the newest 500 changes of a dataset, or of one row of it; on record as a read."""
    owner = dataset_facts(dataset_id)["owner_id"]
    found: list[rpc.Change] = _call(
        owner,
        "get_changes",
        p_dataset_id=str(dataset_id),
        p_row_id=row,
        p_limit=CHANGES_AT_MOST,
    )
    audit.record(AuditAction.ROWS_READ, actor=None, subject=owner, dataset=dataset_id)
    return found


def change_undo(change_id: UUID) -> rpc.RowsCorrected:
    """Undo a change of anybody's dataset."""
    change = Change.objects.select_related("dataset").filter(pk=change_id).first()
    if change is None:
        raise NotFound("There is no such change. `manage.py history DATASET` lists them.")
    undone: rpc.RowsCorrected = _call(
        change.dataset.user_id, "undo_change", p_change_id=str(change_id)
    )
    recount_after(change.dataset_id, at_most=None)
    return undone


def _assignment(said: str, labels: Sequence[tuple[int, str]]) -> tuple[int, str | None]:
    """Read COLUMN=VALUE; both sides may hold an equals sign, so what names a column decides."""
    positions: dict[str, list[int]] = {}
    for position, label in labels:
        positions.setdefault(label, []).append(position)
        positions.setdefault(f"#{position}", []).append(position)
    places = [place for place, letter in enumerate(said) if letter == "="]
    if not places:
        raise Refused(f"{said!r} is not COLUMN=VALUE.")
    named = [place for place in places if said[:place] in positions]
    if not named:
        raise Refused(f"There is no column {said[: places[0]]!r} to correct; the id is none.")
    found = {position for place in named for position in positions[said[:place]]}
    if len(found) > 1:
        listed = ", ".join(f"#{position}" for position in sorted(found))
        raise Refused(f"{said[: named[0]]!r} may be column {listed}: name it by its place.")
    return found.pop(), as_stored(said[named[-1] + 1 :])


def _call(owner: UUID, function: str, **params: Any) -> Any:
    statement = sql.SQL("select public.{}({})").format(
        sql.Identifier(function),
        sql.SQL(", ").join(
            sql.SQL("{} => {}").format(sql.Identifier(name), sql.Placeholder(name))
            for name in params
        ),
    )
    try:
        with as_user(owner), connection.cursor() as cursor:
            cursor.execute("select set_config('fairdb.by_operator', 'on', true)")
            cursor.execute(statement, params)
            said = cursor.fetchone()[0]
            return json.loads(said) if isinstance(said, str) else said  # as Django left it
    except DatabaseError as error:
        cause: Any = error.__cause__
        code = getattr(cause, "pgcode", None)
        if code is None:
            raise
        raise error_of_sqlstate(code, cause.diag.message_primary or "") from None
