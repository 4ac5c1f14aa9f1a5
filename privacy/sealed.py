"""Codes as the database keeps them: sealed under a key of their own, and opened at their place."""

from __future__ import annotations

import base64
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

import numpy as np
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.db import connection, models, transaction
from psycopg2 import sql

from accounts.sealing import UnsealError, seal, unseal
from datasets.identifiers import in_data_schema
from datasets.quota import storage_of
from datasets.segments import new_key
from privacy.measures.coding import Coded

_NONCE_BYTES: Final = 12  # NIST SP 800-38D, 5.2.1.1


@dataclass(frozen=True)
class Shelf:
    """Where codes of a dataset's columns are kept: in which table, and of which state they are.

    `beside` has the values of its further columns.
    """

    model: type[models.Model]
    table: str
    dataset: UUID
    owner: UUID
    state: str
    beside: Mapping[str, Any] = field(default_factory=dict)

    def place(self, position: int) -> str:
        """Return where codes of a column belong: they open nowhere else."""
        return f"{self.table} {self.dataset} {position} {self.state}"


def codes_open(shelf: Shelf, positions: Sequence[int]) -> dict[int, Coded]:
    """Open what is kept of these columns; what no key opens counts as not kept."""
    rows: Any = shelf.model._default_manager
    rows = rows.filter(
        dataset_id=shelf.dataset,
        content_state=shelf.state,
        position__in=list(positions),
        **shelf.beside,
    )
    found: dict[int, Coded] = {}
    for row in rows.values_list("position", "sealed_key", "sealed").iterator(chunk_size=50):
        position, sealed_key, sealed = row
        try:
            found[position] = _opened(shelf.place(position), bytes(sealed_key), bytes(sealed))
        except (UnsealError, InvalidTag):
            continue
    return found


def codes_keep(shelf: Shelf, columns: Mapping[int, Coded]) -> None:
    """Keep the codes, and drop those of another state: nobody opens them again.

    An owner whose room is used up gets none kept: they are read again each time. Raises
    IntegrityError where a dataset was deleted meanwhile.
    """
    storage = storage_of(shelf.owner)
    if storage is not None and storage.is_full:
        columns = {}
    rows: Any = shelf.model._default_manager
    with transaction.atomic(), connection.cursor() as cursor:
        # one at a time: rows are locked in no order of their own
        cursor.execute(
            "select pg_advisory_xact_lock(hashtextextended(%s || ' ' || %s, 0))",
            [shelf.table, str(shelf.dataset)],
        )
        rows.filter(dataset_id=shelf.dataset).exclude(content_state=shelf.state).delete()
        for position, coded in sorted(columns.items()):
            sealed_key, sealed = _sealed(shelf.place(position), coded)
            row = {
                "dataset_id": shelf.dataset,
                "position": position,
                "content_state": shelf.state,
                "sealed_key": sealed_key,
                "sealed": sealed,
                **shelf.beside,
            }
            cursor.execute(_keep(shelf, list(row)), list(row.values()))


def _keep(shelf: Shelf, columns: list[str]) -> sql.Composed:
    new = [column for column in columns if column not in {"dataset_id", "position"}]
    return sql.SQL(
        "insert into {} ({}) values ({}) on conflict (dataset_id, position) do update set {}"
    ).format(
        in_data_schema(shelf.table),
        sql.SQL(", ").join(map(sql.Identifier, columns)),
        sql.SQL(", ").join(sql.Placeholder() * len(columns)),
        sql.SQL(", ").join(
            sql.SQL("{0} = excluded.{0}").format(sql.Identifier(column)) for column in new
        ),
    )


def _sealed(place: str, coded: Coded) -> tuple[bytes, bytes]:
    """Return (the column's own key, sealed; its codes under that key)."""
    key, nonce = new_key(), os.urandom(_NONCE_BYTES)
    # the narrowest that holds every code, and -1
    codes = coded.codes.astype(np.min_scalar_type(-max(coded.many, 1)))
    head = bytes([codes.itemsize, coded.numeric]) + coded.many.to_bytes(8)
    sealed = nonce + AESGCM(key).encrypt(nonce, head + codes.tobytes(), place.encode())
    return seal({"key": base64.b64encode(key).decode()}, place=place), sealed


def _opened(place: str, sealed_key: bytes, sealed: bytes) -> Coded:
    key = base64.b64decode(unseal(sealed_key, place=place)["key"])
    nonce, content = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
    clear = AESGCM(key).decrypt(nonce, content, place.encode())
    codes = np.frombuffer(clear, dtype=f"i{clear[0]}", offset=10)
    return Coded(codes.astype(np.int32), int.from_bytes(clear[2:10]), bool(clear[1]))
