"""Attaching columns of one dataset to the rows of another, and taking them off again.

What is attached is stored: a part, or several, whose rows are the dataset's own and whose cells
are those of the row with the same pseudonym in the source, missing where there is none. All of it
in one transaction, so there is never half of it.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast
from uuid import UUID, uuid4

from django.conf import settings
from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper
from django.db.models import F, Func
from django.utils import timezone
from psycopg2 import sql

from datasets import rpc
from datasets.correcting.recount import recount_after
from datasets.faults import plain_faults
from datasets.identifiers import in_data_schema
from datasets.ingest.datatypes import DataType
from datasets.ingest.layout import plan_parts
from datasets.ingest.names import HASH_SUFFIX, MAX_NAME, RESERVED, slug
from datasets.ingest.pseudonyms import owner_key, pseudonymize
from datasets.models import Attachment, Dataset, DatasetColumn, MetadataTable
from datasets.quota import require_within
from datasets.turns import require_turn
from fairdb_site.database import be_self, become
from fairdb_site.errors import Conflict, NotFound, Refused

TIMEOUT = "60s"


@dataclass(frozen=True)
class Attached:
    """What was attached: columns beside rows, of which `rows_matched` found their id."""

    attachment: UUID
    columns: int
    rows_matched: int
    rows: int


@dataclass(frozen=True)
class _New:
    """A column to be: where it comes from, and what it will be."""

    source: DatasetColumn
    position: int
    label: str
    name: str
    part: int  # 1-based, among the new ones


@dataclass(frozen=True)
class _Match:
    """Two datasets, and what the columns of their pseudonyms are called."""

    dataset: Dataset
    source: Dataset
    ours: str
    theirs: str
    no_id: str

    def source_part(self, part: int) -> sql.Composable:
        """Return a part of the source."""
        return in_data_schema(self.source.parts[part - 1])


def dataset_attach(
    *, owner_id: UUID, dataset_id: UUID, source_id: UUID, positions: Sequence[int] | None = None
) -> Attached:
    """Attach columns of `source_id` (all, or those at `positions`) to the rows of `dataset_id`.

    Both are ready datasets of this owner, else NotFound. Each id of the source has to be there
    once, else it would not be said which row is meant: Refused.
    """
    if dataset_id == source_id:
        raise Refused("Choose another dataset than this one.")
    with plain_faults("join"), transaction.atomic(durable=True), connection.cursor() as cursor:
        cursor.execute("select set_config('statement_timeout', %s, true)", [TIMEOUT])
        require_turn(cursor, owner_id)
        dataset, source = _locked(cursor, owner_id, dataset_id, source_id)
        match = _match(dataset, source)
        new = _planned(dataset, source, positions)
        attachment = uuid4()
        parts = _make_parts(cursor, match, new, attachment)
        become(cursor, owner_id)
        report = _report(cursor, match)
        _require_one_row_each(report)
        for number, part in enumerate(parts, 1):
            _fill(cursor, match, part, [column for column in new if column.part == number])
        be_self(cursor)
        attached = Attachment(
            id=attachment,
            dataset=dataset,
            source_id=source.pk,
            source_title=source.title,
            columns=len(new),
            matched=report["matched"],
            only_here=report["only_here"],
            only_there=report["only_there"],
            no_id=match.no_id,
            source_names={column.name: column.source.name for column in new},
            at=timezone.now(),
        )
        _take_in(cursor, match, parts, new, attached)
        require_within(cursor, owner_id)
    rpc.forget_cached_tables(owner_id)
    recount_after(dataset_id)
    return Attached(attachment, len(new), report["rows_matched"], dataset.row_count or 0)


def dataset_detach(*, owner_id: UUID, dataset_id: UUID, attachment_id: UUID) -> int:
    """Take attached columns off, with what was corrected in them; return how many they were."""
    with plain_faults("join"), transaction.atomic(durable=True), connection.cursor() as cursor:
        cursor.execute("select set_config('statement_timeout', %s, true)", [TIMEOUT])
        (dataset,) = _locked(cursor, owner_id, dataset_id)
        columns = list(
            DatasetColumn.objects.filter(dataset=dataset_id, attachment_id=attachment_id)
        )
        if not columns:
            raise NotFound("These columns are not attached to the dataset any more.")
        gone = sorted({column.part for column in columns if column.part})
        names = [dataset.parts[part - 1] for part in gone]
        params: dict[str, Any] = {
            "dataset": dataset_id,
            "attachment": attachment_id,
            "first": min(column.position for column in columns),
            "columns": len(columns),
            "part": gone[0],
            "parts": len(gone),
            "names": names,
        }
        tables = {table: in_data_schema(table) for table in _TABLES}
        for statement in _DETACH:
            cursor.execute(sql.SQL(statement).format(**tables), params)
        for name in names:
            cursor.execute("select public.drop_data_table(%s, %s)", [name, owner_id])
    rpc.forget_cached_tables(owner_id)
    return len(columns)


_TABLES = (
    "attachments", "changed_rows", "changes", "dataset_columns", "datasets", "metadata_tables"
)  # fmt: skip
# What is attached comes after everything before it: later columns and parts move up.
_DETACH = (
    "delete from {changed_rows} where dataset_id = %(dataset)s and part = any (%(names)s)",
    "delete from {changes} c where dataset_id = %(dataset)s"
    " and not exists (select from {changed_rows} r where r.change_id = c.id)",
    "delete from {dataset_columns} where dataset_id = %(dataset)s"
    " and attachment_id = %(attachment)s",
    "delete from {attachments} where id = %(attachment)s and dataset_id = %(dataset)s",
    # twice, so that no position is there twice on the way
    "update {dataset_columns} set position = position + 1000000, part = part - %(parts)s"
    " where dataset_id = %(dataset)s and position > %(first)s and part > %(part)s",
    "update {dataset_columns} set position = position - 1000000 - %(columns)s"
    " where dataset_id = %(dataset)s and position > 1000000",
    "update {metadata_tables} set dataset_id = null where table_name = any (%(names)s)",
    "update {datasets} set column_count = column_count - %(columns)s, parts = array("
    "select p from unnest(parts) with ordinality u (p, n) where p <> all (%(names)s) order by n)"
    " where id = %(dataset)s",
)


def _locked(cursor: CursorWrapper, owner_id: UUID, *datasets: UUID) -> list[Dataset]:
    """Return ready datasets of this owner, held against corrections, deletion and other joins."""
    for dataset in sorted(datasets):
        cursor.execute(
            "select pg_advisory_xact_lock(hashtextextended('correct ' || %s, 0))", [str(dataset)]
        )
    own = Dataset.objects.select_for_update().filter(user_id=owner_id, state=Dataset.State.READY)
    found = own.order_by("pk").in_bulk(datasets)
    if len(found) != len(datasets):
        raise NotFound("There is no such dataset, or it is not yours.")
    return [found[dataset] for dataset in datasets]


def no_id_of(owner_id: UUID) -> str:
    """Return the pseudonym that an owner's rows without an id have: it matches nothing."""
    return pseudonymize([""], owner_key(settings.FAIRDB_PSEUDONYM_KEY, owner_id))[0]


