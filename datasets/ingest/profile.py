"""What each column holds, over the whole file: its type, what is missing, counts and extremes."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Final

import numpy as np

from fairdb_site.errors import Refused

from .ahead import ahead
from .block import Block
from .columns import Bundle, bundles, is_wide, without_markers
from .datatypes import DATA_TYPES, DataType, Mask, parsed
from .kinds import Kinds, Typed
from .names import shown
from .read import TableSource
from .summary import Summaries

# Polars and NumPy let other threads run; more than two would only wait for the summaries
_THREADS: Final = 2
_LONGEST_NAME: Final = 500  # characters
_LONGEST_PLACE: Final = 100  # characters of `#3`, with zeros before it


@dataclass(frozen=True)
class Suggestion:
    """`data_type` would fit all cells but `count` that read `marker`."""

    data_type: DataType
    marker: str
    count: int


@dataclass(frozen=True, kw_only=True)
class ColumnType:
    """What storing a column takes: `position` counts from 1.

    `missing` counts cells that hold nothing: NULL, and in a text column the empty string.
    `printed`: every cell reads as PostgreSQL prints its value (quotes apart).
    """

    position: int
    label: str
    data_type: DataType
    missing: int
    printed: bool = True


@dataclass(frozen=True, kw_only=True)
class ColumnProfile(ColumnType):
    """One column: extremes are canonical text; `top` is (value, count).

    `distinct` counts the different values of the cells not missing; it is an estimate unless
    `distinct_exact`. The id column keeps counts only.
    """

    distinct: int
    minimum: str | None = None
    maximum: str | None = None
    mean: float | None = None
    top: tuple[tuple[str, int], ...] = ()
    suggestions: tuple[Suggestion, ...] = ()
    distinct_exact: bool = True


@dataclass(frozen=True)
class TableProfile:
    """All columns in file order, the number of rows, and the markers read as missing.

    `named` are the positions of columns whose type the user named. What storing takes is known at
    once; `columns` waits for `counted`, which may still be at work.
    """

    rows: int
    types: Sequence[ColumnType]
    counted: Callable[[], Sequence[ColumnProfile]] = field(repr=False)
    missing: tuple[str, ...] = ()
    named: tuple[int, ...] = ()

    @cached_property
    def columns(self) -> Sequence[ColumnProfile]:
        """All that was counted of each column."""
        return self.counted()


def profile_table(
    table: TableSource,
    *,
    missing: Iterable[str] = (),
    types: Mapping[int, DataType] | None = None,
    id_position: int | None = None,
) -> TableProfile:
    """Return the profile of every row of `table`.

    `missing` are cells to be read as missing in every column but the id's. `types` gives the type
    of a column by position; a cell that breaks it is Refused with its row and column. The column
    at `id_position` is text and keeps no value. Of a table that is held in memory the last counts
    are made in a thread.
    """
    markers = tuple(dict.fromkeys(missing))
    count = len(table.header)
    groups = _groups(count, types or {}, id_position)
    free = ~np.any([group.columns for group in groups], axis=0) if groups else np.ones(count, bool)
    kinds = Kinds(count)
    summaries = Summaries(count, np.array([] if id_position is None else [id_position - 1]))
    typing = _Typing(free, kinds, markers, groups, table.header)
    for typed in ahead(typing.typed(table.blocks()), depth=2):
        summaries.add(typed)
    data_types = [kinds.data_type(column) for column in range(count)]
    for group in groups:
        for column in np.flatnonzero(group.columns).tolist():
            data_types[column] = group.data_type
    if summaries.given_up.any():
        _count_again(table, summaries, data_types, markers)
    found = _types(table.header, data_types, summaries)
    named = tuple(sorted(types or {}))
    counted = _counted(partial(_columns, found, kinds, summaries), in_thread=table.is_held)
    return TableProfile(table.rows_read, found, counted, markers, named)


def column_position(header: Sequence[str], name: str, *, option: str = "id_column") -> int:
    """Return the position (from 1) of the column that a user named by label, or as `#3`.

    `option` is where they named it, for the refusal of a name that no column has.
    """
    places = [place for place, label in enumerate(header, 1) if label == name]
    if len(places) == 1:
        return places[0]
    if not places and name.startswith("#") and name[1:].isdecimal() and len(name) < _LONGEST_PLACE:
        position = int(name[1:])
        if 1 <= position <= len(header):
            return position
    if places:
        raise Refused(
            f"{len(places)} columns are named {shown(name)}; name one by its place, for example "
            f"#{places[0]}.",
            option=option,
        )
    raise Refused(
        f"There is no column {shown(name)} in the header. Write a name as the header has it, or "
        "a place, such as #1.",
        option=option,
    )


def column_name(header: Sequence[str], position: int, times: Mapping[str, int]) -> str:
    """Return what names the column at `position`: its label where that will do, else its place.

    `times` says how often a label is there. One will do that no other column has, and that a form
    sends back as it is: browsers and Django trim and mend text. A place is `#3`, or `#03` where a
    column is labelled `#3`.
    """
    label = header[position - 1]
    comes_back = label.isprintable() and label == label.strip() and 0 < len(label) <= _LONGEST_NAME
    if comes_back and times[label] == 1:
        return label
    place = f"{position}"
    while f"#{place}" in times:
        place = f"0{place}"
    return f"#{place}"


def looks_like_id(column: ColumnProfile, rows: int) -> bool:
    """Return whether a column's name speaks for it: one that says whose rows these are, however
    often its values come again (visits), or one as ids have, with values that mostly differ.
    """
    name = _plain_name(column.label)
    mostly_differ = not rows or column.distinct * 2 > rows
    return name in _ID_NAMES or (name.endswith(_ID_ENDING) and mostly_differ)


def mostly_repeats(column: ColumnProfile, rows: int) -> bool:
    """Return whether more than half of the rows repeat a value of the column: ages, not ids."""
    return rows - column.missing - column.distinct > rows * _REPEATED_SHARE


def suggest_id_column(profile: TableProfile) -> int:
    """Return the position that looks most like the id column; the first where none does.

    Counted are names people give ids, and values that are all there and all different; a name that
    says whose rows these are counts where its values come again (visits), too.
    """
    named = [
        place
        for place, column in enumerate(profile.types)
        if (name := _plain_name(column.label)) in _ID_NAMES or name.endswith(_ID_ENDING)
    ]
    if not any(named):  # none but the first: without a wait for what is counted
        return 1
    best, best_score = 1, 0
    for place in sorted({0, *named}):
        column = profile.columns[place]
        unique = column.distinct == profile.rows and not column.missing
        says_something = unique or column.distinct > 1
        is_named = says_something and looks_like_id(column, profile.rows)
        score = is_named * (2 + 4 * unique) + (unique and column.position == 1)
        if score > best_score:
            best, best_score = column.position, score
    return best


def _plain_name(label: str) -> str:
    return re.sub(r"\W", "_", label.lower()).strip("_")


_REPEATED_SHARE: Final = 0.5  # of the rows; visits of one person repeat an id, ages far more
_ID_ENDING: Final = "_id"
_ID_NAMES: Final = frozenset(
    """id ids sample sampleid sample_id sample_name patient patientid patient_id subject subjectid
    subject_id participant participant_id person person_id individual individual_id case_id
    record_id recordid pid pidnum uid uuid identifier key mrn barcode accession""".split()
)


@dataclass(frozen=True, eq=False)
class _Group:
    """Columns (a flag each) whose type is given: named by the user, or the id's."""

    data_type: DataType
    columns: Mask
    is_id: bool = False


