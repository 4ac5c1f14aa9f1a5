"""What a user types for a column or a type, and what is made of it."""

import pytest

from datasets.ingest.choosing import type_named
from datasets.ingest.profile import column_position
from fairdb_site.errors import Refused

WRITE = "Write a name as the header has it, or a place, such as #1."
HEADER = ["id", "age", "age", "", "#2", "x" * 300]


@pytest.mark.parametrize(
    ("name", "position"), [("id", 1), ("#3", 3), ("", 4), ("#2", 5), ("#6", 6), ("x" * 300, 6)]
)
def test_a_column_is_found_by_its_label_or_by_its_place(name: str, position: int) -> None:
    assert column_position(HEADER, name) == position


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("age", "2 columns are named 'age'; name one by its place, for example #2."),
        ("height", f"There is no column 'height' in the header. {WRITE}"),
        ("#7", f"There is no column '#7' in the header. {WRITE}"),
        ("y" * 300, "There is no column '" + "y" * 100 + f"…' in the header. {WRITE}"),
    ],
)
def test_a_column_that_cannot_be_meant_is_refused(name: str, sentence: str) -> None:
    with pytest.raises(Refused) as refusal:
        column_position(HEADER, name)

    assert (refusal.value.message, refusal.value.option) == (sentence, "id_column")

    with pytest.raises(Refused) as refusal:
        column_position(HEADER, name, option="types")

    assert (refusal.value.message, refusal.value.option) == (sentence, "types")


def test_a_type_is_named_in_any_case() -> None:
    assert type_named(" Integer ") == "integer"
    with pytest.raises(Refused, match="There is no type 'number'; name one of integer, float"):
        type_named("number")
