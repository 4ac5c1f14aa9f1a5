"""What somebody wants of a dataset: a form, all columns or some, all rows or those of a filter."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from uuid import UUID

from datasets.browse.query import Condition
from datasets.ingest.plan import PlannedColumn
from fairdb_site.archives import file_name_of
from fairdb_site.errors import Refused


class Format(StrEnum):
    """In what form rows go out."""

    CSV = "csv"
    TSV = "tsv"
    PARQUET = "parquet"
    ZIP = "zip"


CONTENT_TYPES = {
    Format.CSV: "text/csv; charset=utf-8",
    Format.TSV: "text/tab-separated-values; charset=utf-8",
    Format.PARQUET: "application/vnd.apache.parquet",  # as registered with IANA
    Format.ZIP: "application/zip",
}


@dataclass(frozen=True)
class Wanted:
    """What is to go out; as it stands, all of the dataset as canonical CSV.

    `positions` are columns in the order wanted, None for all in the order of the file. `harmless`
    puts an apostrophe before what a spreadsheet would run, in CSV and TSV. `with_parquet` puts the
    rows into a ZIP archive as Parquet too.
    """

    format: Format = Format.CSV
    positions: tuple[int, ...] | None = None
    conditions: tuple[Condition, ...] = ()
    harmless: bool = False
    with_parquet: bool = False

    @property
    def is_whole(self) -> bool:
        """Whether every row and column goes out."""
        return self.positions is None and not self.conditions

    @property
    def conditions_json(self) -> str:
        """The conditions as the SQL function `rows_from` takes them, empty where there are none."""
        if not self.conditions:
            return ""
        return json.dumps([asdict(condition) for condition in self.conditions])

    def columns_of(self, columns: Sequence[PlannedColumn]) -> list[PlannedColumn]:
        """Return the columns wanted, of all that there are; Refused where one is not there."""
        if self.positions is None:
            return list(columns)
        known = {column.position: column for column in columns}
        unknown = next((p for p in self.positions if p not in known), None)
        if unknown is not None:
            raise Refused(f"There is no column {unknown}.", option="columns")
        if not self.positions:
            raise Refused("Choose at least one column.", option="columns")
        return [known[position] for position in dict.fromkeys(self.positions)]

    def file_name(self, title: str, dataset: UUID) -> str:
        """Return a name to save it under: safe on all systems, another for each dataset."""
        part = "" if self.is_whole else "-part"
        return f"{file_name_of(title) or 'dataset'}-{dataset.hex[-12:]}{part}.{self.format}"
