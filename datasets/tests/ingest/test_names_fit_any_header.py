"""Physical names for any labels: valid, unique, the same each time, readable where they can be."""

import re
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasets.ingest.names import RESERVED, column_names, part_names

LABELS = st.lists(
    st.one_of(
        st.text(max_size=6),
        st.sampled_from(
            ["", "a", "A", "a_2", "rowid", "user_id", "ctid", "id_hash", "id", "x" * 63, "x" * 200]
        ),
    ),
    min_size=1,
    max_size=40,
)


@given(LABELS, st.data())
def test_any_labels_get_valid_names_that_are_unique_and_the_same_each_time(
    labels: list[str], data: st.DataObject
) -> None:
    id_position = data.draw(st.integers(1, len(labels)))

    names = column_names(labels, id_position)

    assert names == column_names(labels, id_position)
    assert len(set(names.columns)) == len(labels)
    assert all(re.fullmatch("[a-z][a-z0-9_]{0,62}", name) for name in names.columns)
    assert not RESERVED & set(names.columns)
    assert names.columns[id_position - 1] == f"{names.id_base}_hash"
    assert names.id_base not in names.columns


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ("Age", "age"),
        ("wt (kg)", "wt_kg"),
        ("Côte d'Ivoire", "cote_d_ivoire"),
        ("2-methyl", "n2_methyl"),
        ("", "column_2"),
        ("😀", "column_2"),
        ("年齢", "column_2"),
        ("rowid", "rowid_2"),
        ("user_id", "user_id_2"),
        ("tableoid", "tableoid_2"),
        ("key_hash", "key_hash_2"),
        ("key", "key_2"),
        ("select", "select"),
        ('"; drop table users; --', "drop_table_users"),
        ("line\nbreak", "line_break"),
    ],
)
def test_a_name_at_a_glance(label: str, name: str) -> None:
    assert column_names(["Key", label], 1).columns == ("key_hash", name)


def test_labels_that_differ_behind_63_bytes_get_names_of_their_own() -> None:
    labels = ["id", *(f"{'Escherichia coli ' * 8}strain {n}" for n in range(12))]

    names = column_names(labels, 1).columns

    assert names[1] == ("escherichia_coli_" * 8)[:62]
    assert names[2].endswith("_2")
    assert names[12].endswith("_12")
    assert max(map(len, names)) == 63


def test_part_names_tell_the_title_and_never_meet_those_of_another_dataset() -> None:
    one = UUID("6f0f9f0c-7d0b-4f43-9a58-1d8f2a3b4c5d")
    other = UUID("6f0f9f0c-7d0b-4f43-9a58-1d8f2a3b4c5e")

    names = part_names("Gut study: 2014, Qín", one, 400)

    assert names[:2] == ("gut_study_2014_qin_1d8f2a3b4c5d_p1", "gut_study_2014_qin_1d8f2a3b4c5d_p2")
    assert not set(names) & set(part_names("Gut study: 2014, Qín", other, 400))
    assert part_names("", one, 1) == ("dataset_1d8f2a3b4c5d_p1",)
    assert max(len(name) for name in part_names("long " * 40, one, 4_000)) <= 63
