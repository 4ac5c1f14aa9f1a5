"""Rows of a dataset as its owner's pages show them, read with their own token."""

import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from datasets import rpc
from datasets.browse.column_choice import MOST, read_choice
from datasets.browse.cut import MOST_OF_A_CELL, as_cut
from datasets.browse.page import FormRow, RowsPage
from datasets.browse.query import (
    OPERATORS,
    Condition,
    Query,
    Typed,
    read_values,
    rows_borne,
)
from datasets.browse.shown import Cell, Column, Dataset, Row
from datasets.selectors import column_named, column_of
from fairdb_site.errors import Conflict, Refused, Unavailable
from fairdb_site.supabase.clients import Supabase
from fairdb_site.supabase.errors import TooSlow

WORTH_AN_INDEX = 100_000
"""Rows from which on sorting by reading all of them is slow (`index_dataset_column`)."""

TOO_SLOW = (
    "This took longer than a page may and was stopped, so all rows are shown. Use fewer "
    "conditions, or the order of the file."
)

_NUMBERED = re.compile(r"#([1-9][0-9]{0,8})(\s.*)?", re.ASCII | re.DOTALL)


def rows_page(*, supabase: Supabase, dataset: Dataset, query: Query) -> RowsPage:
    """Return the page of rows that a query asks for.

    Raises Refused for a choice, a condition or an order that makes no sense of this dataset, and
    for a place whose row is gone; Unavailable where it takes too long.
    """
    window = read_choice(query.columns, dataset.width)
    positions = _with_filtered(window, query, dataset)
    query = replace(query, rows=rows_borne(query.rows, len(positions)))
    of_query = [condition.position for condition in query.conditions]
    if query.sort is not None:
        of_query.append(query.sort)
    found = {
        column["position"]: column_of(column, dataset.rows)
        for column in rpc.get_columns_at(
            supabase, dataset.id, list(dict.fromkeys([*positions, *of_query]))
        )
    }
    shown = tuple(found[position] for position in positions if position in found)
    if query.sort is not None and not query.place and dataset.rows >= WORTH_AN_INDEX:
        with suppress(Refused, Conflict, Unavailable):  # the page says so itself, or does without
            rpc.index_dataset_column(supabase, dataset.id, query.sort)
    page = rpc.select_dataset_rows(
        supabase,
        dataset.id,
        [column.position for column in shown],
        after=query.after,
        before=query.before,
        last=query.at_end,
        limit=query.rows,
        conditions=[_sent(condition) for condition in query.conditions],
        sort=query.sort,
        descending=query.descending,
        longest=MOST_OF_A_CELL,
    )
    return RowsPage(
        dataset=dataset,
        query=query,
        window=window,
        columns=shown,
        of_query=tuple(found[position] for position in of_query if position in found),
        rows=tuple(_row(values, shown) for values in page["rows"]),
        first=page["first"],
        last=page["last"],
        has_previous=page["has_previous"],
        has_next=page["has_next"],
        matching=page["matching"],
        is_exact=page["exact"],
    )


def _with_filtered(window: Sequence[int], query: Query, dataset: Dataset) -> tuple[int, ...]:
    """Return the columns on show: before those chosen, the others that conditions name."""
    named = dict.fromkeys(condition.position for condition in query.conditions)
    others = [p for p in named if p not in window and p != dataset.id_position]
    return (*others[: MOST - len(window)], *window)


def rows_page_or_plainer(
    *, supabase: Supabase, dataset: Dataset, query: Query
) -> tuple[RowsPage, str]:
    """Return the page that a query asks for, or the nearest that can be shown, and why.

    A place that is gone gives the first page, a choice that is none the first columns, and
    conditions or an order that make no sense, or take too long, all rows.
    """
    reason = ""
    plain = Query(columns=query.columns, rows=query.rows)
    tried = dict.fromkeys((query, query.at(), replace(query.at(), columns=""), plain))
    for plainer in tried:
        try:
            return rows_page(supabase=supabase, dataset=dataset, query=plainer), reason
        except Refused as error:
            reason = reason or error.message
        except TooSlow:
            quick = replace(plain, columns=plainer.columns)
            return rows_page(supabase=supabase, dataset=dataset, query=quick), TOO_SLOW
    return rows_page(supabase=supabase, dataset=dataset, query=Query()), reason


def rows_counted(*, supabase: Supabase, page: RowsPage) -> RowsPage:
    """Return the page with the exact count of the rows that meet its conditions."""
    conditions = [_sent(condition) for condition in page.query.conditions]
    count = rpc.count_dataset_rows(supabase, page.dataset.id, conditions)
    return replace(page, matching=count, is_exact=True)


def conditions_typed(
    *, supabase: Supabase, dataset: Dataset, typed: Sequence[Typed]
) -> tuple[tuple[Condition, ...], tuple[FormRow, ...]]:
    """Return the conditions that a form means, and its rows, each with what is wrong in it."""
    conditions, rows = [], []
    for one in typed:
        if one.is_empty and OPERATORS.get(one.operator, OPERATORS["eq"]).values:
            continue
        error = ""
        try:
            conditions.append(_condition(supabase, dataset, one))
        except ValueError as found:
            error = str(found)
        operator = one.operator if one.operator in OPERATORS else "eq"
        rows.append(FormRow(one.column, operator, one.text, error))
    return tuple(conditions), tuple(rows)


def condition_column(*, supabase: Supabase, dataset: Dataset, name: str) -> int | None:
    """Return the position of the column that a person means: `#3 weight`, a name, or a number."""
    if (numbered := _NUMBERED.fullmatch(name.strip())) and int(numbered[1]) <= dataset.width.total:
        return int(numbered[1])
    if dataset.id_position and name.strip().casefold() == dataset.id_label.strip().casefold():
        return dataset.id_position
    return column_named(supabase=supabase, dataset=dataset, name=name[:2_000])


def _condition(supabase: Supabase, dataset: Dataset, typed: Typed) -> Condition:
    if not typed.column.strip():
        raise ValueError("Name the column that this condition is about.")
    position = condition_column(supabase=supabase, dataset=dataset, name=typed.column)
    if position is None:
        raise ValueError("No column has this in its name.")
    if typed.operator not in OPERATORS:
        raise ValueError("Choose how the column is compared.")
    text = typed.text if OPERATORS[typed.operator].values else ""
    return Condition(position, typed.operator, read_values(typed.operator, text))


def _sent(condition: Condition) -> rpc.Condition:
    return {
        "position": condition.position,
        "operator": condition.operator,
        "values": list(condition.values),
    }


def _row(values: Sequence[Any], columns: Sequence[Column]) -> Row:
    number, pseudonym, *cells = values
    return Row(
        number=number,
        pseudonym=pseudonym,
        cells=tuple(_cell(text, c) for text, c in zip(cells, columns, strict=True)),
    )


def _cell(text: str | None, column: Column) -> Cell:
    if column.data_type == "boolean" and text is not None:
        text = "true" if text == "t" else "false"  # PostgreSQL writes t and f
    kind = "number" if column.is_number else "text"
    if text is None:
        return Cell(None, kind)
    shown = as_cut(text)
    return Cell(shown.beginning, kind, shown.left_out)
