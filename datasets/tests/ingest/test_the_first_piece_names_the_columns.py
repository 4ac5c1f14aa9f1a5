"""What the first bytes of a file tell of its columns, however the piece was cut."""

import gzip
import io
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasets.ingest import heading
from datasets.ingest.heading import Heading, read_heading
from datasets.ingest.profile import profile_table, suggest_id_column
from datasets.ingest.read import Evidence, open_table
from datasets.tests.ingest.test_reading_agrees_with_csv import reader
from fairdb_site.errors import Refused, TooLarge

VISITS = b"visit,patient_id,sex\n" + b"".join(
    b"%d,P-%03d,%s\n" % (n % 3, n, b"fm"[n % 2 : n % 2 + 1]) for n in range(1, 101)
)


def found(piece: bytes, **said: Any) -> Heading:
    heading = read_heading(piece, cut=False, **said)
    assert heading is not None
    return heading


def test_columns_evidence_and_a_likely_id_are_found() -> None:
    heading = found(VISITS)

    assert heading.labels == ("visit", "patient_id", "sex")
    assert heading.evidence == Evidence("utf-8", ",", None)
    assert heading.likely is not None
    assert heading.likely.position == 2
    assert heading.reason == "named like an id, every value different in all 100 rows"


@given(st.integers(1, len(VISITS)), st.booleans())
def test_a_piece_cut_anywhere_tells_the_same_or_that_it_is_too_short(at: int, packed: bool) -> None:
    file = gzip.compress(VISITS) if packed else VISITS
    cut = file[: min(at, len(file) - 1)]

    heading = read_heading(cut, cut=True)

    if heading is not None:
        assert heading.labels == ("visit", "patient_id", "sex")
        assert heading.likely is not None
        assert heading.likely.position == 2
        assert heading.likely.distinct == heading.rows
        assert not heading.whole
    elif not packed:
        assert len(cut) <= VISITS.index(b"\n") + 1


@given(st.integers(1, len(VISITS.decode().encode("utf-16")) - 1))
def test_a_piece_cut_within_a_character_is_read_up_to_it(at: int) -> None:
    heading = read_heading(VISITS.decode().encode("utf-16")[:at], cut=True)

    assert heading is None or heading.evidence.encoding == "utf-16-le"


def test_a_record_that_is_cut_short_counts_for_nothing() -> None:
    piece = b'id,"a\nb"\n1,"x\ny"\n2,"x\n'

    assert found(piece[:-5]).rows == 1
    heading = read_heading(piece, cut=True)
    assert heading is not None
    assert (heading.rows, heading.labels) == (1, ("id", "a\nb"))


@pytest.mark.parametrize(
    "table",
    [
        VISITS,
        b"patient,x\nP1,1\nP1,2\nP2,3\n",
        b"x,pid\n1,7\n2,\n3,8\n4,9\n",
        b"x,site_id,sample\n1,A,s1\n2,A,s2\n3,A,s3\n",
        b"age,sex\n1,f\n2,m\n",
        b"id\n1\n2\n",
    ],
)
def test_the_id_is_suggested_by_the_rule_that_the_receipt_goes_by(table: bytes) -> None:
    profile = profile_table(open_table(reader(table)))

    likely = found(table).likely
    assert (likely.position if likely else 1) == suggest_id_column(profile)


@pytest.mark.parametrize(
    ("table", "reason"),
    [
        (b"x,id\n1,7\n", "named like an id, every value different in the only row"),
        (
            b"x,pid\n1,7\n2,\n3,8\n4,9\n",
            "named like an id, 3 different values in all 4 rows",
        ),
        (b"age,sex\n1,f\n2,m\n", ""),
        (b"id,sex\n1,f\n1,m\n1,m\n", "named like an id, the same value in all 3 rows"),
        (b"id,sex\n,f\n,m\n", "named like an id, no value in all 2 rows"),
        (
            b"patient_id,visit\nP1,1\nP1,2\nP1,3\nP2,1\n",
            "named like an id, 2 different values in all 4 rows",
        ),
        (b"site_id,v\nA,1\nA,2\nA,3\n", ""),
    ],
)
def test_the_reason_says_what_was_seen(table: bytes, reason: str) -> None:
    assert found(table).reason == reason


