"""What the owner of a file asked for: how the dataset is called, and the file to be read."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from datasets.models import Submission

_COLUMNS = ("title", "description", "origin")
"""Those of a submission's fields that have a column of their own."""


def words_of(line: str) -> tuple[str, ...]:
    """Return the words of one line of CSV, each once."""
    fields = next(csv.reader([line], skipinitialspace=True), [])
    return tuple(dict.fromkeys(field.strip() for field in fields if field.strip()))


def line_of(words: tuple[str, ...]) -> str:
    """Return words as one line of CSV."""
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(words)
    return line.getvalue() if words else ""


@dataclass(frozen=True)
class Asked:
    """The arguments of `dataset_import` that a person gives.

    `header` is a digest of the labels that columns were chosen among by their places, if they were.
    """

    title: str
    description: str = ""
    origin: str = ""
    id_column: str | None = None
    types: Mapping[str, str] = field(default_factory=dict)
    missing: tuple[str, ...] = ()
    delimiter: str | None = None
    encoding: str | None = None
    sheet: str | None = None
    skip_bad_rows: bool = False
    leave_out: tuple[str, ...] = ()
    number_rows: bool = False
    header: str = ""

    @classmethod
    def of(cls, submission: Submission) -> Asked:
        """Return what is on record of a submission."""
        options = submission.options | {
            name: tuple(submission.options.get(name, ())) for name in ("missing", "leave_out")
        }
        return cls(**{name: getattr(submission, name) for name in _COLUMNS}, **options)

    def as_fields(self) -> dict[str, Any]:
        """Return what the upload form shows of it."""
        return asdict(self) | {
            "id_column": self.id_column or "",
            "types": "\n".join(f"{label}={name}" for label, name in self.types.items()),
            "missing": line_of(self.missing),
        }

    def as_columns(self) -> dict[str, Any]:
        """Return the fields of a submission that keep it."""
        options = asdict(self)
        return {name: options.pop(name) for name in _COLUMNS} | {"options": options}

    def as_arguments(self) -> dict[str, Any]:
        """Return the keyword arguments of `dataset_import`."""
        return asdict(self)
