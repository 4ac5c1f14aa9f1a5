"""Figures equal what pycanon 1.3.6 said of the same random tables.

`pycanon.json` was kept by `python -m bench.privacy --tables 1000 --record FILE`, which compares all
1,000; pycanon pins old versions of NumPy and pandas, so the tests cannot call it.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from privacy.measures.coding import coded
from privacy.measures.report import measure
from privacy.tests.measures.oracle import Oracle

KEPT: list[dict[str, Any]] = json.loads(Path(__file__).with_name("pycanon.json").read_text())


@pytest.mark.parametrize("kept", KEPT, ids=lambda kept: f"seed {kept['seed']}")
def test_the_nine_models(kept: dict[str, Any]) -> None:
    report = measure(
        {name: coded(cells).codes for name, cells in kept["quasi"].items()},
        {name: coded(cells).codes for name, cells in kept["sensitive"].items()},
        ordered=["number"],
    )
    oracle = Oracle(list(zip(*kept["quasi"].values(), strict=True)), kept["sensitive"])
    for columns, said in kept["said"].items():
        figures = report.overall if columns == "both" else report.columns[columns]
        assert figures is not None
        assert report.classes.k == said["k"]
        for model in ("alpha", "l_distinct", "beta", "beta_enhanced", "t", "delta"):
            assert getattr(figures, model) == pytest.approx(said[model], abs=1e-12), model

        # where an entropy is exactly ln l, pycanon may round it off to l - 1
        names = list(kept["sensitive"]) if columns == "both" else [columns]
        assert figures.l_entropy == min(oracle.l_entropy(name) for name in names)
        if figures.l_entropy != said["l_entropy"]:
            assert said["l_entropy"] == figures.l_entropy - 1
            assert figures.l_entropy_exact == pytest.approx(figures.l_entropy, abs=1e-12)

        # pycanon sorts the counts of a class upwards where the definition has them downwards
        right, as_pycanon = (
            [oracle.recursive_c(n, figures.l_distinct, ascending=up) for n in names]
            for up in (False, True)
        )
        assert figures.l_recursive_c == max((c for c in right if c), default=None)
        assert said["l_recursive_c"] == max((c for c in as_pycanon if c), default=None)


def test_a_class_that_pycanon_calls_more_diverse_than_it_is() -> None:
    """Of 99 rows 97 have one value: 97 < c x 1 asks for c = 98, where pycanon says 1."""
    dominated = coded(["flu"] * 97 + ["cold", "cough"]).codes
    report = measure({"site": coded(["a"] * 99).codes}, {"dx": dominated})
    assert report.columns["dx"].l_distinct == 3
    assert report.columns["dx"].l_recursive_c == 98
    oracle = Oracle([("a",)] * 99, {"dx": dominated.tolist()})
    assert oracle.recursive_c("dx", 2) == 49
    assert oracle.recursive_c("dx", 3) == 98
    assert oracle.recursive_c("dx", 3, ascending=True) == 1