@pytest.mark.parametrize(
    ("table", "repeats"),
    [
        (b"site_id,v\nA,1\nA,2\nA,3\n", True),
        (b"age,v\n30,1\n31,2\n31,3\n", False),
        (b"patient_id,v\nP1,1\nP1,2\nP1,3\n", False),
        (b"age,pid\n30,1\n30,2\n30,3\n", False),
    ],
)
def test_a_first_column_that_repeats_is_doubted_where_it_is_taken_for_want_of_another(
    table: bytes, repeats: bool
) -> None:
    assert found(table).first_repeats is repeats


def test_many_rows_are_judged_by_the_first_of_them() -> None:
    table = b"key,x\n" + b"".join(b"%d,1\n" % n for n in range(2_050))

    assert found(table).reason.endswith("every value different in the first 2,000 rows")


def test_a_name_alone_speaks_where_no_row_is_whole() -> None:
    heading = read_heading(b"x,pid\n1,", cut=True)

    assert heading is not None
    assert heading.reason == "named like an id"


def test_what_was_said_about_the_file_is_believed() -> None:
    heading = found("größe;id\n1,5;2\n".encode("cp1252"), encoding="cp1252", delimiter="semicolon")

    assert heading.labels == ("größe", "id")
    assert heading.evidence == Evidence("cp1252", ";", None)


def test_gzip_of_several_members_is_read_on_and_a_bomb_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    members = b"".join(gzip.compress(part) for part in (VISITS[:7], VISITS[7:50], VISITS[50:]))
    assert found(members).rows == 100
    assert found(members + b"\0\0").whole
    assert found(members + b"not gzip").rows == 100

    monkeypatch.setattr(heading, "MOST_UNPACKED", 1_000)
    assert 0 < found(gzip.compress(VISITS)).rows < 100
    assert read_heading(gzip.compress(b"a" * 100_000_000), cut=False) is None


@pytest.mark.parametrize(
    ("piece", "sentence"),
    [
        (b"", "The file is empty."),
        (b"\n1,2\n", "The first line is empty"),
        (b"a,b\n", "has a header but no rows"),
        (b"PK\x03\x04" + b"x" * 50, "The workbook is damaged"),
        (b"\x1f\x8bdamaged", "damaged"),
        (b'"a,b\n1,2\n', "opens a quote that is not closed"),
    ],
)
def test_what_is_no_table_is_refused_with_a_hint(piece: bytes, sentence: str) -> None:
    with pytest.raises(Refused, match=sentence):
        read_heading(piece, cut=False)


def test_a_workbook_tells_nothing_before_all_of_it_is_there() -> None:
    assert read_heading(b"PK\x03\x04" + b"x" * 50, cut=True) is None


def test_more_columns_than_are_taken_are_refused() -> None:
    with pytest.raises(TooLarge, match="at most 2 are taken"):
        read_heading(VISITS, cut=True, max_columns=2)


@pytest.mark.parametrize("inner", [gzip.compress(VISITS), b"PK\x03\x04" + bytes(99)])
def test_gzip_of_a_packed_file_is_refused_as_by_loading(inner: bytes) -> None:
    packed = gzip.compress(inner)
    with pytest.raises(Refused) as by_loading:
        open_table(lambda: io.BytesIO(packed))

    for cut in (True, False):
        with pytest.raises(Refused) as by_preview:
            read_heading(packed, cut=cut)
        assert by_preview.value.message == by_loading.value.message


def test_many_empty_members_of_a_gzip_file_are_passed_over_quickly() -> None:
    piece = gzip.compress(b"id,v\n1,2\n") + gzip.compress(b"") * 200_000

    found = read_heading(piece, cut=False)

    assert found is not None
    assert found.labels == ("id", "v")


def test_a_header_of_endless_cells_is_refused() -> None:
    with pytest.raises(TooLarge, match="columns"):
        read_heading(b"," * (1 << 21), cut=False)


def test_a_row_of_endless_cells_is_left_to_loading() -> None:
    found = read_heading(b"a,b\n" + b'"",' * 1_500_000, cut=False)

    assert found is not None
    assert found.labels == ("a", "b")