def _match(dataset: Dataset, source: Dataset) -> _Match:
    if dataset.key_fingerprint != source.key_fingerprint:
        raise Conflict(
            "The two datasets were loaded under different pseudonym keys, so that the same id has "
            "another pseudonym in each. Load one of them again."
        )
    ids = dict(
        DatasetColumn.objects.filter(dataset__in=[dataset.pk, source.pk], part=None).values_list(
            "dataset_id", "name"
        )
    )
    return _Match(dataset, source, ids[dataset.pk], ids[source.pk], no_id_of(dataset.user_id))


def _planned(
    dataset: Dataset, source: Dataset, positions: Sequence[int] | None
) -> tuple[_New, ...]:
    columns = DatasetColumn.objects.filter(dataset=source.pk, part__isnull=False)
    chosen = list(columns.order_by("position"))
    if positions is not None:
        chosen = [column for column in chosen if column.position in set(positions)]
        if len(chosen) != len(set(positions)):
            raise Refused("A chosen column does not exist. Choose columns from the list.")
    if not chosen:
        raise Refused("Choose at least one column to attach.")
    there = DatasetColumn.objects.filter(dataset=dataset.pk).order_by("position")
    labels, names = {c.label for c in there}, {c.name for c in there} | RESERVED
    last = max(column.position for column in there)
    if last + len(chosen) > settings.FAIRDB_MAX_COLUMNS + 1:
        raise Refused(
            f"With these the dataset would have more than {settings.FAIRDB_MAX_COLUMNS:,} columns. "
            "Choose fewer."
        )
    types = [(place, cast("DataType", column.data_type)) for place, column in enumerate(chosen)]
    part_of = {place: part.number for part in plan_parts(types) for place in part.positions}
    planned = []
    for place, column in enumerate(chosen):
        label = column.label
        if label in labels:
            label = f"{label} ({source.title})"
        label = _unlike(label, labels, lambda text, number: f"{text} {number}")
        name = _unlike(slug(label, MAX_NAME) or "column", names, _numbered)
        labels.add(label)
        names.add(name)
        planned.append(_New(column, last + 1 + place, label, name, part_of[place]))
    return tuple(planned)


def _unlike(text: str, taken: set[str], numbered: Any) -> str:
    found, number = text, 2
    while found in taken:
        found, number = numbered(text, number), number + 1
    return found


