"""From a file to a dataset, top to bottom: read, profile, plan, then store all of it or nothing.

The upload page and `manage.py import_dataset` are two doors to `dataset_import`.
"""

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from django.conf import settings

from accounts.models import User
from datasets import rpc
from datasets.browse.column_choice import write_choice
from datasets.browse.export import header_line
from datasets.browse.export_source import headings
from datasets.ingest.choosing import ColumnChoices, choose_columns
from datasets.ingest.layout import Part, plan_parts
from datasets.ingest.likely import require_likeliest_first
from datasets.ingest.load import (
    Last,
    Progress,
    load,
    next_version,
    require_same_key,
    wait_for_submission,
)
from datasets.ingest.names import column_names, part_names
from datasets.ingest.notation import stored_type
from datasets.ingest.notes import receipt_notes
from datasets.ingest.plan import DatasetPlan, PlannedColumn
from datasets.ingest.profile import (
    TableProfile,
    profile_table,
)
from datasets.ingest.pseudonyms import key_fingerprint, owner_key
from datasets.ingest.read import TableSource, open_table
from datasets.ingest.same_header import require_header
from datasets.ingest.slots import one_slot
from datasets.ingest.stream import Source
from datasets.ingest.turn import Turn
from datasets.ingest.values import Encoder
from datasets.quota import require_room
from datasets.titles import plain as _plain
from datasets.titles import title_told as _title
from datasets.titles import visible as _visible
from fairdb_site.errors import Conflict

HELD_BYTES = 1 << 25  # of text; where every cell is found it takes five times as much memory


@dataclass(frozen=True)
class Receipt:
    """What became of a file. Digests are SHA-256 in hex (`docs/formats.md`), `seconds` wall time.

    `columns` counts the data columns, without the id; `refused` the rows left out, of which
    `refused_rows` gives the first numbers (1 is the first row after the header). `read_as` says in
    sentences what the file was taken for, and why; `left_out` the places in the file of columns
    that were left out, such as `2-5,9`.
    """

    dataset: UUID
    title: str
    tables: list[str]
    rows: int
    columns: int
    refused: int
    file_digest: str
    digest: str
    seconds: float
    id_label: str
    id_empty: int
    id_repeated: int
    refused_rows: list[int]
    notes: list[str]
    read_as: list[str] = field(default_factory=list)
    left_out: str = ""


def dataset_import(
    *,
    owner: User,
    source: Source,
    file_name: str,
    title: str,
    description: str = "",
    origin: str = "",
    id_column: str | None = None,
    number_rows: bool = False,
    types: Mapping[str, str] | None = None,
    missing: Sequence[str] = (),
    leave_out: Sequence[str] = (),
    delimiter: str | None = None,
    encoding: str | None = None,
    sheet: str | None = None,
    skip_bad_rows: bool = False,
    header: str = "",
    submission: UUID | None = None,
    replaces: UUID | None = None,
    progress: Progress = lambda step, done, total: None,
    last: Last = lambda dataset: None,
) -> Receipt:
    """Load the file at `source`, or the one it opens, as a dataset of `owner`; return its receipt.

    `types` gives a column's type by label (or `#3`, or several at once: `choosing`), `missing` the
    cells that mean no value, `leave_out` the columns that are passed over as if the file had never
    held them, `sheet` the one of a workbook to read (its name, or its number from 1), `header` the
    digest of that which columns were chosen of by place (`same_header`). The same
    `submission` loads once: a second call returns the first one's receipt. Without `id_column` the
    first column is the id, unless another looks more like one (AnotherIdLikely); with `number_rows`
    none is: the rows get the numbers from 1 as ids, and every column stays data. An owner has one
    load at a time, by page or by command; another is UnderWay, a Conflict. What `replaces` a ready
    dataset of theirs is its next version; the earlier ones stay. `last` is called with the new
    dataset's id at the end of the transaction that stores it, and may still refuse. Raises a
    FairdbError that says what to do; then nothing of the file is left behind.
    """
    started = time.monotonic()
    title, description, origin = told(title, description, origin)
    with Turn(owner.pk, submission) as turn, one_slot():
        if submission and (receipt := submitted_receipt(owner.pk, submission)):
            return receipt
        turn.take()
        require_room(owner.pk)
        require_same_key(key_fingerprint(settings.FAIRDB_PSEUDONYM_KEY))
        series, version = next_version(owner.pk, replaces) if replaces else (uuid4(), 1)

        progress("reading", 0, 0)
        table = open_table(
            source,
            delimiter=delimiter,
            encoding=encoding,
            sheet=sheet,
            skip_bad_rows=skip_bad_rows,
            max_columns=settings.FAIRDB_MAX_COLUMNS,
            max_rows=settings.FAIRDB_MAX_ROWS,
            max_bytes=settings.FAIRDB_MAX_UPLOAD_BYTES,
            hold_bytes=HELD_BYTES,
        )
        require_header(table.file_header, header)
        chosen = choose_columns(
            table.file_header,
            id_column=id_column,
            types=types,
            leave_out=leave_out,
            number_rows=number_rows,
        )
        table = table.without(chosen.left_out)
        table = table.with_row_numbers() if chosen.number_rows else table
        table = table.read_as(chosen.notations, missing)
        id_position, profile = _profiled(table, chosen, missing)
        parts = plan_parts(
            (column.position, column.data_type)
            for column in profile.types
            if column.position != id_position
        )
        plan = _plan(
            table=table,
            profile=profile,
            parts=parts,
            id_position=id_position,
            owner_id=owner.pk,
            title=title,
            description=description,
            origin=origin,
            file_name=_visible(Path(file_name).name),
            submission=submission,
            series=series,
            version=version,
        )
        encoder = Encoder(
            profile=profile,
            parts=parts,
            id_position=id_position,
            user_id=owner.pk,
            key=owner_key(settings.FAIRDB_PSEUDONYM_KEY, owner.pk),
        )
        encoder.digest.update(header_line(headings(plan.columns)))

        def finish() -> dict[str, Any]:
            digest = encoder.digest.hexdigest()
            return _as_json(_receipt(plan, table, profile, digest, time.monotonic() - started))

        try:
            turn.keep()
            stored = load(
                plan,
                encoder.encode(table.blocks()),
                _statistics(plan, profile),
                finish,
                progress=progress,
                last=last,
            )
        except Conflict:
            if submission and (receipt := submitted_receipt(owner.pk, submission)):
                return receipt
            raise
        rpc.forget_cached_tables(owner.pk)
        return _from_json(stored)


