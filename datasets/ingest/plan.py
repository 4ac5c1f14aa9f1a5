"""Everything about a load that is known before its first row is stored."""

from dataclasses import dataclass
from functools import cached_property
from uuid import UUID


@dataclass(frozen=True)
class PlannedColumn:
    """A column as it will be stored; `part` is 1-based, None for the id column."""

    position: int
    label: str
    name: str
    part: int | None
    data_type: str


@dataclass(frozen=True)
class DatasetPlan:
    """Everything about a load that is known before its first row is stored."""

    dataset_id: UUID
    user_id: UUID
    title: str
    description: str
    origin: str
    file_name: str
    file_bytes: int
    file_digest: str
    key_fingerprint: str
    submission: UUID | None
    id_name: str  # physical base name: the column stored is `<id_name>_hash`
    columns: tuple[PlannedColumn, ...]
    parts: tuple[str, ...]
    row_count: int
    series: UUID
    version: int

    @property
    def id_column(self) -> PlannedColumn:
        """The column that is stored as pseudonyms."""
        return next(column for column in self.columns if column.part is None)

    def columns_of(self, part: int) -> list[PlannedColumn]:
        """Return the data columns of one part, in the order of the file."""
        return self._by_part.get(part, [])

    @cached_property
    def _by_part(self) -> dict[int | None, list[PlannedColumn]]:
        found: dict[int | None, list[PlannedColumn]] = {}
        for column in self.columns:
            found.setdefault(column.part, []).append(column)
        return found
