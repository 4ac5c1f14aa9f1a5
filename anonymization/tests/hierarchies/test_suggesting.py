import pytest

from anonymization.hierarchies.fitting import fitted
from anonymization.hierarchies.named import hierarchy_for
from anonymization.hierarchies.suggesting import nice_width, suggested
from anonymization.tests.hierarchies.columns import column
from fairdb_site.errors import Refused

NUMBERS = [str(number) for number in range(17, 91)]


@pytest.mark.parametrize(
    ("label", "cells", "labels", "says"),
    [
        ("age", NUMBERS, "17; 15-19; 10-19; 0-19; *", "go from 17 to 90: intervals of 5, 10, 20"),
        ("bmi", ["18.5", "19", "21", "24", "30", "40"],
         "18.5; [18, 20); [16, 20); [16, 24); *", "from 18.5 to 40"),
        ("income", [*map(str, range(60)), "1000000"], "0; 0-2; 0-6; 0-14; *", "equal shares"),
        ("score", ["1", "2", "3"], "1; *", "3 different numbers"),
        ("well", ["true", "false"], "false; *", "yes or no"),
        ("sex", ["m", "f"], "f; *", "2 categories"),
        ("one", ["x"], "x; *", "one value"),
        ("none", [None], "; *", "one value"),
        ("seen", ["2024-02-03", "2024-05-01"], "2024-02-03; 2024-02; 2024-Q1; *", "within a year"),
        ("born", ["1950-02-03", "1990-01-01"], "1950-02-03; 1950-02; 1950; 1950-1959; *", "40"),
        ("at", ["2024-02-03 12:00:00", "2025-02-03 00:00:00"],
         "2024-02-03 12:00:00; 2024-02-03; 2024-02; 2024-Q1; 2024; *", "over 1 year: by day"),
        ("zip", ["12345", "12346"], "12345; 1234*; 123**; 12***; 1****; *", "says postcode"),
        ("icd", [f"E{number}" for number in range(10, 30)], "E10; E1*; E**; *", "codes of one"),
        ("city", ["Bern"] * 99 + ["Genf"] * 99 + [f"village {c}" for c in "abcdefghijklm"],
         "Bern; Bern; *", "the 2 in 1 % of the rows or more stay"),
        ("note", [f"a text {c}" for c in "abcdefghijklm"], "a text a; *", "none is frequent"),
        ("lab", [*map(str, range(20)), "-"], "-; *", "which of them mean missing"),
    ],
)  # fmt: skip
def test_a_hierarchy_is_suggested_with_a_reason(
    label: str, cells: list[str | None], labels: str, says: str
) -> None:
    read = column(cells)
    found = suggested(read, label=label)
    hierarchy = hierarchy_for(None, read, label=label)

    assert says in found.reason
    fit = fitted(hierarchy, read)
    assert "; ".join(fit.at(level)[0] for level in range(fit.levels)) == labels


def test_other_is_no_value_of_the_data() -> None:
    cells = ["other"] * 50 + ["b"] * 50 + [f"rare {n} x" for n in range(11)]

    assert "other_" in suggested(column(cells)).reason


def test_widths_are_round() -> None:
    assert [nice_width(least, whole=False) for least in (0.03, 0.2, 3.65, 10, 51)] == [
        0.05, 0.2, 5, 10, 100,
    ]  # fmt: skip
    assert nice_width(0.5, whole=True) == 2


def test_facts_that_do_not_fit_a_column_name_it() -> None:
    with pytest.raises(Refused, match="The hierarchy of 'sex': 'f' is not a number"):
        hierarchy_for({"kind": "intervals", "width": 5}, column(["m", "f"]), label="sex")
