"""What a person chose about a file before it is loaded.

A choice about columns is one about places, so it holds for one header alone: `header` is a digest
of the labels it was made for. It is kept as a load is given it, as `datasets.loading.asked.Asked`:
ten thousand columns left out are a few runs such as `#2-10000`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from datasets.ingest.choosing import Labels
from datasets.ingest.notation import ReadAs


@dataclass(frozen=True)
class Choices:
    """How a file is to be read, and what becomes of its columns (places in the file, from 1).

    None and empty mean: as it is found. `types` holds only what the person named.
    """

    delimiter: str | None = None
    encoding: str | None = None
    sheet: str | None = None
    skip_bad_rows: bool = False
    missing: tuple[str, ...] = ()
    id_position: int | None = None
    number_rows: bool = False
    types: Mapping[int, ReadAs] = field(default_factory=dict)
    left_out: frozenset[int] = frozenset()
    header: str = ""

    def with_id(self, position: int | None) -> "Choices":
        """Return the choices with another id column: it is kept, and has no type."""
        number_rows = self.number_rows and position is None
        types = {place: name for place, name in self.types.items() if place != position}
        left_out = self.left_out - {position} if position else self.left_out
        return replace(
            self, id_position=position, types=types, left_out=left_out, number_rows=number_rows
        )

    def with_row_numbers(self) -> "Choices":
        """Return the choices with no column as the id: the rows are numbered."""
        return replace(self, id_position=None, number_rows=True)

    def with_types(self, positions: Iterable[int], data_type: ReadAs | None) -> "Choices":
        """Return the choices with a type for some columns, or with the one that is found."""
        places = set(positions) - {self.id_position}
        types = {place: name for place, name in self.types.items() if place not in places}
        if data_type is not None:
            types |= dict.fromkeys(sorted(places), data_type)
        return replace(self, types=types)

    def with_left_out(self, positions: Iterable[int], *, leave_out: bool) -> "Choices":
        """Return the choices with some columns left out, or taken again; never the id column."""
        places = frozenset(positions) - {self.id_position}
        left_out = self.left_out | places if leave_out else self.left_out - places
        return replace(self, left_out=frozenset(place for place in left_out if place is not None))

    def as_arguments(self, labels: Sequence[str]) -> dict[str, Any]:
        """Return the keyword arguments of `dataset_import` for a file with these labels.

        Columns are named by their places, in runs where they are neighbours.
        """
        names = Labels(labels)
        types = {
            text: data_type
            for data_type, places in self._places_by_type().items()
            for text in names.names_of(places)
        }
        return {
            "delimiter": self.delimiter,
            "encoding": self.encoding,
            "sheet": self.sheet,
            "skip_bad_rows": self.skip_bad_rows,
            "missing": self.missing,
            "id_column": names.names_of([self.id_position])[0] if self.id_position else None,
            "number_rows": self.number_rows,
            "types": types,
            "leave_out": tuple(names.names_of(self.left_out)),
        }

    def _places_by_type(self) -> dict[ReadAs, list[int]]:
        found: dict[ReadAs, list[int]] = {}
        for place in sorted(self.types):
            found.setdefault(self.types[place], []).append(place)
        return found
