"""What the pages show of a person's datasets: read with their own token, ready to be drawn."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any
from uuid import UUID

from asgiref.sync import sync_to_async
from django.db import connection
from django.db.models import Exists, OuterRef
from django.utils.dateparse import parse_datetime

from datasets import models, rpc
from datasets.browse import charts
from datasets.browse.activity import NewestEvent, newest_events
from datasets.browse.shown import (
    Column,
    ColumnsPage,
    Dataset,
    FoundColumn,
    FoundInDataset,
    Later,
    Outline,
    Overview,
    Unfinished,
)
from datasets.loading.holding import UNDER_WAY
from datasets.loading.shown import ShownLoad, loads_open
from datasets.models import Submission
from fairdb_site.errors import NotFound
from fairdb_site.supabase.clients import Supabase

COLUMNS_A_PAGE = 200
DATASETS_A_PAGE = 50
MOST_FOUND = 200
NEWEST_DATASETS = 5
NEWEST_EVENTS = 6


async def account_overview(*, supabase: Supabase, owner_id: UUID) -> Overview:
    """Return sums over a person's datasets, the newest ones, unfinished loads, what was done last.

    None of it waits for another part, but for whether unfinished loads are alive. The first error
    is raised when all the parts have ended.
    """

    async def unfinished(overview: asyncio.Task[rpc.Overview]) -> tuple[Unfinished, ...]:
        facts = tuple(map(dataset_of, (await overview)["unfinished"]))
        return await sync_to_async(alone)(facts) if facts else ()

    def alone(facts: tuple[Dataset, ...]) -> tuple[Unfinished, ...]:
        return datasets_unfinished(datasets_without_load(facts))

    try:
        async with asyncio.TaskGroup() as at_once:
            sums = at_once.create_task(rpc.async_get_overview(supabase))
            newest = at_once.create_task(rpc.async_list_datasets(supabase, limit=NEWEST_DATASETS))
            loads = at_once.create_task(unfinished(sums))
            files = at_once.create_task(sync_to_async(loads_open)(owner_id=owner_id))
            events = at_once.create_task(
                sync_to_async(newest_events)(owner_id=owner_id, most=NEWEST_EVENTS)
            )
    except* Exception as failed:
        raise failed.exceptions[0] from None
    return overview_of(
        sums.result(), newest.result(), loads.result(), events.result(), files.result()
    )


def overview_of(
    sums: rpc.Overview,
    newest: Sequence[rpc.DatasetFacts],
    unfinished: tuple[Unfinished, ...],
    events: tuple[NewestEvent, ...],
    files: Sequence[ShownLoad] = (),
) -> Overview:
    """Return the dashboard's parts as one."""
    return Overview(
        datasets=sums["datasets"],
        rows=sums["rows"],
        columns=sums["columns"],
        recent=tuple(map(dataset_of, newest)),
        unfinished=unfinished,
        events=events,
        loads=files,
    )


def loads_alive(datasets: Sequence[UUID]) -> frozenset[UUID]:
    """Return which of these somebody works on, at no cost where there are none.

    A load holds an advisory lock from before its row is seen until it ends, however it ends.
    """
    if not datasets:
        return frozenset()
    with connection.cursor() as cursor:
        cursor.execute(_LOCKED, [list(datasets)])
        return frozenset(row[0] for row in cursor.fetchall())


def datasets_unfinished(datasets: Sequence[Dataset]) -> tuple[Unfinished, ...]:
    """Tell of datasets that are not ready which of them somebody still works on."""
    alive = loads_alive([dataset.id for dataset in datasets])
    return tuple(Unfinished(dataset, dataset.id in alive) for dataset in datasets)


def datasets_without_load(datasets: Sequence[Dataset]) -> tuple[Dataset, ...]:
    """Return the datasets that no submission under way is the load of; those are shown as loads."""
    under_way = Submission.objects.filter(
        pk=OuterRef("submission"), owner=OuterRef("user_id"), state__in=UNDER_WAY
    )
    submitted = models.Dataset.objects.filter(
        Exists(under_way), pk__in=[dataset.id for dataset in datasets]
    ).values_list("pk", flat=True)
    shown = frozenset(submitted)
    return tuple(dataset for dataset in datasets if dataset.id not in shown)


