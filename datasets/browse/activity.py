"""The audit trail of one dataset, or of all of an owner's, as the owner reads it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection
from psycopg2 import sql

from accounts.audit import Event
from accounts.models import AuditAction, AuditEvent, AuditOutcome, User
from datasets.identifiers import in_data_schema

_SENTENCES = {
    AuditAction.DATASET_LOADED: "Loaded",
    AuditAction.ROWS_READ: "Rows read",
    AuditAction.DATASET_CORRECTED: "Corrected",
    AuditAction.DATASET_DESCRIBED: "Described",
    AuditAction.DATASET_EXPORTED: "Exported",
    AuditAction.DATASET_JOINED: "Columns attached or taken off",
    AuditAction.DATASET_DELETED: "Deleted",
}


@dataclass(frozen=True)
class Activity:
    """One line: what was done, by whom, when and from where.

    `origin` is empty for what others did: where they were is theirs.
    """

    at: datetime
    what: str
    outcome: str
    who: str
    origin: str
    device: str

    @property
    def is_done(self) -> bool:
        """Whether it was done; else it was refused, or failed."""
        return self.outcome == AuditOutcome.DONE


def activity_of(event: Event, *, reader: User) -> Activity:
    """Return an event in the words of the person who reads it."""
    own = event.actor == reader.pk
    who = "You" if own else "An operator, by a command" if event.actor is None else event.actor_name
    return Activity(
        at=event.at,
        what=_SENTENCES.get(AuditAction(event.action), event.action.capitalize()),
        outcome=event.outcome,
        who=who,
        origin=(event.address or "") if own else "",
        device=event.device if own else "",
    )


@dataclass(frozen=True)
class NewestEvent:
    """One of the last things done to an owner's datasets, or a load that came to nothing.

    `dataset` is None where nothing of a load was kept, and where the dataset was deleted.
    """

    at: datetime
    what: str
    outcome: str
    who: str  # empty for the owner
    dataset: UUID | None
    title: str

    @property
    def is_done(self) -> bool:
        """Whether it was done; else it was refused, or failed."""
        return self.outcome == AuditOutcome.DONE


def newest_events(*, owner_id: UUID, most: int) -> tuple[NewestEvent, ...]:
    """Return what was done last to the owner's datasets, newest first, in one read.

    With it go the owner's loads of which nothing was kept, and what they or others deleted.
    """
    statement = sql.SQL(_NEWEST).format(
        events=sql.Identifier(AuditEvent._meta.db_table),
        people=sql.Identifier(User._meta.db_table),
        datasets=in_data_schema("datasets"),
    )
    values: dict[str, Any] = {
        "owner": owner_id,
        "most": most,
        "loaded": AuditAction.DATASET_LOADED,
        "deleted": AuditAction.DATASET_DELETED,
        "done": AuditOutcome.DONE,
    }
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        found = cursor.fetchall()
    return tuple(
        NewestEvent(
            at=at,
            what="Load" if is_lost else _SENTENCES.get(AuditAction(action), action.capitalize()),
            outcome=outcome,
            who="" if actor == owner_id else name or (str(actor) if actor else _OPERATOR),
            dataset=dataset,
            title=title or "",
        )
        for at, action, outcome, actor, name, dataset, title in found
        for is_lost in [dataset is None and outcome != AuditOutcome.DONE]
    )


_OPERATOR = "an operator, by a command"
# A few of each dataset by its index: asked for the newest of all, PostgreSQL might walk through
# everybody's events until enough are the owner's.
_NEWEST = """
with own as (select id, title from {datasets} where user_id = %(owner)s),
newest as (
  (
    select e.id, own.id as dataset, own.title
      from own
      cross join lateral (
        select id from {events}
          where dataset = own.id order by id desc limit %(most)s
      ) e
  )
  union all
  (
    select id, null, null
      from {events}
      where actor = %(owner)s and coalesce(subject = actor, true) and (
        (action = %(loaded)s and dataset is null) or (action = %(deleted)s and outcome = %(done)s)
      )
      order by id desc limit %(most)s
  )
  union all
  (
    select id, null, null
      from {events}
      where subject = %(owner)s and subject is distinct from actor
        and action = %(deleted)s and outcome = %(done)s
      order by id desc limit %(most)s
  )
)
select e.at, e.action, e.outcome, e.actor, p.email, newest.dataset, newest.title
  from newest
  join {events} e on e.id = newest.id
  left join {people} p on p.id = e.actor
  order by e.id desc limit %(most)s
"""