def _groups(count: int, types: Mapping[int, DataType], id_position: int | None) -> list[_Group]:
    groups = []
    for data_type in DATA_TYPES:
        columns = np.zeros(count, dtype=bool)
        columns[[p - 1 for p, t in types.items() if t == data_type and p != id_position]] = True
        if columns.any():
            groups.append(_Group(data_type, columns))
    if id_position is not None:
        groups.append(_Group("text", np.arange(count) == id_position - 1, is_id=True))
    return groups


@dataclass(frozen=True, eq=False)
class _Typing:
    """Types the cells of every column, a step ahead of whoever counts them.

    `free` flags the columns whose type is to be found; `groups` are the others.
    """

    free: Mask
    kinds: Kinds
    markers: Sequence[str]
    groups: Sequence[_Group]
    header: Sequence[str]

    def typed(self, blocks: Iterable[Block]) -> Iterator[Typed]:
        """Yield the cells of all columns by type."""
        with ThreadPoolExecutor(_THREADS) as threads:
            for block, found in ahead(map(self._parsed, blocks), depth=1):
                if found is not None:
                    yield from self._of_bundles(found)
                else:
                    yield from self._of_columns(block, threads)
                yield from self._of_groups(block)

    def _parsed(self, block: Block) -> tuple[Block, list[Bundle] | None]:
        if is_wide(block):
            return block, list(bundles(block, self.free))
        block.frame  # noqa: B018  parsed once, before the threads ask for it
        return block, None

    def _of_columns(self, block: Block, threads: Executor) -> Iterator[Typed]:
        columns = np.arange(block.width)
        single = [columns == column for column in np.flatnonzero(self.free)]
        for found in threads.map(
            lambda flags: list(self._of_bundles(bundles(block, flags))), single
        ):
            yield from found

    def _of_bundles(self, found: Iterable[Bundle]) -> Iterator[Typed]:
        for bundle in found:
            yield from self.kinds.take(without_markers(bundle, self.markers))

    def _of_groups(self, block: Block) -> Iterator[Typed]:
        for group in self.groups:
            own_markers = () if group.is_id else self.markers
            for bundle in bundles(block, group.columns):
                cells = without_markers(bundle, own_markers)
                yield _as_named(block, cells, group.data_type, self.header)


