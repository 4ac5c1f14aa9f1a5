"""Rows filtered, sorted and paged are what plain Python makes of the same values."""

import json
from typing import Any

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conftest import make_person
from datasets.rpc import Condition
from datasets.tests.browse.nasty import POOLS, ROWS, TYPES, Nasty, store_nasty, written
from datasets.tests.stored import qualified
from fairdb_site.database import as_user

POSITIONS = range(2, len(TYPES) + 2)
CHECKED = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module", params=[False, True], ids=["by reading all rows", "by an index"])
def nasty(db_ready: None, request: Any) -> Nasty:
    return store_nasty(make_person("sorter").user.pk, indexed=request.param)


@st.composite
def conditions(draw: st.DrawFn) -> Condition:
    """Draw a condition that makes sense of its column, mostly on a value that is there."""
    position = draw(st.sampled_from(POSITIONS))
    data_type = TYPES[position - 2]
    pool = [value for value in POOLS[data_type] if value is not None]
    operators = ["eq", "ne", "in", "missing", "present"]
    if data_type != "boolean":
        operators += ["lt", "le", "gt", "ge", "between"]
    if data_type == "text":
        operators += ["contains", "starts", "ends"]
    operator = draw(st.sampled_from(operators))
    value = st.sampled_from(pool).map(written)
    if data_type == "text":
        value |= st.text("aA%_\\bé日'\"$ ", max_size=3)
    least, most = {"missing": (0, 0), "present": (0, 0), "between": (2, 2), "in": (1, 5)}.get(
        operator, (1, 1)
    )
    values = draw(st.lists(value, min_size=least, max_size=most))
    return {"position": position, "operator": operator, "values": values}


lists_of_conditions = st.lists(conditions(), max_size=3)
sorts = st.none() | st.sampled_from(POSITIONS)


def page(nasty: Nasty, wanted: list[Condition], **place: Any) -> Any:
    """Read a page as its owner."""
    named = {"p_conditions": json.dumps(wanted)} | {f"p_{name}": v for name, v in place.items()}
    arguments = ", ".join(f"{name} => %s" for name in named)
    with connection.cursor() as cursor:
        cursor.execute(
            f"select public.select_dataset_rows(%s, array[2], {arguments})",
            [nasty.stored.id, *named.values()],
        )
        return cursor.fetchone()[0]


def rowids(found: Any) -> list[int]:
    return [row[0] for row in found["rows"]]


@CHECKED
@given(wanted=lists_of_conditions, sort=sorts, descending=st.booleans(), limit=st.integers(1, ROWS))
def test_all_pages_forward_and_back_give_each_matching_row_once_and_in_order(
    nasty: Nasty, wanted: list[Condition], sort: int | None, descending: bool, limit: int
) -> None:
    expected = nasty.ordered(wanted, sort, descending if sort else False)
    asked = {"sort": sort, "descending": descending, "limit": limit}
    with as_user(nasty.owner):
        forward = [page(nasty, wanted, **asked)]
        while forward[-1]["has_next"]:
            forward.append(page(nasty, wanted, **asked, after=forward[-1]["last"]))
        back = [page(nasty, wanted, **asked, last=True)]
        while back[-1]["has_previous"]:
            back.append(page(nasty, wanted, **asked, before=back[-1]["first"]))

    assert [row for found in forward for row in rowids(found)] == expected
    assert [row for found in back[::-1] for row in rowids(found)] == expected
    assert all(len(found["rows"]) <= limit for found in forward + back)
    assert {found["matching"] for found in forward + back} == {len(expected)}
    assert not forward[0]["has_previous"]
    assert not back[0]["has_next"]
    assert all(found["has_previous"] for found in forward[1:])
    assert all(found["has_next"] for found in back[1:])


@CHECKED
@given(
    wanted=lists_of_conditions,
    sort=sorts,
    descending=st.booleans(),
    place=st.integers(1, ROWS),
    few=st.booleans(),
)
def test_a_page_goes_on_behind_any_row_whether_it_meets_the_conditions_or_not(
    nasty: Nasty,
    *,
    wanted: list[Condition],
    sort: int | None,
    descending: bool,
    place: int,
    few: bool,
) -> None:
    everything = nasty.ordered([], sort, descending if sort else False)
    behind = everything[everything.index(place) + 1 :]
    before = everything[: everything.index(place)][::-1]
    matching = set(nasty.matching(wanted))
    called = (
        f"select p.rowids, p.counted from {qualified('datasets')} d,"
        f" {qualified('page_rowids')}(d, %s, %s, %s, %s, %s, false, 10, %s) p where d.id = %s"
    )

    def read(after: int | None, until: int | None) -> list[int]:
        with connection.cursor() as cursor:
            cursor.execute(
                called, [json.dumps(wanted), sort, descending, after, until, few, nasty.stored.id]
            )
            found, counted = cursor.fetchone()
        assert counted == (len(matching) if few else None)
        rows: list[int] = found
        return rows

    with as_user(nasty.owner):
        assert read(place, None) == [row for row in behind if row in matching][:11]
        assert read(None, place) == [row for row in before if row in matching][:11]


@CHECKED
@given(wanted=lists_of_conditions)
def test_conditions_written_into_a_text_give_the_same_rows_over_copy(
    nasty: Nasty, wanted: list[Condition]
) -> None:
    import io

    with as_user(nasty.owner), connection.cursor() as cursor:
        cursor.execute(
            f"select f.base, f.clause from {qualified('datasets')} d,"
            f" {qualified('rows_from')}(d, %s, array[4], false) f where d.id = %s",
            [json.dumps(wanted), nasty.stored.id],
        )
        base, clause = cursor.fetchone()
        copied = io.StringIO()
        cursor.copy_expert(
            f"copy (select p{base}.rowid {clause} order by p4.rowid) to stdout", copied
        )

    assert [int(line) for line in copied.getvalue().split()] == nasty.matching(wanted)


def test_pseudonyms_are_looked_for_by_being_equal(nasty: Nasty) -> None:
    wanted: list[Condition] = [
        {"position": 1, "operator": "in", "values": ["hash7", "hash3", "no such"]},
        {"position": 9, "operator": "in", "values": ["0", "9", "2", "10", "1", "-1"]},
    ]

    with as_user(nasty.owner):
        found = page(nasty, wanted)
        one = page(nasty, [{"position": 1, "operator": "eq", "values": ["hash7"]}])

    assert rowids(found) == nasty.matching(wanted)
    assert rowids(one) == [7]
