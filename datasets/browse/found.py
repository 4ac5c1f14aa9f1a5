"""What the search finds: datasets by what is said of them, and rows by a sample's raw id."""

from dataclasses import dataclass
from itertools import groupby
from uuid import UUID

from datasets import models, rpc
from datasets.browse.query import Condition, Query
from datasets.browse.shown import Dataset
from datasets.linking.occurrences import occurrences
from datasets.linking.pseudonyms import ids_pseudonymize
from datasets.selectors import dataset_of
from fairdb_site.supabase.clients import Supabase

MOST_DATASETS = 50
SHOWN_ROWS = 20
_MOST_MILLISECONDS = 20_000  # for all datasets: their pseudonyms are read, a million in 0.1 s

_AROUND = 80
"""Characters of a description shown on either side of what was sought."""


@dataclass(frozen=True)
class FoundDataset:
    """A dataset found by what is said of it, and the piece of its description that has it."""

    dataset: Dataset
    piece: str


@dataclass(frozen=True)
class FoundSample:
    """A dataset that holds a sample: its rows, and the address that shows them all."""

    id: UUID
    title: str
    rows: tuple[int, ...]
    count: int
    address: str


def datasets_found(*, supabase: Supabase, query: str) -> tuple[FoundDataset, ...]:
    """Return the person's datasets with this in title, description, origin or file name."""
    return tuple(
        FoundDataset(dataset, _piece(f"{dataset.description} {dataset.origin}".strip(), query))
        for dataset in map(dataset_of, rpc.search_datasets(supabase, query, limit=MOST_DATASETS))
    )


def sample_found(*, owner_id: UUID, sample_id: str) -> tuple[FoundSample, ...]:
    """Return where a raw id's pseudonym stands in its owner's datasets, oldest first.

    The id comes and goes in memory. Raises Refused where it is empty, Unavailable where datasets
    were loaded under another key, or where it takes too long.
    """
    linked = ids_pseudonymize(owner_id=owner_id, ids=[sample_id], most=1)
    (pseudonym,) = linked.pseudonyms
    found = occurrences(
        owner_id=owner_id, pseudonyms=linked.pseudonyms, milliseconds=_MOST_MILLISECONDS
    )
    places = found.get(pseudonym, [])
    id_positions = dict(
        models.Dataset.objects.filter(
            user_id=owner_id, pk__in={place.dataset for place in places}
        ).values_list("pk", "id_position")
    )
    samples = []
    for (dataset, title), here in groupby(places, key=lambda place: (place.dataset, place.title)):
        rows = tuple(place.row for place in here)
        if position := id_positions.get(dataset):  # it may be deleted by now
            query = Query(conditions=(Condition(position, "eq", (pseudonym,)),))
            samples.append(FoundSample(dataset, title, rows[:SHOWN_ROWS], len(rows), query.address))
    return tuple(samples)


def _piece(text: str, query: str) -> str:
    at = text.casefold().find(query.casefold())
    if at < 0:
        return ""
    start, end = max(at - _AROUND, 0), at + len(query) + _AROUND
    return f"{'…' if start else ''}{text[start:end]}{'…' if end < len(text) else ''}"
