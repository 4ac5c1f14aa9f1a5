"""Reading one row to correct it, storing what was corrected, telling and undoing it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from uuid import UUID

from django.utils.dateparse import parse_datetime

from datasets import rpc, selectors
from datasets.browse.cut import MOST_OF_A_CHANGE, as_cut
from datasets.browse.shown import Column, Dataset
from datasets.correcting.recount import recount_after
from datasets.correcting.shown import CellShown, ChangeShown, Field, RowShown
from datasets.correcting.values import as_stored, as_typed, is_same, mark_of
from datasets.templatetags.fairdb import times
from fairdb_site.errors import Conflict, NotFound, Refused
from fairdb_site.supabase.clients import Supabase

COLUMNS_A_PAGE = 100
CHANGES_A_PAGE = 50
LONGEST = 1_000_000
"""Characters that may be typed for one cell."""


@dataclass(frozen=True)
class Typed:
    """What somebody typed for a cell, and the mark of the value that they saw."""

    text: str
    seen: str


@dataclass(frozen=True)
class Correction:
    """What came of a correction: the change (None: nothing was to be changed), or what to mend.

    `errors` are sentences by position, `overtaken` the positions of cells that somebody else
    changed since they were seen; where either is there, nothing was stored.
    """

    change: UUID | None
    errors: Mapping[int, str]
    overtaken: frozenset[int]

    @property
    def is_stored(self) -> bool:
        """Whether all is as the person wants it."""
        return not self.errors and not self.overtaken


def row_get(
    *, supabase: Supabase, dataset: Dataset, row: int, search: str = "", after: int = 0
) -> RowShown:
    """Return up to 100 columns of a row, of those whose label contains the search.

    A row that was deleted has no fields and no pseudonym. Raises NotFound where there never was
    one.
    """
    page = selectors.columns_page(
        supabase=supabase, dataset=dataset, search=search, after=after, limit=COLUMNS_A_PAGE
    )
    columns = [column for column in page.columns if not column.is_id]
    stored = _values(supabase, dataset, row, columns)
    beside = _beside(supabase, dataset, row)
    if stored is None:
        if not rpc.get_changes(supabase, dataset.id, row_id=row, limit=1):
            raise NotFound("This dataset has no row of this number.")
        return RowShown(row, None, (), 0, 0, None, *beside)
    pseudonym, values = stored
    fields = tuple(
        Field(column, value, as_typed(value, column.data_type))
        for column, value in zip(columns, values, strict=True)
    )
    return RowShown(row, pseudonym, fields, page.matching, after, page.next_after, *beside)


def cell_get(*, supabase: Supabase, dataset: Dataset, row: int, position: int) -> Field:
    """Return one cell. Raises NotFound where there is no such row or column, or it is the id's."""
    columns = selectors.columns_at(supabase=supabase, dataset=dataset, positions=(position,))
    if not columns or columns[0].is_id:
        raise NotFound("This dataset has no such column to correct.")
    stored = _values(supabase, dataset, row, columns)
    if stored is None:
        raise NotFound("This row is not there any more. Its history says who deleted it.")
    value = stored[1][0]
    return Field(columns[0], value, as_typed(value, columns[0].data_type))


def row_correct(
    *, supabase: Supabase, dataset: Dataset, row: int, typed: Mapping[int, Typed]
) -> Correction:
    """Store the cells of a row that were typed otherwise than they are: all of them, or none.

    Where a cell is not as it was seen any more, nothing is stored and it is told.
    """
    columns = selectors.columns_at(supabase=supabase, dataset=dataset, positions=tuple(typed))
    if len(columns) != len(typed) or any(column.is_id for column in columns):
        raise NotFound("This dataset has no such column to correct.")
    errors = {
        column.position: wrong
        for column in columns
        if (wrong := _what_is_wrong(typed[column.position].text))
    }
    stored = _values(supabase, dataset, row, columns)
    if stored is None:
        raise Conflict("This row was deleted meanwhile. Nothing was stored.")
    updates: dict[int, rpc.Value] = {}
    expected: dict[int, rpc.Value] = {}
    overtaken = set()
    for column, value in zip(columns, stored[1], strict=True):
        new = typed[column.position]
        if is_same(new.text, value, column.data_type):
            continue
        if mark_of(value) != new.seen:
            overtaken.add(column.position)
        updates[column.position] = as_stored(new.text)
        expected[column.position] = value
    if errors or overtaken or not updates:
        return Correction(None, errors, frozenset(overtaken))
    try:
        made = rpc.update_dataset_row(supabase, dataset.id, row, updates, expected=expected)
    except Conflict:  # between the reading above and now
        return Correction(None, {}, frozenset(updates))
    except Refused as error:
        at_fault = [c.position for c in columns if f'"{c.label}"' in error.message]
        return Correction(None, {at_fault[0] if at_fault else 0: error.message}, frozenset())
    recount_after(dataset.id)
    return Correction(UUID(made["change"]) if made["change"] else None, {}, frozenset())


