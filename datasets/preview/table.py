"""What a file holds, before anything of it is stored: its first rows, and what each column is."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from itertools import chain, islice
from typing import Final, Literal

import numpy as np

from datasets.browse.cut import cut
from datasets.ingest.block import Block
from datasets.ingest.datatypes import DataType, Mask
from datasets.ingest.names import shown
from datasets.ingest.notation import ReadAs, notation_of, stored_type
from datasets.ingest.profile import (
    ColumnProfile,
    TableProfile,
    looks_like_id,
    mostly_repeats,
    profile_table,
    suggest_id_column,
)
from datasets.ingest.read import Evidence

from .cautions import ONE, WORDS, Columns, cautions, codes_held
from .choices import Choices
from .contents import Contents
from .marks import Mark, marks_found
from .offers import Offer, offers
from .sample import Sample
from .sensitive import Finding, findings

ROWS_SHOWN: Final = 20
EXAMPLES: Final = 3
LONGEST_CELL: Final = 200
"""Characters of a cell that are shown."""

Sure = Literal["certain", "likely", "unsure"]
_FEW_CELLS: Final = 10  # from which a type is a guess
_SMALL_NUMBER: Final = 10_000_000  # numbers below are no national ids: eight digits
_LISTED: Final = 20
_MOST_CANDIDATES: Final = 5


@dataclass(frozen=True, kw_only=True)
class PreviewColumn:
    """A column of the file: what it was found to be, and what was chosen for it.

    `data_type` is what was found, `named` what was chosen (None: as found); `why` and `sure` are
    about what was found. `missing_share` is of the rows looked at (0..1), `offers` are the
    notations that every cell fits.
    """

    position: int
    label: str
    data_type: DataType
    named: ReadAs | None
    why: str
    sure: Sure
    examples: tuple[str, ...]
    missing_share: float
    cautions: tuple[str, ...]
    findings: tuple[Finding, ...]
    offers: tuple[Offer, ...]
    is_id: bool
    is_left_out: bool

    @property
    def type_to_be(self) -> DataType:
        """The type it will be stored as, as far as is known."""
        return stored_type(self.named or self.data_type)

    @property
    def notations(self) -> list[Offer]:
        """The notations to choose from: those that its cells fit, and the one that was chosen."""
        chosen = notation_of(self.named or "")
        missed = chosen and all(offer.notation != chosen for offer in self.offers)
        return [*self.offers, *([Offer(chosen, is_sure=False)] if chosen and missed else [])]

    @property
    def sole_offer(self) -> Offer | None:
        """The one notation that its cells speak for, where there is no other."""
        return self.offers[0] if len(self.offers) == 1 and self.offers[0].is_sure else None


@dataclass(frozen=True)
class IdCandidate:
    """A column that may be the id, and in a sentence what speaks for and against it."""

    position: int
    label: str
    why: str


@dataclass(frozen=True, kw_only=True)
class Preview:
    """A file's beginning under some choices.

    `rows` are the first ones, a cell for each column of the file (None: no value), long ones cut;
    `seen` says in words on what it was judged, `is_whole` that this is all of the file. The id is
    the column at `id_position`, or the numbers of the rows (None); `candidates` are the columns
    that may be it, the likeliest first. `notes` are about the file as a whole, `marks` what in
    it may stand for a missing value.
    """

    choices: Choices
    evidence: Evidence
    labels: tuple[str, ...]
    columns: tuple[PreviewColumn, ...]
    rows: tuple[tuple[str | None, ...], ...]
    rows_seen: int
    seen: str
    is_whole: bool
    id_position: int | None
    candidates: tuple[IdCandidate, ...]
    notes: tuple[str, ...]
    marks: tuple[Mark, ...]

    @property
    def flagged(self) -> tuple[int, ...]:
        """The places of the columns that look sensitive, whether they are left out or not."""
        return tuple(column.position for column in self.columns if column.findings)

    @property
    def notations(self) -> tuple[tuple[PreviewColumn, Offer], ...]:
        """The columns that are read as text and of which one notation alone makes values."""
        return tuple(
            (column, column.sole_offer)
            for column in self.columns
            if column.sole_offer and not (column.named or column.is_id or column.is_left_out)
        )

    def reading_notations(self) -> "Preview":
        """Return what is shown when these columns are read so."""
        choices = self.choices
        read = {column.position: offer.notation for column, offer in self.notations}
        for position, notation in read.items():
            choices = choices.with_types([position], notation)
        columns = tuple(
            replace(column, named=read.get(column.position, column.named))
            for column in self.columns
        )
        return replace(self, choices=choices, columns=columns)

    def leaving_out(self, positions: Iterable[int]) -> "Preview":
        """Return what is shown when some more columns are left out."""
        choices = self.choices.with_left_out(positions, leave_out=True)
        columns = tuple(
            replace(column, is_left_out=True)
            if column.position in choices.left_out and not column.is_left_out
            else column
            for column in self.columns
        )
        return replace(self, choices=choices, columns=columns)


def preview(sample: Sample, choices: Choices, *, today: date | None = None) -> Preview:
    """Return what the beginning of a file holds, under choices for its header; none of it is kept.

    The id column is the one chosen, else the one that loading would suggest; the rows are numbered
    where that is asked for, or where nothing was chosen and nothing speaks for that column.
    """
    labels = sample.table.file_header
    held = choices
    profile = profile_table(sample.table, missing=held.missing)
    likely = suggest_id_column(profile)
    if not held.id_position and _is_no_id(profile.columns[likely - 1], profile.rows):
        held = held.with_row_numbers()
    id_position = None if held.number_rows else held.id_position or likely
    if id_position and (held.types.get(id_position) or id_position in held.left_out):
        held = replace(held.with_id(id_position), id_position=held.id_position)
    first = next(sample.table.blocks())
    contents = Contents(first, _looked_through(profile, held), held.missing)
    table = Columns(Counter(labels), profile.rows)
    rows = _rows(first, held.missing)
    columns = tuple(
        _column(
            column,
            held=held,
            is_id=column.position == id_position,
            contents=contents,
            table=table,
            rows=rows,
            sample=sample,
            today=today or datetime.now(UTC).date(),
        )
        for column in profile.columns
    )
    return Preview(
        choices=held,
        evidence=sample.table.evidence,
        labels=labels,
        columns=columns,
        rows=rows,
        rows_seen=profile.rows,
        seen=sample.seen,
        is_whole=sample.is_whole,
        id_position=id_position,
        candidates=tuple(_candidates(profile, likely)),
        notes=tuple(_notes(sample, columns, contents)),
        marks=marks_found(
            sample.table,
            profile.columns,
            contents,
            passed_over={*held.left_out, *([id_position] if id_position else [])},
            named=held.missing,
        ),
    )


def _looked_through(profile: TableProfile, choices: Choices) -> Mask:
    """Flag the columns whose cells are looked at one by one: not the thousands of small numbers."""
    return np.array(
        [
            column.data_type in {"text", "date", "timestamp"}
            or column.position in choices.types
            or bool(codes_held(column))
            or (
                column.data_type == "integer"
                and column.minimum is not None
                and int(column.minimum) >= _SMALL_NUMBER
            )
            for column in profile.columns
        ]
    )


def _column(
    column: ColumnProfile,
    *,
    held: Choices,
    is_id: bool,
    contents: Contents,
    table: Columns,
    rows: Sequence[tuple[str | None, ...]],
    sample: Sample,
    today: date,
) -> PreviewColumn:
    named = held.types.get(column.position)
    found = list(cautions(column, contents, table, named=None if is_id else named))
    if is_id:
        found += _of_id(column, table.rows)
    elif column.distinct == table.rows > 1 and looks_like_id(column, table.rows):
        found.append("It looks like an id too, and would be stored as it is.")
    examples = dict.fromkeys(row[column.position - 1] for row in rows)
    examples.pop(None, None)
    shown_examples = [cell for cell in examples if cell][:EXAMPLES]
    if not shown_examples:
        shown_examples = [value for value, _ in column.top if value][:EXAMPLES]
    filled = table.rows - column.missing
    return PreviewColumn(
        position=column.position,
        label=column.label,
        data_type=column.data_type,
        named=named,
        why=_why(column, filled),
        sure=_sure(filled, sample),
        examples=tuple(shown_examples),
        missing_share=column.missing / table.rows if table.rows else 0.0,
        cautions=tuple(found),
        findings=() if is_id else findings(column, contents, today=today),
        offers=() if is_id else offers(column, contents),
        is_id=is_id,
        is_left_out=column.position in held.left_out,
    )


def _sure(filled: int, sample: Sample) -> Sure:
    if sample.is_whole:
        return "certain"
    return "likely" if filled >= _FEW_CELLS else "unsure"


def _why(column: ColumnProfile, filled: int) -> str:
    """Return what speaks for the type, in a few words; the rows looked at are said above all."""
    if not filled:
        return "no value to tell by"
    if column.data_type == "text":
        return "no other type fits every value"
    if filled == 1:
        return f"the only value is {ONE[column.data_type]}"
    return f"all {filled:,} values are {WORDS[column.data_type]}"


def _of_id(column: ColumnProfile, rows: int) -> Iterable[str]:
    repeated = rows - column.missing - column.distinct
    if column.missing:
        cells = "1 row has" if column.missing == 1 else f"{column.missing:,} rows have"
        yield f"{cells} no id."
    if mostly_repeats(column, rows) and not looks_like_id(column, rows):
        yield f"Most rows repeat one of its values: is it an id? {repeated:,} of {rows:,} do."
    elif repeated:
        again = "1 row repeats" if repeated == 1 else f"{repeated:,} rows repeat"
        yield f"{again} an id seen before, and will get the same pseudonym."


def _is_no_id(column: ColumnProfile, rows: int) -> bool:
    return mostly_repeats(column, rows) and not looks_like_id(column, rows)


def _candidates(profile: TableProfile, likely: int) -> Iterable[IdCandidate]:
    """Yield the columns that may be the id: by name, or as all values are there and differ."""
    rows = profile.rows
    others = (
        column
        for column in profile.columns
        if column.position != likely
        and (
            looks_like_id(column, rows)
            or (column.data_type in {"text", "integer"} and column.distinct == rows > 1)
        )
    )
    first = profile.columns[likely - 1]
    for column in chain([first], islice(others, _MOST_CANDIDATES - 1)):
        if not _is_no_id(column, rows):
            yield IdCandidate(column.position, column.label, _id_why(column, rows))


def _id_why(column: ColumnProfile, rows: int) -> str:
    named = "named like an id" if looks_like_id(column, rows) else "not named like an id"
    if column.distinct == rows and not column.missing:
        return f"{named}; every value differs"
    empty = f", {column.missing:,} empty" if column.missing else ""
    return f"{named}; {column.distinct:,} different values in {rows:,} rows{empty}"


def _rows(block: Block, missing: Sequence[str]) -> tuple[tuple[str | None, ...], ...]:
    """Return the first rows; missing cells, and those that mean it, are None."""
    count = min(block.rows, ROWS_SHOWN)
    cells = block.cells(0, block.width - 1).head(count * block.width)
    texts = [
        None if cell is None or cell in missing else str(cut(cell, LONGEST_CELL))
        for cell in cells.to_list()
    ]
    return tuple(tuple(texts[row * block.width : (row + 1) * block.width]) for row in range(count))


def _notes(sample: Sample, columns: Sequence[PreviewColumn], contents: Contents) -> Iterable[str]:
    bad = sample.bad_rows
    if bad.count:
        listed = ", ".join(f"{number:,}" for number in bad.numbers[:_LISTED])
        more = " and on" if bad.count > _LISTED else ""
        rows = "Row" if bad.count == 1 else "Rows"
        yield (
            f"{rows} {listed}{more} (where row 1 is the first after the header) "
            f"{'has' if bad.count == 1 else 'have'} more or fewer cells than the header's "
            f"{len(columns):,}, and {'is' if bad.count == 1 else 'are'} not shown. The load is "
            "refused for such rows, unless you have them left out."
        )
    labels = [column.label for column in columns]
    if len(labels) > 1 and sum(map(_is_number, labels)) * 2 > len(labels):
        yield (
            "The first line is taken for the names of the columns, but most of them are numbers: "
            "is it a row of data? Then write a line of names before it."
        )
    if len(labels) == 1 and sample.table.evidence.form == "text":
        yield "The file has one column. Should there be more? Name the delimiter."
    if unread := sample.table.evidence.unread:
        names = ", ".join(map(shown, unread[:_LISTED]))
        yield f"Other sheets with cells are not read: {names}."
    found = contents.counts["decimal_comma"] * 2 > np.maximum(contents.filled, 1)
    commas = sum(column.named is None for column in columns if found[column.position - 1])
    if commas:
        rest = "columns hold numbers" if commas > 1 else "column holds numbers"
        yield (
            f"{commas:,} {rest} with a decimal comma: they are stored as text, unless you choose "
            "to have them read as numbers."
        )


def _is_number(label: str) -> bool:
    try:
        float(label)
    except ValueError:
        return False
    return True
