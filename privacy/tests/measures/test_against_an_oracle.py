"""Every figure of a report equals what its definition gives, computed row beside row."""

from typing import Any, Literal

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from privacy.measures import tally
from privacy.measures.coding import coded
from privacy.measures.inputs import MissingPolicy
from privacy.measures.report import Report, measure
from privacy.measures.verdict import Thresholds
from privacy.tests.measures.oracle import ONE
from privacy.tests.measures.tables import Small, small_tables

RISK = 0.3
policies = st.sampled_from(["own", "any", "drop"])
Policy = Literal["own", "any", "drop"]


def measured(table: Small, policy: MissingPolicy, **given_too: Any) -> Report:
    quasi, sensitive = table.codes()
    limits = Thresholds(risk=RISK)
    return measure(
        quasi, sensitive, ordered=["number"], missing=policy, thresholds=limits, **given_too
    )


@given(small_tables(), policies)
def test_rows_and_their_risk(table: Small, policy: Policy) -> None:
    oracle = table.oracle(policy)
    assume(oracle.rows)
    report = measured(table, policy)
    figures = report.flat()
    assert figures["rows"] == oracle.rows
    assert figures["rows_left_out"] == len(table.rows) - oracle.rows
    assert report.kept.tolist() == oracle.kept
    assert figures["classes"] == len(oracle.firsts)
    assert figures["k"] == figures["k_persons"] == min(oracle.sizes)
    assert figures["uniques"] == oracle.sizes.count(1)
    risks = oracle.risks()
    assert report.row_risks.tolist() == pytest.approx([float(risk) for risk in risks])
    assert figures["prosecutor_max"] == figures["journalist_max"] == float(max(risks))
    average = float(sum(risks)) / len(risks)
    assert figures["prosecutor_average"] == pytest.approx(average)
    assert figures["marketer"] == pytest.approx(average)
    assert figures["prosecutor_above"] == sum(risk > RISK for risk in risks)
    worst, risk = report.rows_at_risk(1)[0]
    assert (risk, worst in oracle.kept) == (float(max(risks)), True)


@given(small_tables(), policies)
def test_persons_and_their_risk(table: Small, policy: Policy) -> None:
    oracle = table.oracle(policy, persons=True)
    assume(oracle.rows)
    report = measured(table, policy, persons=table.person_codes())
    assert report.persons is not None
    assert report.prosecutor_of_persons is not None
    risks = oracle.person_risks()
    assert report.k_persons == min(oracle.person_counts())
    assert report.persons.uniques == risks.count(ONE)
    assert report.prosecutor_of_persons.highest == float(max(risks))
    assert report.prosecutor_of_persons.average == pytest.approx(float(sum(risks)) / len(risks))
    assert report.prosecutor_of_persons.above == sum(risk > RISK for risk in risks)
    k = next(check for check in report.checks() if check.measure == "k")
    assert k.found == min(report.classes.k, report.k_persons)
    assert k.over == ("persons" if report.k_persons < report.classes.k else "rows")


@given(small_tables(), small_tables(), policies)
def test_the_journalist_and_a_population(table: Small, more: Small, policy: Policy) -> None:
    oracle = table.oracle(policy)
    assume(oracle.rows)
    names = list(table.quasi)
    lacking = [None] * len(more.rows)
    together = {n: table.quasi[n] + more.quasi.get(n, lacking) for n in names}
    population = list(zip(*together.values(), strict=True))
    codes = {name: coded(column).codes for name, column in together.items()}
    sample = {name: column[: len(table.rows)] for name, column in codes.items()}
    report = measure(sample, missing=policy, population=codes)
    risks = oracle.risks(population)
    assert report.journalist.highest == float(max(risks))
    assert report.journalist.average == pytest.approx(float(sum(risks)) / len(risks))

    of_size = measure(sample, missing=policy, population=10 * oracle.rows).journalist
    assert of_size.highest == pytest.approx(0.1 / min(oracle.sizes))


@given(small_tables(), policies)
def test_models_of_sensitive_columns(table: Small, policy: Policy) -> None:
    oracle = table.oracle(policy)
    assume(oracle.rows)
    report = measured(table, policy)
    for name, found in report.columns.items():
        distances = oracle.equal_distances(name)
        if name == "number":
            distances = oracle.ordered_distances(name)
        assert found.alpha == pytest.approx(float(oracle.alpha(name)))
        assert found.l_distinct == oracle.l_distinct(name)
        exact = np.exp(min(oracle.entropies(name)))
        assert found.l_entropy_exact == pytest.approx(exact)
        assert found.l_entropy == oracle.l_entropy(name)
        assert found.l_recursive_c == oracle.recursive_c(name, found.l_distinct)
        normalized = oracle.normalized(name)
        assert found.normalized_entropy == pytest.approx(min(normalized), abs=1e-12)
        assert found.normalized_entropy_mean == pytest.approx(np.mean(normalized), abs=1e-12)
        assert found.beta == pytest.approx(float(oracle.beta(name)), abs=1e-12)
        assert found.beta_enhanced == pytest.approx(oracle.beta_enhanced(name), abs=1e-12)
        assert found.beta_enhanced_exact == pytest.approx(
            oracle.beta_enhanced_exact(name), abs=1e-12
        )
        assert found.t == pytest.approx(float(max(distances)), abs=1e-12)
        assert found.delta == pytest.approx(oracle.delta(name), abs=1e-12)
    assert report.p29 == pytest.approx(oracle.p29(), abs=1e-12)
    worst = report.overall
    assert worst is not None
    each = report.columns.values()
    assert worst.t == max(one.t for one in each)
    assert worst.l_distinct == min(one.l_distinct for one in each)
    of_both = [oracle.recursive_c(name, worst.l_distinct) for name in report.columns]
    assert worst.l_recursive_c == max((c for c in of_both if c), default=None)


@given(small_tables(missing=False))
def test_without_missing_values_all_policies_say_the_same(table: Small) -> None:
    own, anything, drop = (
        {**measured(table, policy, persons=table.person_codes()).flat(), "missing_policy": ""}
        for policy in ("own", "any", "drop")
    )
    assert own == anything == drop


@given(small_tables(), st.sampled_from(["own", "any"]))
def test_many_values_are_counted_by_sorting_as_few_are_by_a_table(
    table: Small, policy: Policy
) -> None:
    by_table = measured(table, policy).columns
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tally, "_CELLS_A_ROW", 0)
        patch.setattr(tally, "_CELLS_AT_LEAST", 0)
        assert measured(table, policy).columns == by_table
