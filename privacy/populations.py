"""Tables of a population that a dataset is a sample of: another dataset of its owner, or a file.

Their rows are told apart together with the dataset's own, column by column, and counted in the
numbers of its codes. Those of a dataset are kept sealed, as the codes are, for as long as neither
of both changes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from django.db import IntegrityError, connection

from datasets.faults import plain_faults
from datasets.ingest.read import TableSource
from datasets.models import Dataset, DatasetColumn
from datasets.turns import require_turn
from fairdb_site.database import as_user
from fairdb_site.errors import Conflict, NotFound, Refused
from privacy.chosen import places_in_population, require_affordable
from privacy.codes import CELLS_HELD, CodedDataset, cells_read, content_state, type_of
from privacy.measures.coding import Coded
from privacy.models import PrivacyPopulationCodes
from privacy.reading import Progress, cells_matched, columns_read
from privacy.sealed import Shelf, codes_keep, codes_open

MOST_LISTED: Final = 200
"""Datasets that a form offers, the newest."""

_GONE: Final = "The dataset chosen as the population is not there. Choose another, or none."
_CHANGED: Final = "A dataset was changed while it was measured. Try again."


@dataclass(frozen=True, eq=False)
class Population:
    """A table that holds the people of a dataset: its title, and codes by the dataset's columns."""

    title: str
    columns: Mapping[int, Coded]


@dataclass(frozen=True, eq=False)
class PopulationFile:
    """A file that holds the people of a dataset: its name, and cells of it that are missing."""

    title: str
    table: TableSource
    markers: Sequence[str] = ()
    progress: Progress | None = None


@dataclass(frozen=True)
class Candidate:
    """A dataset that may be chosen as the population."""

    dataset: UUID
    title: str
    version: int
    rows: int


def populations_listed(*, owner_id: UUID, dataset_id: UUID) -> list[Candidate]:
    """Return the newest ready datasets of this owner but this one, by title."""
    with as_user(owner_id):
        found = (
            Dataset.objects.filter(state=Dataset.State.READY)
            .exclude(pk=dataset_id)
            .order_by("-created_at")
            .values_list("pk", "title", "version", "row_count")[:MOST_LISTED]
        )
        listed = [Candidate(pk, title, version, rows or 0) for pk, title, version, rows in found]
    return sorted(listed, key=lambda one: (one.title.casefold(), -one.version))


def population_places(
    *, owner_id: UUID, labels: Sequence[str], positions: Sequence[int], population_id: UUID
) -> dict[int, int]:
    """Return the positions of the population's columns by those of a dataset's.

    Raises Refused for columns that it lacks, NotFound where it is not a ready dataset of the owner.
    """
    with as_user(owner_id):
        return _places(labels, positions, population_id)[1]


def population_coded(
    *,
    owner_id: UUID,
    coded: CodedDataset,
    labels: Sequence[str],
    positions: Sequence[int],
    population_id: UUID,
) -> Population:
    """Return another dataset of the owner as the population of one, by some of its columns.

    What is not kept is read. Raises Refused for columns that it lacks, too many cells, or where it
    is gone; Conflict where one of both is changed meanwhile, or other work is under way.
    """
    try:
        with as_user(owner_id):
            dataset, places = _places(labels, positions, population_id)
            state = content_state(population_id)
    except NotFound:
        raise Refused(_GONE, option="population_table") from None
    require_affordable(dataset.row_count or 0, len(places))
    shelf = Shelf(
        PrivacyPopulationCodes,
        "privacy_population_codes",
        coded.dataset,
        owner_id,
        f"{coded.state} {state}",
        {"population_id": population_id},
    )
    kept = codes_open(shelf, list(places))
    lacking = {position: place for position, place in places.items() if position not in kept}
    if lacking:
        read = _read(owner_id, coded, population_id, state, lacking)
        try:
            codes_keep(shelf, read)
        except IntegrityError:
            raise NotFound("There is no such dataset, or it is not yours.") from None
        kept |= read
    return Population(dataset.title, kept)


def population_of_file(
    *,
    owner_id: UUID,
    coded: CodedDataset,
    labels: Sequence[str],
    positions: Sequence[int],
    file: PopulationFile,
) -> Population:
    """Return a file as the population of a dataset, by some of its columns. Raises as above."""
    places = places_in_population(labels, positions, file.table.file_header)
    others = columns_read(file.table, list(places.values()), progress=file.progress)
    with plain_faults("report"), as_user(owner_id, snapshot=True):
        _begin(owner_id)
        columns = _unchanged(coded.dataset, coded.state, positions)
        cells = cells_read(Dataset.objects.get(pk=coded.dataset), columns)
    found = {
        column.position: cells_matched(
            cells[column.position],
            coded.columns[column.position],
            others[places[column.position]],
            type_of(column),
            markers=file.markers,
        )
        for column in columns
    }
    return Population(file.title, found)


def _places(
    labels: Sequence[str], positions: Sequence[int], population_id: UUID
) -> tuple[Dataset, dict[int, int]]:
    dataset = Dataset.objects.filter(pk=population_id, state=Dataset.State.READY).first()
    if dataset is None:
        raise NotFound("There is no such dataset, or it is not yours.")
    found = DatasetColumn.objects.filter(dataset=population_id).order_by("position")
    header = list(found.values_list("label", flat=True))
    return dataset, places_in_population(labels, positions, header)


def _read(
    owner_id: UUID, coded: CodedDataset, population_id: UUID, state: str, places: Mapping[int, int]
) -> dict[int, Coded]:
    """Read columns of both, all as of one moment."""
    with plain_faults("report"), as_user(owner_id, snapshot=True):
        _begin(owner_id)
        mine = _unchanged(coded.dataset, coded.state, list(places))
        theirs = {
            column.position: column
            for column in _unchanged(population_id, state, list(places.values()))
        }
        datasets = Dataset.objects.in_bulk([coded.dataset, population_id])
        rows = sum(dataset.row_count or 0 for dataset in datasets.values())
        at_once = max(CELLS_HELD // max(rows, 1), 1)
        found: dict[int, Coded] = {}
        for start in range(0, len(mine), at_once):
            block = mine[start : start + at_once]
            cells = cells_read(datasets[coded.dataset], block)
            others = cells_read(
                datasets[population_id], [theirs[places[column.position]] for column in block]
            )
            for column in block:
                found[column.position] = cells_matched(
                    cells[column.position],
                    coded.columns[column.position],
                    others[places[column.position]],
                    type_of(column),
                )
    return found


def _begin(owner_id: UUID) -> None:
    with connection.cursor() as cursor:
        require_turn(cursor, owner_id)
        # a whole column takes longer than a page may
        cursor.execute("set local statement_timeout = 0")


def _unchanged(dataset_id: UUID, state: str, positions: Sequence[int]) -> list[DatasetColumn]:
    """Return columns of a dataset that is in this state still."""
    if content_state(dataset_id) != state:
        raise Conflict(_CHANGED)
    found = DatasetColumn.objects.filter(dataset=dataset_id, position__in=positions)
    return list(found.order_by("position"))