def told(title: str, description: str, origin: str) -> tuple[str, str, str]:
    """Return what an owner says of a dataset as it is kept; Refused where it cannot be."""
    return _title(title), _plain(description), _plain(origin)


def _profiled(
    table: TableSource, chosen: ColumnChoices, missing: Sequence[str]
) -> tuple[int, TableProfile]:
    """Return the place of the id column among those read, and the profile of the whole table."""
    place_of = {position: place for place, position in enumerate(table.positions, 1)}
    id_place = place_of[chosen.id_position] if chosen.id_position else 1
    types = {place_of[position]: stored_type(named) for position, named in chosen.types.items()}
    profile = profile_table(table, missing=missing, types=types, id_position=id_place)
    if not chosen.id_position and not chosen.number_rows:
        require_likeliest_first(table, profile)
    return id_place, profile


def submitted_receipt(owner_id: UUID, submission: UUID) -> Receipt | None:
    """Return the receipt of a form sent before, waiting for it while it is being loaded."""
    stored = wait_for_submission(owner_id, submission)
    return _from_json(stored) if stored else None


def _plan(
    *,
    table: TableSource,
    profile: TableProfile,
    parts: Sequence[Part],
    id_position: int,
    owner_id: UUID,
    title: str,
    description: str,
    origin: str,
    file_name: str,
    submission: UUID | None,
    series: UUID,
    version: int,
) -> DatasetPlan:
    dataset_id = uuid4()
    names = column_names(table.header, id_position)
    part_of = {position: part.number for part in parts for position in part.positions}
    if table.file is None:  # known after the first pass, which the profile was
        raise RuntimeError("The table was planned before it was read.")
    return DatasetPlan(
        dataset_id=dataset_id,
        user_id=owner_id,
        title=title,
        description=description,
        origin=origin,
        file_name=file_name,
        file_bytes=table.file.size,
        file_digest=table.file.sha256,
        key_fingerprint=key_fingerprint(settings.FAIRDB_PSEUDONYM_KEY),
        submission=submission,
        id_name=names.id_base,
        columns=tuple(
            PlannedColumn(
                position=column.position,
                label=column.label,
                name=names.columns[column.position - 1],
                part=part_of.get(column.position),
                data_type=column.data_type,
            )
            for column in profile.types
        ),
        parts=part_names(title, dataset_id, len(parts)),
        row_count=profile.rows,
        series=series,
        version=version,
    )


def _statistics(plan: DatasetPlan, profile: TableProfile) -> Iterator[tuple[object, ...]]:
    """Yield the rows of `dataset_columns`, in the order of `load.STATISTICS`."""
    for planned, column in zip(plan.columns, profile.columns, strict=True):
        yield (
            plan.dataset_id,
            planned.position,
            planned.label,
            planned.name,
            planned.part,
            planned.data_type,
            "identifier" if planned.part is None else None,
            column.missing,
            column.distinct,
            column.minimum,
            column.maximum,
            column.mean,
            json.dumps(column.top, ensure_ascii=False) if column.top else None,
        )


def _receipt(
    plan: DatasetPlan, table: TableSource, profile: TableProfile, digest: str, seconds: float
) -> Receipt:
    id_profile = profile.columns[plan.id_column.position - 1]
    return Receipt(
        dataset=plan.dataset_id,
        title=plan.title,
        tables=list(plan.parts),
        rows=plan.row_count,
        columns=len(plan.columns) - 1,
        refused=table.bad_rows.count,
        file_digest=plan.file_digest,
        digest=digest,
        seconds=round(seconds, 3),
        id_label=plan.id_column.label,
        id_empty=id_profile.missing,
        id_repeated=profile.rows - id_profile.missing - id_profile.distinct,
        refused_rows=list(table.bad_rows.numbers[:100]),
        notes=receipt_notes(plan, table, profile),
        read_as=list(table.evidence.why),
        left_out=write_choice(table.left_out),
    )


def _as_json(receipt: Receipt) -> dict[str, Any]:
    return asdict(receipt) | {"dataset": str(receipt.dataset)}


def _from_json(stored: dict[str, Any]) -> Receipt:
    return Receipt(**(stored | {"dataset": UUID(stored["dataset"])}))
