"""What cannot be measured is refused in a plain sentence; what is odd is measured and said."""

from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairdb_site.errors import Refused
from privacy.measures import matching
from privacy.measures.coding import coded, coded_series
from privacy.measures.report import measure
from privacy.measures.verdict import Thresholds
from privacy.tests.measures.tables import random_codes

AGE = np.array([0, 0, 1, 1, -1])
SEX = np.array([0, 1, 0, 1, 1])
NOTHING = np.full(5, -1)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"quasi_identifiers": {}}, "Choose one quasi-identifier at least."),
        ({"sensitive": {"age": AGE}}, "quasi-identifier or sensitive, not both: age."),
        ({"ordered": ["income"]}, "No sensitive column is called income."),
        ({"missing": "guess"}, "counted as own, any or drop."),
        ({"sensitive": {"dx": AGE[:4]}}, "same number of rows; dx has another."),
        ({"persons": AGE[:4]}, "same number of rows; the persons has another."),
        ({"quasi_identifiers": {"x": AGE / 2}}, "whole numbers from 0, or -1 for missing; x"),
        ({"quasi_identifiers": {"x": AGE - 1}}, "whole numbers from 0, or -1 for missing; x"),
        ({"quasi_identifiers": {"x": AGE[:0]}, "sensitive": {}}, "no rows to measure"),
        ({"quasi_identifiers": {"x": NOTHING}, "missing": "drop"}, "leaving such rows out"),
        ({"population": 4}, "at least the table's 5 rows"),
        ({"population": {"sex": SEX}}, "lacks quasi-identifiers: age."),
        ({"population": {"age": AGE[:0]}}, "population table has no rows"),
    ],
)
def test_refused(given: dict[str, Any], said: str) -> None:
    asked: dict[str, Any] = {"quasi_identifiers": {"age": AGE}, "sensitive": {"dx": SEX}, **given}
    with pytest.raises(Refused) as refused:
        measure(asked.pop("quasi_identifiers"), asked.pop("sensitive"), **asked)
    assert said in str(refused.value)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"k": 0}, "k is a whole number of 1"),
        ({"k": 2.5}, "k is a whole number of 1"),
        ({"l": -1}, "l is a whole number of 1"),
        ({"t": 1.01}, "t is a number from 0 to 1"),
        ({"t": float("nan")}, "t is a number from 0 to 1"),
        ({"risk": 0}, "risk is a number above 0"),
        ({"risk": 2}, "risk is a number above 0"),
    ],
)
def test_thresholds_out_of_range(given: dict[str, Any], said: str) -> None:
    with pytest.raises(Refused, match=said):
        Thresholds(**given)


def test_odd_tables_are_measured_and_said_to_be_odd() -> None:
    single = measure({"age": AGE[:1]}, {"dx": SEX[:1]})
    assert single.remarks == ("The table has a single row, which nothing can hide.",)
    assert (single.classes.k, single.p29, single.p29_v2) == (1, 0.0, 0.0)

    unique = measure({"id": np.arange(5)}, {"dx": SEX})
    assert unique.remarks[0].startswith("Every row is unique")
    assert unique.flat()["uniques"] == 5

    dull = measure({"site": np.zeros(5, int), "age": NOTHING}, {"dx": np.zeros(5, int)})
    assert dull.remarks == (
        "site has the same value in every row.",
        "Every value of age is missing.",
        "dx has the same value in every row.",
    )
    figures = dull.flat()
    assert (figures["k"], figures["p29"], figures["p29_v2"]) == (5, 0.0, 0.0)
    assert figures["normalized_entropy"] == {"dx": 0.0}
    assert figures["l_recursive_c"] == {"dx": None}
    numbers = measure({"site": SEX}, {"dose": NOTHING}, ordered=["dose"])
    assert numbers.flat()["t"] == {"dose": 0.0}

    bare = measure({"age": AGE}, missing="drop")
    assert bare.remarks == (
        "Rows left out for a missing quasi-identifier: 1.",
        "No column is sensitive, so what classes give away was not measured.",
    )
    assert (bare.p29, bare.p29_v2, bare.overall, bare.flat()["t"]) == (None, None, None, {})


