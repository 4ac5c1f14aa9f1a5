"""The codes of a dataset's columns: read once as its owner, kept sealed while the data stays so.

Whoever asks is looked up under their own row level security first; only then are kept codes opened,
over the platform's own connection. Codes are good for one state of the dataset, which each
correction, deletion, attachment changes in its own transaction: what was kept of another state is
neither opened nor mixed with this one's.
"""

from __future__ import annotations

import base64
import io
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, cast
from uuid import UUID

import numpy as np
import polars as pl
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.db import IntegrityError, connection, transaction
from psycopg2 import sql

from accounts.resealing import Resealed, reseal_rows
from accounts.sealing import UnsealError, seal, unseal
from datasets.browse.export import write_csv
from datasets.browse.export_source import ExportColumn, dataset_source
from datasets.faults import plain_faults
from datasets.identifiers import in_data_schema
from datasets.ingest.datatypes import DataType
from datasets.ingest.plan import PlannedColumn
from datasets.models import Dataset, DatasetColumn
from datasets.segments import new_key
from datasets.turns import require_turn
from fairdb_site.database import as_user, renew_if_lost
from fairdb_site.errors import Conflict, NotFound, Refused
from privacy.chosen import require_affordable
from privacy.measures.coding import Coded
from privacy.models import PrivacyCodes
from privacy.reading import cells_coded

_CELLS_HELD: Final = 20_000_000  # of text at a time: some 500 MB with what Polars makes of it
_TURNS: Final = 3  # a dataset that is changed each time is being corrected by a program
_NONCE_BYTES: Final = 12  # NIST SP 800-38D, 5.2.1.1
_NONE = "There is no such dataset, or it is not yours."


@dataclass(frozen=True)
class CodedDataset:
    """Columns by their positions, all of one state of a dataset."""

    dataset: UUID
    state: str
    columns: Mapping[int, Coded]


def dataset_coded(*, dataset_id: UUID, owner_id: UUID, positions: Sequence[int]) -> CodedDataset:
    """Return the codes of columns of a ready dataset of this owner; what is not kept is read.

    Raises NotFound for another's, Refused for a position it lacks or too many cells, Conflict where
    it is changed all the while, or other work of the account is under way and something is to read.
    """
    renew_if_lost()
    wanted = sorted(set(positions))
    state = _state_of(dataset_id, owner_id, columns=len(wanted))
    for _ in range(_TURNS):
        kept = _kept(dataset_id, state, wanted)
        lacking = [position for position in wanted if position not in kept]
        if not lacking:
            return CodedDataset(dataset_id, state, kept)
        read = _read(dataset_id, owner_id, lacking)
        _keep(read)
        if read.state == state or len(lacking) == len(wanted):
            return replace(read, columns={**kept, **read.columns})
        state = read.state
    raise Conflict("The dataset is changed all the while. Try again when nobody corrects it.")


def codes_reseal() -> Resealed:
    """Put the keys of kept codes under the first of FAIRDB_TOKEN_KEYS."""
    return reseal_rows(PrivacyCodes, "sealed_key")


def content_state(dataset_id: UUID) -> str:
    """Return which rows and columns a dataset has now, within a transaction of its owner.

    Raises NotFound where it is not theirs, or not ready.
    """
    statement = sql.SQL("select {}(d) from {} d where d.id = %s and d.state = 'ready'").format(
        in_data_schema("content_state"), in_data_schema("datasets")
    )
    with connection.cursor() as cursor:
        cursor.execute(statement, [dataset_id])
        found = cursor.fetchone()
    if found is None:
        raise NotFound(_NONE)
    return str(found[0])


def _state_of(dataset_id: UUID, owner_id: UUID, *, columns: int) -> str:
    with as_user(owner_id):
        state = content_state(dataset_id)
        found = Dataset.objects.filter(pk=dataset_id).values_list("row_count", flat=True)
        require_affordable(found.first() or 0, columns)
    return state