# pg_locks gives the two halves of the key: https://www.postgresql.org/docs/18/view-pg-locks.html
_LOCKED = """
select id
  from unnest(%s::uuid[]) id
  where exists (
    select from pg_locks l
      where l.locktype = 'advisory' and l.objsubid = 1 and l.granted
        and l.database = (select oid from pg_database where datname = current_database())
        and (l.classid::bigint << 32 | l.objid::bigint) = hashtextextended(id::text, 0)
  )
"""


def dataset_list(
    *, supabase: Supabase, before: datetime | None = None, before_id: UUID | None = None
) -> tuple[tuple[Dataset, ...], rpc.DatasetFacts | None]:
    """Return a page of ready datasets, newest first, and after which one the next goes on, if any.

    `before` and `before_id` are that one's moment and id.
    """
    found = rpc.list_datasets(
        supabase, before=before, before_id=before_id, limit=DATASETS_A_PAGE + 1
    )
    shown = found[:DATASETS_A_PAGE]
    more = shown[-1] if len(found) > DATASETS_A_PAGE else None
    return tuple(map(dataset_of, shown)), more


def dataset_get(*, supabase: Supabase, dataset_id: UUID) -> Dataset:
    """Return one of the person's datasets in any state; NotFound otherwise."""
    return dataset_of(rpc.get_dataset(supabase, dataset_id))


def dataset_ready(*, supabase: Supabase, dataset_id: UUID) -> Dataset:
    """Return one of the person's datasets whose rows can be read; NotFound otherwise."""
    dataset = dataset_get(supabase=supabase, dataset_id=dataset_id)
    if not dataset.is_ready:
        raise NotFound("This dataset is not ready yet: it is being loaded or deleted.")
    return dataset


def dataset_versions(*, supabase: Supabase, dataset: Dataset) -> tuple[Dataset, ...]:
    """Return the ready versions of a dataset, newest first."""
    return tuple(map(dataset_of, rpc.list_versions(supabase, dataset.id)))


def columns_page(
    *,
    supabase: Supabase,
    dataset: Dataset,
    search: str = "",
    after: int = 0,
    limit: int = COLUMNS_A_PAGE,
) -> ColumnsPage:
    """Return up to 200 columns after a position, of those whose label contains the search."""
    page = rpc.get_dataset_columns(
        supabase, dataset.id, search=search or None, after=after, limit=limit + 1
    )
    columns = tuple(column_of(column, dataset.rows) for column in page["columns"])
    shown = columns[:limit]
    return ColumnsPage(
        dataset=dataset,
        columns=shown,
        total=page["total"],
        matching=page["matching"],
        after=after,
        next_after=shown[-1].position if len(columns) > limit else None,
    )


def columns_at(
    *, supabase: Supabase, dataset: Dataset, positions: Sequence[int]
) -> tuple[Column, ...]:
    """Return the columns at these positions, in their order."""
    found = rpc.get_columns_at(supabase, dataset.id, positions) if positions else []
    return tuple(column_of(column, dataset.rows) for column in found)


def column_named(*, supabase: Supabase, dataset: Dataset, name: str) -> int | None:
    """Return the position a person means by a name or a number, or None.

    A label that is exactly the text (but for case) wins, then a number of a position, then the
    first label that contains it. The id column is not on show and is passed over.
    """
    sought = name.strip()
    if not sought:
        return None
    page = rpc.get_dataset_columns(supabase, dataset.id, search=sought, limit=COLUMNS_A_PAGE)
    found = [c for c in page["columns"] if c["position"] != dataset.id_position]
    for column in found:
        if column["label"].casefold() == sought.casefold():
            return column["position"]
    if sought.isascii() and sought.isdecimal() and 0 < int(sought) <= dataset.width.total:
        return int(sought)
    return found[0]["position"] if found else None