def test_sixty_quasi_identifiers() -> None:
    rng = np.random.default_rng(3)
    once = {f"q{i}": random_codes(rng, 200, 1_000) for i in range(60)}
    twice = {name: np.repeat(column, 2) for name, column in once.items()}
    report = measure(twice, {"dx": np.arange(400) % 2})
    assert (report.classes.count, report.classes.k) == (200, 2)
    assert report.flat()["l_distinct"] == {"dx": 2}
    assert measure(once).classes.uniques == 200


def test_too_many_matches_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(5)
    columns = {name: random_codes(rng, 400, 12) - 1 for name in "abcdef"}
    sensitive = {"dx": random_codes(rng, 400, 5)}
    assert measure(columns, sensitive, missing="any").classes.k > 0
    limits = (
        {"MOST_PAIRS": 100},
        {"MOST_PAIRS": 100, "_COMPARED": 1e5, "_MOST_WORK": 1e300},  # the other way to them
        {"_MOST_WORK": 1.0},
    )
    for limit in limits:
        with monkeypatch.context() as patch:
            for name, value in limit.items():
                patch.setattr(matching, name, value)
            with pytest.raises(Refused, match="Too many rows match each other"):
                measure(columns, sensitive, missing="any")


def test_thresholds_are_checked_by_the_worse_figure() -> None:
    visits = np.array([0, 0, 0, 0, 0, 1, 1, 1, 1, 1])
    report = measure(
        {"site": visits},
        {"dx": np.array([0, 1, 0, 1, 0, 1, 0, 1, 0, 1])},
        persons=np.array([7, 7, 7, 7, 7, 1, 2, 3, 4, 5]),
    )
    checks = {check.measure: check for check in report.checks()}
    assert (checks["k"].found, checks["k"].over, checks["k"].held) == (1, "persons", False)
    assert (checks["risk"].found, checks["risk"].over) == (1.0, "persons")
    assert (checks["l"].found, checks["l"].held, checks["l"].column) == (2, True, "dx")
    assert checks["t"].found == pytest.approx(0.1)
    assert not report.held
    assert (report.classes.k, report.p29_v2) == (5, 0.0)  # the score goes by persons too
    assert measure({"site": visits}, {"dx": np.arange(10) % 5}).held


cells = st.one_of(st.none(), st.integers(-3, 3), st.sampled_from([0.5, 2.0, float("nan")]))


@given(st.lists(cells, max_size=20), st.lists(st.one_of(st.none(), st.text("aB9", max_size=2))))
def test_values_become_codes_in_their_order(numbers: list[Any], words: list[Any]) -> None:
    known = [n for n in numbers if n is not None and n == n]  # noqa: PLR0124  (NaN)
    places = {value: place for place, value in enumerate(sorted(set(known)))}
    expected = [-1 if n is None or n != n else places[n] for n in numbers]  # noqa: PLR0124
    as_floats = np.array([np.nan if n is None else n for n in numbers], dtype=float)
    assert coded(as_floats).codes.tolist() == coded(numbers).codes.tolist() == expected
    series = coded_series(pl.Series(numbers, dtype=pl.Float64, strict=False))
    assert (series.codes.tolist(), series.many) == (expected, len(places))
    whole = [None if n is None or n != n else int(n) for n in numbers]  # noqa: PLR0124
    assert coded_series(pl.Series(whole, dtype=pl.Int64)).codes.tolist() == (
        coded(whole).codes.tolist()
    )
    assert coded_series(pl.Series(words, dtype=pl.String)).codes.tolist() == (
        coded(words).codes.tolist()
    )
    assert not coded(words).numeric


def test_kinds_of_columns() -> None:
    from datetime import date

    days = pl.Series([date(2024, 5, 1), None, date(1950, 1, 1), date(2024, 5, 1)])
    assert coded_series(days).codes.tolist() == [1, -1, 0, 1]
    assert coded_series(days).numeric
    far = pl.Series([10**12, None, -(10**12), 5])
    assert coded_series(far).codes.tolist() == [2, -1, 0, 1]
    flags = coded_series(pl.Series([True, None, False]))
    assert (flags.codes.tolist(), flags.numeric) == ([1, -1, 0], False)
    mixed = coded([1, "1", None, True, 2.5])
    assert (mixed.codes.tolist(), mixed.numeric) == ([0, 0, -1, 2, 1], False)
    assert coded_series(pl.Series([None, None], dtype=pl.String)).many == 0
