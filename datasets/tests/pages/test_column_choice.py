"""Which columns an address puts on show."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasets.browse.column_choice import (
    MOST,
    WHOLE,
    WINDOW,
    Width,
    change_choice,
    read_choice,
    write_choice,
)
from fairdb_site.errors import Refused

NARROW = Width(total=WHOLE + 1, id_position=1)


@given(st.lists(st.integers(1, 100_000), unique=True, min_size=1, max_size=MOST))
def test_a_choice_survives_its_address(positions: list[int]) -> None:
    width = Width(total=100_000, id_position=None)

    assert read_choice(write_choice(positions), width) == tuple(positions)


def test_runs_are_written_short() -> None:
    assert write_choice([2, 3, 4, 40, 7, 6]) == "2-4,40,7,6"


@pytest.mark.parametrize("text", ["", "  ", ",", "99", "1"])
def test_nothing_to_show_means_all_of_a_narrow_dataset_else_the_first_screenful(text: str) -> None:
    assert read_choice(text, NARROW) == tuple(range(2, 2 + WHOLE))
    wide = Width(total=WHOLE + 2, id_position=1)
    assert read_choice(text, wide) == tuple(range(2, 2 + WINDOW))


def test_the_id_and_what_is_not_there_are_passed_over() -> None:
    assert read_choice("1-3, 31-1000", NARROW) == (2, 3, 31, 32)


def test_a_column_asked_for_twice_is_shown_once() -> None:
    assert read_choice("5,4-6", NARROW) == (5, 4, 6)


@pytest.mark.parametrize("text", ["age", "1-", "-5", "1;2", "1e3", "٣", "1-2-3", "9999999999"])
def test_what_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(Refused, match="such as 1-12,40"):
        read_choice(text, NARROW)


def test_too_many_columns_are_refused_however_they_are_written() -> None:
    width = Width(total=100_000, id_position=None)

    assert len(read_choice(f"1-{MOST}", width)) == MOST
    with pytest.raises(Refused, match=str(MOST)):
        read_choice("1-100000", width)


def test_a_dataset_narrower_than_a_screen_shows_all_it_has() -> None:
    assert read_choice("", Width(total=4, id_position=2)) == (1, 3, 4)


@given(
    total=st.integers(1, 60),
    id_position=st.none() | st.integers(1, 60),
    start=st.integers(1, 60),
)
def test_windows_meet_without_gap_or_overlap(
    total: int, id_position: int | None, start: int
) -> None:
    width = Width(total, id_position if id_position and id_position <= total else None)
    shown = width.window(start)
    if not shown:
        return

    before = width.window_before(shown[0])
    after = width.window(shown[-1] + 1)

    data = [p for p in range(1, total + 1) if p != width.id_position]
    first, last = data.index(shown[0]), data.index(shown[-1])
    assert list(before) == data[max(first - WINDOW, 0) : first]
    assert list(after) == data[last + 1 : last + 1 + WINDOW]


def test_ticks_change_only_what_was_listed() -> None:
    changed = change_choice([2, 9, 20], listed=[2, 3, 4], ticked=[4, 3], width=NARROW)

    assert changed == (9, 20, 3, 4)


def test_the_id_cannot_be_ticked() -> None:
    assert change_choice([], listed=[1, 2], ticked=[1, 2, 999], width=NARROW) == (2,)


def test_more_ticks_than_a_page_bears_are_refused() -> None:
    width = Width(total=1_000, id_position=None)
    with pytest.raises(Refused, match=str(MOST)):
        change_choice(range(1, 101), listed=range(101, 301), ticked=range(101, 301), width=width)