def _numbered(name: str, number: int) -> str:
    suffix = f"_{number}"
    return name[: MAX_NAME - len(suffix)] + suffix


def _make_parts(
    cursor: CursorWrapper, match: _Match, new: Sequence[_New], attachment: UUID
) -> list[str]:
    """Make the parts, empty; their owner may write into them."""
    parts, dataset = [], match.dataset
    for number in range(1, new[-1].part + 1):
        here = [column for column in new if column.part == number]
        name = f"{slug(dataset.title, 30) or 'dataset'}_{attachment.hex[-12:]}_a{number}"
        cursor.execute(
            "select public.create_data_table(%s, %s, %s::text[], %s, %s, %s::text[])",
            [
                settings.FAIRDB_DATA_SCHEMA,
                name,
                [column.name for column in here],
                match.ours.removesuffix(HASH_SUFFIX),
                dataset.user_id,
                [column.source.data_type for column in here],
            ],
        )
        cursor.execute(sql.SQL("grant insert on {} to authenticated").format(in_data_schema(name)))
        parts.append(name)
    return parts


def _report(cursor: CursorWrapper, match: _Match) -> rpc.JoinReport:
    cursor.execute(
        "select public.get_join_report(%s, %s, %s)",
        [match.dataset.pk, match.source.pk, match.no_id],
    )
    said = cursor.fetchone()[0]
    report: rpc.JoinReport = json.loads(said) if isinstance(said, str) else said
    return report


def _require_one_row_each(report: rpc.JoinReport) -> None:
    if report["repeated_there"]:
        ids = (
            "1 id is" if report["repeated_there"] == 1 else f"{report['repeated_there']:,} ids are"
        )
        raise Refused(
            f"{ids} in more than one row of the table to attach, so it is not said which row is "
            "meant. Attach a table with one row for each id."
        )
    if not report["matched"]:
        raise Refused(
            "No id of one table is in the other. Were both loaded with the same id column, and are "
            "the ids written alike?"
        )


def _fill(cursor: CursorWrapper, match: _Match, part: str, columns: Sequence[_New]) -> None:
    """Put a row into the part for each of the dataset's, with the cells of its match, if any."""
    first, *others = sorted({column.source.part or 1 for column in columns})
    source = [sql.SQL("{} {}").format(match.source_part(first), _alias(first))]
    source += [
        sql.SQL("{} {} on {}.rowid = {}.rowid").format(
            match.source_part(other), _alias(other), _alias(other), _alias(first)
        )
        for other in others
    ]
    statement = sql.SQL(
        "insert into {part} (rowid, {ours}, {names})"
        " select here.rowid, here.{ours}, {values}"
        " from {base} here left join {source}"
        " on {first}.{theirs} = here.{ours} and here.{ours} <> {no_id} order by here.rowid"
    )
    cursor.execute(
        statement.format(
            part=in_data_schema(part),
            ours=sql.Identifier(match.ours),
            theirs=sql.Identifier(match.theirs),
            names=sql.SQL(", ").join(sql.Identifier(column.name) for column in columns),
            values=sql.SQL(", ").join(
                sql.SQL("{}.{}").format(
                    _alias(column.source.part or 1), sql.Identifier(column.source.name)
                )
                for column in columns
            ),
            base=in_data_schema(match.dataset.parts[0]),
            source=sql.SQL("({})" if others else "{}").format(sql.SQL(" join ").join(source)),
            first=_alias(first),
            no_id=sql.Literal(match.no_id),
        )
    )


def _alias(part: int) -> sql.Identifier:
    return sql.Identifier(f"p{part}")


def _take_in(
    cursor: CursorWrapper,
    match: _Match,
    parts: Sequence[str],
    new: Sequence[_New],
    attachment: Attachment,
) -> None:
    """Make the parts the dataset's, sealed, and their columns columns of it."""
    dataset = match.dataset
    attachment.save(force_insert=True)
    DatasetColumn.objects.bulk_create(
        DatasetColumn(
            dataset=dataset,
            position=column.position,
            label=column.label,
            name=column.name,
            part=len(dataset.parts) + column.part,
            data_type=column.source.data_type,
            role=column.source.role,
            attachment_id=attachment.pk,
            edited_at=timezone.now(),  # so that they are counted
        )
        for column in new
    )
    MetadataTable.objects.filter(table_name__in=parts).update(
        dataset=dataset,
        main_table=dataset.title,
        description=dataset.description,
        origin=dataset.origin,
    )
    for part in parts:
        cursor.execute(sql.SQL("select {}(%s)").format(in_data_schema("seal_part")), [part])
    Dataset.objects.filter(pk=dataset.pk).update(
        parts=[*dataset.parts, *parts],
        column_count=F("column_count") + len(new),
        edited_at=Func(function="clock_timestamp"),  # as `recounted_at`, which it is compared with
    )
