"""The archive of one dataset: its rows, what its columns are, facts, changes, checksums."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from functools import partial
from uuid import UUID

from django.utils import timezone

from datasets.browse.export import harmless
from datasets.exporting.dictionary import FIELDS, Entry, dictionary_of, without_statistics
from datasets.exporting.wanted import Wanted
from datasets.models import Attachment, Change, ChangedRow, Dataset
from fairdb_site.archives import (
    ArchivedFile,
    csv_pieces,
    file_of,
    json_array_pieces,
    json_pieces,
)
from fairdb_site.errors import NotFound
from fairdb_site.streams import Write

_FACTS = (
    "id", "title", "description", "origin", "keywords", "licence", "row_count", "column_count",
    "id_label", "id_position", "file_name", "file_bytes", "file_digest", "digest",
    "created_at", "ready_at", "edited_at",
)  # fmt: skip
_ATTACHED = ("source_title", "columns", "matched", "only_here", "only_there", "at")
_README = """\
{title}

Taken out of FAIRDatabase at {now:%Y-%m-%d %H:%M} UTC: {what}.
Ids were replaced by pseudonyms when it was loaded. Rows can still tell who somebody is: keep this
archive where such data may be.

data.csv          The rows. Comma, UTF-8, a header line; a missing value is nothing, an empty text
                  is "". {harmless}
{parquet}dictionary.csv    What each column is: place in the file, label, name in Parquet, unit,
                  description, type; and its statistics, of the whole dataset in any case.
dictionary.json   The same as JSON.
dataset.json      What the dataset is, and what of it is in here.
{changes}SHA256SUMS        Digests of the files above; check them with: sha256sum -c SHA256SUMS
"""
_PARQUET = "data.parquet      The same rows with their types.\n"
_CHANGES = "changes.json      What was corrected: old and new values, deleted rows.\n"
_UNCHANGED = "Every cell is as it is stored; a spreadsheet may run one as a formula."
_HARMLESS = (
    "Texts and labels that a spreadsheet would\n                  run as a formula have an "
    "apostrophe (') before them, here and in dictionary.csv."
)


def archive_files(
    dataset: UUID, wanted: Wanted, data: Sequence[ArchivedFile]
) -> Iterator[ArchivedFile]:
    """Yield the files of a dataset's archive, the `data` files among them, within its snapshot.

    Where some columns or rows alone are wanted, nothing in it tells what the others hold: there are
    no changes and no receipt of the load then, and no statistics where rows are left out.
    """
    sums: dict[str, str] = {}
    for file in _files(dataset, wanted, data):
        yield ArchivedFile(file.path, partial(_write_summed, file, sums))
    lines = (f"{digest}  {path}\n".encode() for path, digest in sums.items())
    yield file_of("SHA256SUMS", lines)


def _write_summed(file: ArchivedFile, sums: dict[str, str], write: Write) -> None:
    digest = hashlib.sha256()

    def write_both(data: bytes) -> None:
        digest.update(data)
        write(data)

    file.write(write_both)
    sums[file.path] = digest.hexdigest()


def _files(dataset: UUID, wanted: Wanted, data: Sequence[ArchivedFile]) -> Iterator[ArchivedFile]:
    names = (*_FACTS, "receipt") if wanted.is_whole else _FACTS
    facts = Dataset.objects.filter(pk=dataset).values(*names).first()
    if facts is None:
        raise NotFound("The dataset was deleted meanwhile.")
    entries = dictionary_of(dataset, wanted.positions)
    if wanted.conditions:
        entries = [without_statistics(entry) for entry in entries]
    yield file_of("README.txt", [_readme(facts["title"], wanted).encode()])
    yield from data
    yield file_of("dictionary.csv", dictionary_csv(entries, is_harmless=wanted.harmless))
    yield file_of("dictionary.json", dictionary_json(entries))
    if wanted.is_whole:
        facts["attached"] = list(Attachment.objects.filter(dataset=dataset).values(*_ATTACHED))
    yield file_of("dataset.json", json_pieces(facts | {"taken_out": _taken_out(wanted)}))
    if wanted.is_whole:
        yield file_of("changes.json", _changes(dataset))


def dictionary_csv(entries: Iterable[Entry], *, is_harmless: bool = False) -> Iterator[bytes]:
    """Yield a data dictionary as CSV; harmless, no text of it is a formula to a spreadsheet."""

    def cells(entry: Entry) -> list[object]:
        numbers = ("minimum", "maximum") if entry["type"] in {"integer", "float"} else ()
        return [
            harmless(value) if is_harmless and isinstance(value, str) and name not in numbers
            else value
            for name, value in entry.items()
        ]  # fmt: skip

    return csv_pieces(FIELDS, (cells(entry) for entry in entries))


def dictionary_json(entries: Iterable[Entry]) -> Iterator[bytes]:
    """Yield a data dictionary as a JSON array."""
    return json_array_pieces(entries)


def _readme(title: str, wanted: Wanted) -> str:
    return _README.format(
        title=title,
        now=timezone.now(),
        what="all of it" if wanted.is_whole else "some of its columns or rows (dataset.json)",
        harmless=_HARMLESS if wanted.harmless else _UNCHANGED,
        parquet=_PARQUET if wanted.with_parquet else "",
        changes=_CHANGES if wanted.is_whole else "",
    )


def _taken_out(wanted: Wanted) -> dict[str, object]:
    return {
        "at": timezone.now(),
        "columns": None if wanted.positions is None else list(wanted.positions),
        "conditions": [asdict(condition) for condition in wanted.conditions],
        "formulas_made_harmless": wanted.harmless,
    }


def _changes(dataset: UUID) -> Iterator[bytes]:
    facts = [f"change__{field.attname}" for field in Change._meta.concrete_fields]
    rows = ChangedRow.objects.filter(dataset_id=dataset).order_by("pk")
    kept = [field.attname for field in ChangedRow._meta.concrete_fields]
    return json_array_pieces(rows.values(*facts, *kept).iterator(chunk_size=1_000))