def _as_named(
    block: Block, bundle: Bundle, data_type: DataType, header: Sequence[str], *, loose: bool = True
) -> Typed:
    """Return the cells as the type that was named for them; Refused where one is none."""
    if data_type == "text":
        return Typed("text", bundle)
    found = parsed(bundle.cells, data_type, loose=loose)
    broken = ~found.fits & bundle.cells.is_not_null().to_numpy()
    if broken.any():
        row, place = divmod(int(broken.argmax()), len(bundle.columns))
        number = block.row_number(bundle.first_row + row)
        raise Refused(
            f"Row {number:,} (where row 1 is the first after the header) of column "
            f"{shown(header[bundle.columns[place]])} is not of type {data_type}. Name "
            "another type for the column (text takes any cell) or none, mend the cell, or say that "
            "what it holds means missing.",
            option="types",
        )
    return Typed(data_type, bundle, found.fits, found.values, found.printed)


def _count_again(
    table: TableSource, summaries: Summaries, data_types: Sequence[DataType], markers: Sequence[str]
) -> None:
    """Count the columns whose type changed on the way, now that their type is known."""
    wanted = summaries.given_up.copy()
    summaries.restart()
    kinds = np.array(data_types)
    for block in ahead(table.blocks(), depth=1):
        for data_type in DATA_TYPES:
            for bundle in bundles(block, wanted & (kinds == data_type)):
                cells = without_markers(bundle, markers)
                summaries.add(_as_named(block, cells, data_type, table.header, loose=False))


def _counted(
    work: Callable[[], Sequence[ColumnProfile]], *, in_thread: bool
) -> Callable[[], Sequence[ColumnProfile]]:
    """Return what gives the outcome of `work`, done in a thread or now.

    Now is for large tables: what their summaries take goes before anything else takes memory.
    """
    if in_thread:
        thread = ThreadPoolExecutor(1)
        outcome = thread.submit(work)
        thread.shutdown(wait=False)
        return outcome.result
    columns = work()
    return lambda: columns


def _types(
    header: Sequence[str], data_types: Sequence[DataType], summaries: Summaries
) -> tuple[ColumnType, ...]:
    missing, respelled = summaries.missing.tolist(), summaries.respelled.tolist()
    return tuple(
        ColumnType(
            position=column + 1,
            label=label,
            data_type=data_types[column],
            missing=missing[column],
            printed=not respelled[column],
        )
        for column, label in enumerate(header)
    )


def _columns(
    types: Sequence[ColumnType], kinds: Kinds, summaries: Summaries
) -> tuple[ColumnProfile, ...]:
    distinct, exact = summaries.distinct()
    top, extremes, means = summaries.top(), summaries.extremes(), summaries.means()
    out = []
    for column, found in enumerate(types):
        minimum, maximum = extremes[column]
        out.append(
            ColumnProfile(
                position=found.position,
                label=found.label,
                data_type=found.data_type,
                missing=found.missing,
                printed=found.printed,
                distinct=int(distinct[column]),
                minimum=minimum,
                maximum=maximum,
                mean=means[column],
                top=top.get(column, ()),
                suggestions=_suggestions(kinds, column),
                distinct_exact=bool(exact[column]),
            )
        )
    return tuple(out)


def _suggestions(kinds: Kinds, column: int) -> tuple[Suggestion, ...]:
    found = kinds.suggestion(column)
    if found is None:
        return ()
    data_type, markers = found
    return tuple(Suggestion(data_type, marker, count) for marker, count in markers.items())
