"""An owner's datasets as files: rows as an export has them, and all that is kept about them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from uuid import UUID

from django.db.models import Model
from django.http import HttpRequest

from accounts import audit
from accounts.models import AuditAction, User
from datasets.browse.activity import activity_of
from datasets.browse.export_file import dataset_write
from datasets.exporting.archive import dictionary_csv
from datasets.exporting.dictionary import dictionary_of
from datasets.models import (
    Attachment,
    Change,
    ChangedRow,
    Dataset,
    DatasetColumn,
    MetadataTable,
    Submission,
)
from fairdb_site.archives import (
    ArchivedFile,
    csv_pieces,
    file_name_of,
    file_of,
    json_array_pieces,
    json_pieces,
    write_pieces,
)
from fairdb_site.database import as_user
from fairdb_site.errors import NotFound
from fairdb_site.streams import Write

CONTENTS = """\
datasets.json    Your datasets and unfinished uploads: which folder has each one's files, the name,
                 size and SHA-256 of the file that you sent, and how far its load came.
loads.json       The files that you sent: when, what you said of each, and what became of it. The
                 files themselves are not kept once they are loaded.
datasets/        A folder for each:
  data.csv       Its rows, once it is ready, with pseudonyms in the place of ids: the very bytes
                 of an export. A spreadsheet may compute a cell that begins with an equals sign.
  dataset.json   Its title, description, origin, digests, the receipt of its load, its tables.
  columns.json   Its columns: name in your file, what you wrote of it, type, role, statistics.
  dictionary.csv What each column is, as the page “Describe” gives it.
  changes.json   What was corrected since: old and new values, deleted rows.
  activity.csv   Who loaded, read and exported it, as its page “Activity” shows."""

# of the installation: its key, its workers, the names of its files
UNSHOWN = frozenset({"key_fingerprint", "lease_until", "staged", "worker"})
_LISTED = (
    "id", "title", "state", "file_name", "file_bytes", "file_digest", "submission", "created_at",
    "ready_at",
)  # fmt: skip
_ACTIVITY = ("at", "what", "outcome", "by", "address", "device")


def files(account: UUID, request: HttpRequest) -> Iterator[ArchivedFile]:
    """Yield the list of an account's datasets, then each one's files, read as its owner.

    Rows that go out are on record as exported. One that goes meanwhile raises NotFound: what has
    not all of it shall not look whole.
    """
    with as_user(account):
        listed = list(Dataset.objects.order_by("created_at", "pk").values(*_LISTED))
    submissions = Submission.objects.filter(owner=account).order_by("created_at", "pk")
    sent = submissions.values(*_fields(Submission))
    yield file_of("loads.json", json_array_pieces(sent.iterator(chunk_size=1_000)))
    places = [_folder(number, each["title"]) for number, each in enumerate(listed, 1)]
    entries = [{"folder": place, **each} for place, each in zip(places, listed, strict=True)]
    yield file_of("datasets.json", json_array_pieces(entries))
    for place, each in zip(places, listed, strict=True):
        dataset = each["id"]
        yield ArchivedFile(f"{place}/dataset.json", _facts(account, dataset))
        yield ArchivedFile(f"{place}/columns.json", _columns(account, dataset))
        yield ArchivedFile(f"{place}/dictionary.csv", _dictionary(account, dataset))
        yield ArchivedFile(f"{place}/changes.json", _changes(account, dataset))
        yield file_of(f"{place}/activity.csv", _activity(account, dataset))
        if each["state"] == Dataset.State.READY:
            yield ArchivedFile(f"{place}/data.csv", _rows(account, dataset, request))


def _folder(number: int, title: str) -> str:
    # the number makes it unique, and no name that Windows reserves
    return f"datasets/{number:03} {file_name_of(title)}".rstrip()


def _facts(account: UUID, dataset: UUID) -> Callable[[Write], None]:
    def write_all(write: Write) -> None:
        with as_user(account):
            facts = Dataset.objects.filter(pk=dataset).values(*_fields(Dataset)).first()
            if facts is None:
                raise NotFound("A dataset was deleted meanwhile.")
            tables = MetadataTable.objects.filter(dataset=dataset).order_by("pk")
            attached = Attachment.objects.filter(dataset=dataset).order_by("at")
            facts["attachments"] = list(attached.values(*_fields(Attachment)))
            facts["tables"] = list(tables.values(*_fields(MetadataTable)))
        write_pieces(json_pieces(facts), write)

    return write_all


def _columns(account: UUID, dataset: UUID) -> Callable[[Write], None]:
    def write_all(write: Write) -> None:
        with as_user(account):
            columns = DatasetColumn.objects.filter(dataset=dataset).order_by("position")
            found = columns.values(*_fields(DatasetColumn)).iterator(chunk_size=1_000)
            write_pieces(json_array_pieces(found), write)

    return write_all


def _dictionary(account: UUID, dataset: UUID) -> Callable[[Write], None]:
    def write_all(write: Write) -> None:
        with as_user(account):
            entries = dictionary_of(dataset)
        write_pieces(dictionary_csv(entries), write)

    return write_all


def _changes(account: UUID, dataset: UUID) -> Callable[[Write], None]:
    def write_all(write: Write) -> None:
        facts = [f"change__{name}" for name in _fields(Change)]
        with as_user(account):
            rows = ChangedRow.objects.filter(dataset_id=dataset).order_by("pk")
            found = rows.values(*facts, *_fields(ChangedRow)).iterator(chunk_size=1_000)
            write_pieces(json_array_pieces(found), write)

    return write_all


def _rows(account: UUID, dataset: UUID, request: HttpRequest) -> Callable[[Write], None]:
    def write_all(write: Write) -> None:
        with audit.trail(
            AuditAction.DATASET_EXPORTED, actor=account, request=request, dataset=dataset
        ):
            dataset_write(dataset_id=dataset, reader_id=account, write=write)

    return write_all


def _activity(account: UUID, dataset: UUID) -> Iterator[bytes]:
    reader = User.objects.get(pk=account)
    found = (activity_of(event, reader=reader) for event in audit.all_events(dataset=dataset))
    lines = ((a.at.isoformat(), a.what, a.outcome, a.who, a.origin, a.device) for a in found)
    return csv_pieces(_ACTIVITY, lines)


def _fields(model: type[Model]) -> list[str]:
    names = (field.attname for field in model._meta.concrete_fields)
    return [name for name in names if name not in UNSHOWN]
