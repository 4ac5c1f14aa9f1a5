"""Transformations of whole tables of text: columns and rows that go or say nothing.

A table is a Polars frame of text columns by their labels, missing cells null.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from anonymization.engine.problem import Bools
from anonymization.hierarchies.hierarchy import WITHHELD
from anonymization.recipes.recipe import Missing
from datasets.ingest.names import shown
from fairdb_site.errors import Refused


@dataclass(frozen=True)
class MissingValues:
    """What is done about the missing values of one column; `mark` is written for `mark`."""

    choice: Missing = "leave"
    mark: str = ""


def columns_dropped(table: pl.DataFrame, columns: Iterable[str]) -> pl.DataFrame:
    """Return a table without some columns; raise Refused for an unknown one, or all of them."""
    dropped = set(columns)
    _require_known(table, dropped)
    if len(dropped) == table.width:
        raise Refused("All columns are dropped. Keep one at least.")
    return table.drop(dropped)


def missing_reviewed(
    table: pl.DataFrame, choices: Mapping[str, MissingValues]
) -> tuple[pl.DataFrame, Bools]:
    """Return (the table with missing values as chosen by column, which of its rows were kept).

    Rows go where a column that is chosen so lacks a value. Raises Refused for an unknown column, a
    mark that is empty or a value already, and where no row or column is left.
    """
    _require_known(table, choices)
    by_choice: dict[str, list[str]] = {}
    for column, chosen in choices.items():
        by_choice.setdefault(chosen.choice, []).append(column)
        if chosen.choice == "mark":
            _check_mark(table[column], chosen.mark)
    needed = by_choice.get("drop rows", [])
    kept = _all_there(table, needed)
    if not kept.any():
        raise Refused(
            "Every row lacks a value in a column whose rows without one are dropped. "
            "Drop or mark one of these columns instead."
        )
    marks = [pl.col(c).fill_null(choices[c].mark) for c in by_choice.get("mark", [])]
    table = table.filter(kept).with_columns(marks)
    dropped = by_choice.get("drop column", [])
    return (columns_dropped(table, dropped) if dropped else table), kept


def rows_suppressed(
    table: pl.DataFrame, rows: Bools, quasi_identifiers: Sequence[str]
) -> pl.DataFrame:
    """Return a table whose chosen rows (a mask) have `*` in every quasi-identifier."""
    _require_known(table, quasi_identifiers)
    mask = pl.Series(rows)
    return table.with_columns(
        pl.when(mask).then(pl.lit(WITHHELD)).otherwise(pl.col(c)).alias(c)
        for c in quasi_identifiers
    )


def _all_there(table: pl.DataFrame, columns: Collection[str]) -> Bools:
    kept: Bools = np.ones(table.height, dtype=np.bool_)
    for column in columns:
        kept &= table[column].is_not_null().to_numpy()
    return kept


def _check_mark(cells: pl.Series, mark: str) -> None:
    if not mark:
        raise Refused(f"The mark for missing values of {shown(cells.name)} is empty.")
    if (cells == mark).any():
        raise Refused(
            f"The mark for missing values of {shown(cells.name)} is a value of the column "
            "already. Choose another one."
        )


def _require_known(table: pl.DataFrame, columns: Iterable[str]) -> None:
    for column in columns:
        if column not in table.columns:
            raise Refused(f"There is no column {shown(column)}.")
