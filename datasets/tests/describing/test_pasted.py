"""Which columns a pasted data dictionary describes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasets.describing.pasted import read_dictionary
from fairdb_site.errors import Refused

LABELS = [
    (1, "patient", True),
    (2, "Age", False),
    (3, "a,b", False),
    (4, "twice", False),
    (5, "twice", False),
    (6, "", False),
]


@pytest.mark.parametrize(
    ("text", "described"),
    [
        ("Age,At entry,a", {2: {"description": "At entry", "unit": "a"}}),
        ("Age\tAt entry, in full\ta\n", {2: {"description": "At entry, in full", "unit": "a"}}),
        ("Age;At entry;a", {2: {"description": "At entry", "unit": "a"}}),
        ('"a,b","two\nlines",kg', {3: {"description": "two\nlines", "unit": "kg"}}),
        ("label,description\n\nAge,x\n", {2: {"description": "x"}}),
        ("Unit,Description,Variable\na,x,Age", {2: {"description": "x", "unit": "a"}}),
        ("position,label,unit\n5,twice,kg\n6,,m", {5: {"unit": "kg"}, 6: {"unit": "m"}}),
        ("#4,first of two", {4: {"description": "first of two"}}),
        ("Age,,\npatient,whose row", {1: {"description": "whose row"}}),
        ("patient_hash,whose row", {1: {"description": "whose row"}}),
        (
            "position,label,parquet_name,unit,description,type\n2,Age,Age,a,x,integer",
            {2: {"description": "x", "unit": "a"}},
        ),
    ],
)
def test_lines_describe_columns_by_label_or_place(text: str, described: object) -> None:
    assert read_dictionary(text, LABELS) == described


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "Paste at least one line"),
        ("height,x", "Line 1 names 'height', which no column is called."),
        ("twice,x", "as several columns are called: give their positions"),
        ("Age,x\nAge,y", "Line 2 describes a column that an earlier line describes."),
        ("Age," + "x" * 2_001, "a description of more than 2,000 characters"),
        ("Age,x," + "x" * 101, "a unit of more than 100 characters"),
        (
            "position,label,unit\n3,Age,kg\n99,,m",
            "Line 3 gives position '99', where no",
        ),
        ("\n".join(f"no {n},x" for n in range(9)), "And 4 more."),
    ],
)
def test_what_describes_no_column_is_refused_by_its_line(text: str, sentence: str) -> None:
    with pytest.raises(Refused) as refused:
        read_dictionary(text, LABELS)
    assert sentence in refused.value.message


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused_plainly(text: str) -> None:
    try:
        found = read_dictionary(text, LABELS)
    except Refused:
        return
    assert set(found) <= {position for position, _, _ in LABELS}
