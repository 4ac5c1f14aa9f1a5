import numpy as np
import polars as pl
import pytest

from anonymization.transformations.order import shuffled
from anonymization.transformations.table import (
    MissingValues,
    columns_dropped,
    missing_reviewed,
    rows_suppressed,
)
from fairdb_site.errors import Refused

TABLE = pl.DataFrame({"age": ["1", None, "3"], "sex": ["f", "m", None], "x": [None, "y", "z"]})


def test_missing_values_are_reviewed_by_column() -> None:
    table, kept = missing_reviewed(
        TABLE,
        {
            "age": MissingValues("drop rows"),
            "sex": MissingValues("mark", "unknown"),
            "x": MissingValues("drop column"),
        },
    )

    assert table.to_dict(as_series=False) == {"age": ["1", "3"], "sex": ["f", "unknown"]}
    assert kept.tolist() == [True, False, True]
    left = missing_reviewed(TABLE, {"age": MissingValues()})
    assert left[0].equals(TABLE)


def test_what_leaves_nothing_or_says_nothing_is_refused() -> None:
    for wrong, says in (
        (lambda: columns_dropped(TABLE, ["age", "sex", "x"]), "All columns are dropped"),
        (lambda: columns_dropped(TABLE, ["y"]), "no column 'y'"),
        (lambda: missing_reviewed(TABLE, {"age": MissingValues("mark")}), "is empty"),
        (lambda: missing_reviewed(TABLE, {"age": MissingValues("mark", "3")}), "already"),
        (
            lambda: missing_reviewed(
                TABLE, dict.fromkeys(TABLE.columns, MissingValues("drop rows"))
            ),
            "Every row lacks",
        ),
        (lambda: rows_suppressed(TABLE, np.zeros(3, dtype=bool), ["y"]), "no column 'y'"),
    ):
        with pytest.raises(Refused, match=says):
            wrong()


def test_suppressed_rows_stay_and_say_nothing() -> None:
    found = rows_suppressed(TABLE, np.array([False, True, False]), ["age", "sex"])

    assert found.rows() == [("1", "f", None), ("*", "*", "y"), ("3", None, "z")]
    assert columns_dropped(TABLE, ["x"]).columns == ["age", "sex"]


def test_rows_are_shuffled_by_the_seed_alone() -> None:
    order = shuffled(1000, seed=7)

    assert sorted(order.tolist()) == list(range(1000))
    assert np.array_equal(order, shuffled(1000, seed=7))
    # the same on every machine and with every version of NumPy
    assert shuffled(8, seed=7).tolist() == [5, 0, 1, 3, 2, 6, 7, 4]
    assert not np.array_equal(order, shuffled(1000, seed=8))
    assert not np.array_equal(shuffled(1000), shuffled(1000))
    assert abs(np.corrcoef(order, np.arange(1000))[0, 1]) < 0.2
    assert shuffled(0, seed=1).tolist() == []