def _read(dataset_id: UUID, owner_id: UUID, positions: Sequence[int]) -> CodedDataset:
    """Read columns, all as of one moment: their state is of the same snapshot."""
    with plain_faults("report"), as_user(owner_id, snapshot=True):
        state = content_state(dataset_id)
        dataset = Dataset.objects.get(pk=dataset_id)
        found = DatasetColumn.objects.filter(dataset=dataset_id, position__in=positions)
        columns = list(found.order_by("position"))
        if len(columns) != len(positions):
            raise Refused("A chosen column does not exist. Choose columns from the list.")
        with connection.cursor() as cursor:
            require_turn(cursor, owner_id)
            # a whole column takes longer than a page may
            cursor.execute("set local statement_timeout = 0")
        at_once = max(_CELLS_HELD // max(dataset.row_count or 0, 1), 1)
        coded: dict[int, Coded] = {}
        for start in range(0, len(columns), at_once):
            coded |= _columns(dataset, columns[start : start + at_once])
    return CodedDataset(dataset_id, state, coded)


def _columns(dataset: Dataset, columns: Sequence[DatasetColumn]) -> dict[int, Coded]:
    planned = [
        PlannedColumn(c.position, f"c{c.position}", c.name, c.part, c.data_type) for c in columns
    ]
    source = dataset_source(dataset.parts, planned)
    # a line of one missing cell alone would be an empty line, which is no row
    number = ExportColumn("row", "rowid", planned[0].part or 1, "integer")
    text = io.BytesIO()
    with connection.cursor() as cursor:
        write_csv(cursor, replace(source, columns=[number, *source.columns]), text.write)
    names = ["row", *(f"c{column.position}" for column in columns)]
    text.seek(0)
    frame = pl.read_csv(
        text,
        has_header=False,
        skip_lines=1,
        schema=dict.fromkeys(names, pl.String),
    )
    del text
    kinds = [pl.col(name).cast(pl.Categorical(pl.Categories.random())) for name in names[1:]]
    categories = frame.lazy().select(kinds).collect()
    del frame
    types = [cast("DataType", "text" if c.part is None else c.data_type) for c in columns]
    return {
        column.position: cells_coded(cells, data_type)
        for column, cells, data_type in zip(columns, categories.iter_columns(), types, strict=True)
    }


def _kept(dataset_id: UUID, state: str, positions: Sequence[int]) -> dict[int, Coded]:
    """Open what is kept of this state; what no key opens counts as not kept."""
    rows = PrivacyCodes.objects.filter(
        dataset_id=dataset_id, content_state=state, position__in=positions
    )
    found: dict[int, Coded] = {}
    for row in rows.values_list("position", "sealed_key", "sealed").iterator(chunk_size=50):
        position, sealed_key, sealed = row
        try:
            found[position] = _opened(
                _Place(dataset_id, position, state), bytes(sealed_key), bytes(sealed)
            )
        except (UnsealError, InvalidTag):
            continue
    return found


_KEEP = """
insert into {} (dataset_id, position, content_state, sealed_key, sealed)
  values (%s, %s, %s, %s, %s)
  on conflict (dataset_id, position) do update
    set content_state = excluded.content_state, sealed_key = excluded.sealed_key,
        sealed = excluded.sealed
"""


def _keep(read: CodedDataset) -> None:
    """Keep the codes, and drop those of another state: nobody opens them again."""
    table = in_data_schema("privacy_codes")
    other = PrivacyCodes.objects.filter(dataset_id=read.dataset).exclude(content_state=read.state)
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            # one at a time: rows are locked in no order of their own
            cursor.execute(
                "select pg_advisory_xact_lock(hashtextextended('privacy codes ' || %s, 0))",
                [str(read.dataset)],
            )
            other.delete()
            for position, coded in sorted(read.columns.items()):
                sealed_key, sealed = _sealed(_Place(read.dataset, position, read.state), coded)
                cursor.execute(
                    sql.SQL(_KEEP).format(table),
                    [read.dataset, position, read.state, sealed_key, sealed],
                )
    except IntegrityError:
        raise NotFound(_NONE) from None  # it was deleted meanwhile


@dataclass(frozen=True)
class _Place:
    """Where codes belong: they open nowhere else."""

    dataset: UUID
    position: int
    state: str

    @property
    def name(self) -> str:
        return f"privacy codes {self.dataset} {self.position} {self.state}"


def _sealed(place: _Place, coded: Coded) -> tuple[bytes, bytes]:
    """Return (the column's own key, sealed; its codes under that key)."""
    key, nonce = new_key(), os.urandom(_NONCE_BYTES)
    # the narrowest that holds every code, and -1
    codes = coded.codes.astype(np.min_scalar_type(-max(coded.many, 1)))
    head = bytes([codes.itemsize, coded.numeric]) + coded.many.to_bytes(8)
    sealed = nonce + AESGCM(key).encrypt(nonce, head + codes.tobytes(), place.name.encode())
    return seal({"key": base64.b64encode(key).decode()}, place=place.name), sealed


def _opened(place: _Place, sealed_key: bytes, sealed: bytes) -> Coded:
    key = base64.b64decode(unseal(sealed_key, place=place.name)["key"])
    nonce, content = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
    clear = AESGCM(key).decrypt(nonce, content, place.name.encode())
    codes = np.frombuffer(clear, dtype=f"i{clear[0]}", offset=10)
    return Coded(codes.astype(np.int32), int.from_bytes(clear[2:10]), bool(clear[1]))