def dataset_outline(*, supabase: Supabase, dataset: Dataset) -> Outline:
    """Return what a dataset is made of: its map, its types, its missing cells."""
    groups = [
        charts.ColumnGroup(**group)
        for group in rpc.get_dataset_outline(supabase, dataset.id, bars=charts.MAP_BARS)
    ]
    counts = dict.fromkeys(charts.TYPES, 0)
    for group in groups:
        counts[group.data_type] += group.count
    missing = sum(group.missing for group in groups)
    cells = dataset.rows * dataset.columns
    return Outline(
        bars=charts.column_map(groups, rows=dataset.rows),
        width=float(min(dataset.width.total, charts.MAP_BARS)),
        types=charts.type_bar(counts),
        missing_share=missing / cells if cells else 0.0,
        missing=missing,
        id_bar=(
            dataset.id_position - 1.0
            if dataset.id_position and dataset.width.total <= charts.MAP_BARS
            else None
        ),
    )


def columns_found(*, supabase: Supabase, owner_id: UUID, query: str) -> tuple[FoundInDataset, ...]:
    """Return the columns of all the person's datasets whose label contains the query."""
    found = rpc.search_columns(supabase, query, limit=MOST_FOUND)
    # titles repeat: the file and the moment tell which is which
    files = {
        dataset: (file_name or "", created_at)
        for dataset, file_name, created_at in models.Dataset.objects.filter(
            user_id=owner_id, pk__in={column["dataset"] for column in found}
        ).values_list("pk", "file_name", "created_at")
    }
    return tuple(
        FoundInDataset(
            UUID(dataset),
            title,
            matching,
            tuple(map(_found, columns)),
            *files.get(UUID(dataset), ("", None)),  # it may be deleted by now
        )
        for (dataset, title, matching), columns in groupby(
            found, key=lambda column: (column["dataset"], column["title"], column["matching"])
        )
    )


def dataset_of(facts: Mapping[str, Any]) -> Dataset:
    """Return a dataset as pages show it."""
    return Dataset(
        id=UUID(facts["id"]),
        title=facts["title"],
        description=facts["description"],
        origin=facts["origin"],
        state=facts["state"],
        id_label=facts["id_label"] or "",
        id_position=facts["id_position"],
        rows=facts["row_count"] or 0,
        columns=facts["column_count"] or 0,
        parts=tuple(facts["parts"]),
        file_name=facts["file_name"] or "",
        file_bytes=facts["file_bytes"],
        file_digest=facts["file_digest"],
        digest=facts["digest"],
        seconds=facts["seconds"],
        created_at=parse_datetime(facts["created_at"]),
        version=facts["version"],
        receipt=facts.get("receipt") or {},
        keywords=tuple(facts["keywords"]),
        licence=facts["licence"],
        described_at=facts["described_at"] or "",
        newest=_later(facts.get("newest")),
    )


def column_of(column: rpc.DatasetColumn, rows: int) -> Column:
    """Return a column as pages show it, of a dataset of so many rows."""
    missing = column["missing"] or 0
    return Column(
        position=column["position"],
        label=column["label"],
        data_type=column["data_type"],
        is_id=column["part"] is None,
        missing=missing,
        missing_share=missing / rows if rows else 0.0,
        distinct=column["distinct_count"],
        minimum=column["minimum"],
        maximum=column["maximum"],
        mean=column["mean"],
        top=charts.top_bars(((v, n) for v, n in column["top"] or ()), rows=rows),
        role=column["role"] or "",
        description=column["description"],
        unit=column["unit"],
    )


def _later(newest: rpc.LaterVersion | None) -> Later | None:
    return Later(UUID(newest["id"]), newest["version"]) if newest else None


def _found(column: rpc.FoundColumn) -> FoundColumn:
    return FoundColumn(
        position=column["position"],
        label=column["label"],
        shown_type="pseudonym" if column["is_id"] else column["data_type"],
    )