def with_typed(
    field: Field, typed: Mapping[int, Typed], errors: Mapping[int, str], overtaken: frozenset[int]
) -> Field:
    """Return a field with what the person typed for it and what is wrong with that."""
    position = field.column.position
    if position not in typed:
        return field
    return replace(
        field,
        typed=typed[position].text,
        error=errors.get(position, ""),
        is_overtaken=position in overtaken,
    )


def rows_delete(*, supabase: Supabase, dataset: Dataset, rows: list[int]) -> rpc.RowsCorrected:
    """Delete rows, at most 500 at once; undoing the change brings them back."""
    gone = rpc.delete_dataset_rows(supabase, dataset.id, rows)
    recount_after(dataset.id)
    return gone


def change_undo(*, supabase: Supabase, dataset: Dataset, change: UUID) -> rpc.RowsCorrected:
    """Put back what a change found. Raises Conflict where a later change touched it."""
    undone = rpc.undo_change(supabase, change)
    recount_after(dataset.id)
    return undone


def history(
    *,
    supabase: Supabase,
    dataset: Dataset,
    reader: UUID,
    row: int | None = None,
    before: int | None = None,
) -> tuple[tuple[ChangeShown, ...], int | None]:
    """Return a page of changes, newest first, and after which number the next goes on."""
    found = rpc.get_changes(
        supabase,
        dataset.id,
        row_id=row,
        before=before,
        limit=CHANGES_A_PAGE + 1,
        longest=MOST_OF_A_CHANGE,
    )
    shown = found[:CHANGES_A_PAGE]
    more = shown[-1]["number"] if len(found) > CHANGES_A_PAGE else None
    return tuple(_change(change, reader) for change in shown), more


def _change(change: rpc.Change, reader: UUID) -> ChangeShown:
    account = change["account"]
    who = "You" if account == str(reader) else account or "An operator, by a command"
    what = times(change["cells"], "cell") + " corrected"
    if change["kind"] != "edited":
        what = f"{times(change['rows'], 'row')} {change['kind']}"
    cells = tuple(
        CellShown(
            cell["row"],
            cell["position"],
            cell["label"],
            _as_shown(cell["old"]),
            _as_shown(cell["new"]),
        )
        for cell in change["shown"]
    )
    return ChangeShown(
        id=UUID(change["change"]),
        number=change["number"],
        at=parse_datetime(change["at"]),
        who=who,
        what=f"Undone: {what}" if change["undoes"] else what,
        is_undone=change["undone"],
        cells=cells,
        more=max(change["cells"] - len(cells), 0) if change["kind"] == "edited" else 0,
        rows=tuple(change["first_rows"]),
        more_rows=change["rows"] - len(change["first_rows"]),
    )


def _as_shown(value: str | None) -> str | None:
    return None if value is None else str(as_cut(value, MOST_OF_A_CHANGE))


def _what_is_wrong(text: str) -> str:
    if len(text) > LONGEST:
        return f"A cell takes at most {LONGEST:,} characters."
    if "\0" in text or any("\ud800" <= letter <= "\udfff" for letter in text):
        return "It holds a character that cannot be stored."
    return ""


def _values(
    supabase: Supabase, dataset: Dataset, row: int, columns: "list[Column] | tuple[Column, ...]"
) -> tuple[str, list[str | None]] | None:
    """Return a row's pseudonym and values; None where it is not there."""
    page = rpc.select_dataset_rows(
        supabase, dataset.id, [column.position for column in columns], after=row - 1, limit=1
    )
    for number, pseudonym, *values in page["rows"]:
        if number == row:
            return pseudonym, values
    return None


def _beside(supabase: Supabase, dataset: Dataset, row: int) -> tuple[int | None, int | None]:
    """Return the numbers of the rows before and after one."""
    before = rpc.select_dataset_rows(supabase, dataset.id, [], before=row, limit=1)
    after = rpc.select_dataset_rows(supabase, dataset.id, [], after=row, limit=1)
    return before["first"], after["first"]
