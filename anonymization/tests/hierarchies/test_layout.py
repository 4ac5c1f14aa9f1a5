import pytest
from hypothesis import given
from hypothesis import strategies as st

from anonymization.hierarchies.hierarchy import MOST_LEAVES, Hierarchy, hierarchy_of
from anonymization.hierarchies.layout import exported, imported
from fairdb_site.errors import FairdbError

# letters that mean something to CSV, spreadsheets, readers of text
hostile = st.sampled_from([*"a1 ;,\t|\"\r\n=+@-*'[)\ufeff", "é", "*", "x;y", '"'])
words = st.lists(hostile, min_size=1, max_size=4).map("".join)
labels = words.filter(lambda word: word != "*")


@st.composite
def hierarchies(draw: st.DrawFn) -> Hierarchy:
    """Some leaves, grouped again and again; each group's label is new at its level."""
    leaves = draw(st.lists(words, min_size=1, max_size=8, unique=True))
    if draw(st.booleans()):
        leaves.append("")
    levels, groups = [leaves], list(range(len(leaves)))
    for _ in range(draw(st.integers(0, 3))):
        above = draw(st.lists(st.integers(0, 4), min_size=9, max_size=9))
        groups = [above[group] for group in groups]
        names = draw(st.lists(labels, min_size=8, max_size=8, unique=True))
        levels.append([names[group] for group in groups])
    return hierarchy_of(levels)


@given(hierarchies(), st.sampled_from(";,\t|"))
def test_what_is_exported_is_imported_as_the_same(hierarchy: Hierarchy, separator: str) -> None:
    found = imported(exported(hierarchy, separator=separator))

    assert found.hierarchy == hierarchy
    assert found.notes == ()


def lines_of(text: str | bytes) -> list[tuple[str, ...]]:
    data = text if isinstance(text, bytes) else text.encode()
    return list(imported(data).hierarchy.lines())


def test_files_of_many_makes_say_the_same() -> None:
    said = [("1", "0-4", "*"), ("7", "5-9", "*")]

    for text in (
        "1;0-4;*\n7;5-9;*\n",
        "1,0-4,*\r\n7,5-9,*\r\n\r\n\n",
        "\ufeff1\t0-4\t*\n7\t5-9\t*",
        '"1";"0-4";"*"\n"7";"5-9";"*"',
        "1;0-4;*\n7;5-9;*".encode("utf-16"),
    ):
        assert lines_of(text) == said


def test_labels_keep_the_other_separators_and_formulas() -> None:
    assert lines_of("1;[0, 5[;[0, 10[;*\n7;[5, 10[;[0, 10[;*\n")[1] == (
        "7", "[5, 10[", "[0, 10[", "*",
    )  # fmt: skip
    assert lines_of("=1+1;@x;*\n-2;@x;*")[0] == ("=1+1", "@x", "*")


def test_what_is_made_of_a_file_is_said() -> None:
    without = imported(b"a;x\nb;y\n")
    assert list(without.hierarchy.lines()) == [("a", "x", "*"), ("b", "y", "*")]
    assert without.notes == ("Its lines do not end in *, so it was added as the last level.",)

    assert lines_of("a\nb\n") == [("a", "*"), ("b", "*")]
    assert "Windows-1252" in imported("é;*\n".encode("cp1252")).notes[0]


def test_a_missing_value_may_have_labels_of_its_own() -> None:
    assert lines_of("a;x;*\n;unknown;*\n")[1] == ("", "unknown", "*")
    assert lines_of("a;x;*\n;;*\n")[1] == ("", "", "*")


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "The hierarchy is empty"),
        (b"\xef\xbb\xbf\r\n\n", "The hierarchy is empty"),
        (b"a;x;*\nb;*\n", "Line 2 has 2 labels where the first has 3 (separated by semicolon)"),
        (b"a;x;*\nb;y;*\na;x;*\n", "'a' is there twice: in line 1 and in line 3."),
        (
            b"a;x;A;*\n\nb;x;B;*\n",
            "'x' of level 1 has two labels at level 2: 'A' (in line 1) and 'B' (in line 3).",
        ),
        (b"a;x;*\nb;;*\n", "The label in line 2 at level 1 is empty."),
        (b"a;*;x;*\n", "At level 2 'x' stands behind *"),
        (b'a;"x;*\nb;y;*\n', "Line 1 is not CSV: is a quote opened there"),
        (b"a;*\n;*\n;*\n", "A missing value is there twice: in line 2 and in line 3."),
        (b"a\0;*\n", "The file is not text."),
        (b"PK\x03\x04\x81\x8d\x00", "The file is not text."),
        (b";" * 1_000_000, "Line 1 has over 1,000,000 characters."),
        (b"\n" * 2_000_001, "The file has over 2,000,000 lines"),
        (b";".join([b"x"] * 100), "Line 1 has 100 labels; a hierarchy has at most 99."),
        (b";".join([b"x"] * 99), "The hierarchy has 100 levels; at most 99 are taken."),
    ],
)
def test_what_is_wrong_is_named(data: bytes, says: str) -> None:
    with pytest.raises(FairdbError) as refused:
        imported(data, name="age.csv")

    assert refused.value.message.startswith("age.csv: ")
    assert says in refused.value.message


def test_a_hierarchy_of_a_million_values_is_taken_and_no_more() -> None:
    few = MOST_LEAVES // 20
    lines = b"".join(b"%d;%d;*\n" % (value, value // 100) for value in range(few))

    assert len(imported(lines).hierarchy.leaves) == few
    with pytest.raises(FairdbError, match="at most 1,000,000"):
        hierarchy_of([range(MOST_LEAVES + 1)])  # type: ignore[list-item]
