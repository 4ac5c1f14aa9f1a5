"""A small dataset put into the database by its own functions, without files or ingest."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

from django.conf import settings
from django.db import connection, transaction

from datasets.models import Dataset, DatasetColumn
from datasets.sql.operation import qualified

__all__ = [
    "Columns",
    "Stored",
    "content_state",
    "create_part",
    "not_kept",
    "qualified",
    "run",
    "store_dataset",
    "store_noise",
]

Values = Sequence[Any]
Columns = Mapping[str, tuple[str, Values]]  # label -> (type, a value for each row)


@dataclass(frozen=True)
class Stored:
    """What was put there: the dataset and the physical names of its parts."""

    id: UUID
    owner: UUID
    parts: list[str]

    @property
    def table(self) -> str:
        """The first part's name, without its schema."""
        return self.parts[0]

    @property
    def qualified(self) -> str:
        """The first part's name as SQL writes it."""
        return qualified(self.table)


def run(sql: str, params: Sequence[Any] | None = None) -> list[tuple[Any, ...]]:
    """Run SQL on Django's own connection and return its rows."""
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return list(cursor.fetchall()) if cursor.description else []


def store_dataset(
    owner: UUID,
    columns: Columns | None = None,
    *,
    rows: int = 3,
    columns_a_part: int = 2,
    ready: bool = True,
    title: str = "A cohort",
) -> Stored:
    """Store a dataset of `rows` rows: label -> (type, values) in file order, after the id column.

    Physical names are c2, c3, ... by position; the id's is `patient_hash`.
    """
    columns = columns or {
        "Age": ("integer", range(30, 30 + rows)),
        "Height (m)": ("float", [1.5 + i / 100 for i in range(rows)]),
        "Notes": ("text", [f"note {i}" for i in range(rows)]),
    }
    labels = list(columns)
    short = uuid4().hex[:12]
    count = max(1, -(-len(labels) // columns_a_part))
    dataset = Dataset.objects.create(
        user_id=owner,
        title=title,
        id_position=1,
        parts=[f"t_{short}_p{n}" for n in range(1, count + 1)],
    )
    stored = Stored(dataset.id, owner, dataset.parts)
    placed = [
        DatasetColumn(
            dataset=dataset,
            position=i + 2,
            label=label,
            name=f"c{i + 2}",
            part=i // columns_a_part + 1,
            data_type=columns[label][0],
        )
        for i, label in enumerate(labels)
    ]
    for number, part in enumerate(stored.parts, start=1):
        here = [column for column in placed if column.part == number]
        create_part(owner, part, {c.name: c.data_type for c in here})
    with transaction.atomic():
        for number, part in enumerate(stored.parts, start=1):
            values = [columns[c.label][1] for c in placed if c.part == number]
            _insert(qualified(part), owner, rows, values)
        identifier = DatasetColumn(
            dataset=dataset,
            position=1,
            label="patient",
            name="patient_hash",
            part=None,
            data_type="text",
            role="identifier",
        )
        DatasetColumn.objects.bulk_create([identifier, *placed])
        if ready:
            for part in stored.parts:
                run(f"select {qualified('seal_part')}(%s)", [part])
            run(
                f"update {qualified('datasets')} set state = 'ready', ready_at = now(),"
                " row_count = %s, column_count = %s where id = %s",
                [rows, len(labels), dataset.id],
            )
    return stored


def content_state(stored: Stored) -> str:
    """Return the state of a dataset's rows and columns; "" where there is no such dataset."""
    statement = "select {}(d) from {} d where id = %s".format(
        qualified("content_state"), qualified("datasets")
    )
    return next((row[0] for row in run(statement, [stored.id])), "")


def create_part(owner: UUID, table: str, columns: Mapping[str, str]) -> None:
    """Call `create_data_table` as the service role does, for id column `patient`."""
    run(
        "select public.create_data_table(%s, %s, %s::text[], 'patient', %s, %s::text[])",
        [settings.FAIRDB_DATA_SCHEMA, table, list(columns), owner, list(columns.values())],
    )


def _insert(table: str, owner: UUID, rows: int, values: Sequence[Values]) -> None:
    placeholders = ", ".join(["%s"] * (3 + len(values)))
    with connection.cursor() as cursor:
        cursor.executemany(
            f"insert into {table} values ({placeholders})",
            [(i + 1, owner, f"hash{i + 1}", *(v[i] for v in values)) for i in range(rows)],
        )


@contextmanager
def not_kept(stored: Stored) -> Iterator[None]:
    """Let rows be changed by SQL in here without a word in the history."""
    for part in stored.parts:
        run(f"alter table {qualified(part)} disable trigger keep_change")
    yield
    for part in stored.parts:
        run(f"alter table {qualified(part)} enable trigger keep_change")


def store_noise(owner: UUID) -> Stored:
    """Store 6,000 rows of 8 MB that do not compress, much more than a stream holds."""
    stored = store_dataset(owner, {"noise": ("text", [""])}, rows=1)
    with not_kept(stored):
        run(
            f"insert into {stored.qualified} select n, %s, md5(n::text), "
            "(select string_agg(md5((n * 40 + m)::text), '') from generate_series(1, 40) m)"
            " from generate_series(2, 6000) n",
            [stored.owner],
        )
    return stored
