"""Choices about a file: kept compactly, read back as they were, and given to a load."""

import json
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from datasets.ingest.choosing import choose_columns
from datasets.ingest.datatypes import DATA_TYPES
from datasets.ingest.same_header import digest_of
from datasets.loading.asked import Asked
from datasets.models import Submission
from datasets.preview.choices import Choices
from datasets.preview.kept import asked_with, choices_of

LABELS = ("id", "a", "b", "#2-3", "#4", "c", "c", "d*")
places = st.integers(1, len(LABELS))
chosen = st.builds(
    Choices,
    delimiter=st.none() | st.just(";"),
    encoding=st.none() | st.just("utf-8"),
    sheet=st.none() | st.text(max_size=3),
    skip_bad_rows=st.booleans(),
    missing=st.lists(st.text(max_size=3), max_size=3, unique=True).map(tuple),
    id_position=st.none() | st.just(1),
    types=st.dictionaries(places.filter(lambda p: p > 1), st.sampled_from(DATA_TYPES)),
    left_out=st.frozensets(places.filter(lambda p: p > 1)),
    header=st.just(digest_of(LABELS)),
)


@given(chosen)
def test_kept_choices_are_read_back_as_they_were(choices: Choices) -> None:
    if len(choices.left_out) == len(LABELS):
        return
    kept = asked_with(Asked(title="t"), choices, LABELS)
    columns = json.loads(json.dumps(kept.as_columns()))
    back, dropped = choices_of(Asked.of(Submission(**columns)), LABELS)
    if choices.id_position is None and dropped:
        return  # the first column that is left is the id then, and takes no type
    taken = {p: t for p, t in choices.types.items() if p not in choices.left_out}
    assert (back, dropped) == (replace(choices, types=taken), "")


@given(chosen)
def test_load_is_given_the_same_columns_whatever_they_are_called(choices: Choices) -> None:
    arguments = choices.as_arguments(LABELS)
    names = ("id_column", "types", "leave_out")
    if len(choices.left_out) == len(LABELS):
        return
    found = choose_columns(LABELS, **{name: arguments[name] for name in names})
    assert found.id_position == choices.id_position
    assert set(found.left_out) == choices.left_out
    first = next(p for p in range(1, len(LABELS) + 1) if p not in choices.left_out)
    expected = {p: t for p, t in choices.types.items() if p not in choices.left_out}
    if choices.id_position is None and first in expected:
        return  # the first is the id there, and takes no type
    assert found.types == expected


def test_ten_thousand_columns_are_kept_in_a_few_bytes() -> None:
    labels = [f"taxon {n}" for n in range(10_000)]
    choices = Choices(id_position=1).with_left_out(range(2, 5_001), leave_out=True)
    choices = choices.with_types(range(5_001, 10_001), "float")
    assert len(json.dumps(choices.as_arguments(labels))) < 300


def test_id_column_is_never_left_out_and_has_no_type() -> None:
    choices = Choices(id_position=2).with_left_out([1, 2, 3], leave_out=True)
    choices = choices.with_types([1, 2], "text")
    assert set(choices.left_out) == {1, 3}
    assert dict(choices.types) == {1: "text"}
    moved = choices.with_id(1)
    assert (set(moved.left_out), dict(moved.types), moved.id_position) == ({3}, {}, 1)
