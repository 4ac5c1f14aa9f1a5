"""What a preview shows of a file: rows, what it was taken for, types and what to look at."""

import gzip
import io
from typing import Any

import pytest

from datasets.ingest.same_header import digest_of
from datasets.loading.asked import Asked
from datasets.preview import sample
from datasets.preview.choices import Choices
from datasets.preview.kept import asked_with, choices_of
from datasets.preview.sample import SAMPLE_BYTES, read_sample
from datasets.preview.table import Preview, PreviewColumn, preview
from datasets.tests.ingest.test_each_kind_of_file_has_one_outcome import FILES
from datasets.tests.ingest.workbooks import xlsx
from fairdb_site.errors import FairdbError, Refused, TooLarge

TABLE = "pid,age,wt,visit\nP1,36,7.1,2024-01-02\nP2,,8,2024-02-03\n"


def of(data: str | bytes, **choices: Any) -> Preview:
    content = data.encode() if isinstance(data, str) else data
    chosen = Choices(**choices)
    return preview(read_sample(lambda: io.BytesIO(content), chosen), chosen)


def column(data: str, place: int = 2, **choices: Any) -> PreviewColumn:
    return of(data, **choices).columns[place - 1]


def test_rows_are_those_of_the_file_with_missing_cells_marked() -> None:
    found = of(TABLE, missing=("8",))
    assert found.labels == ("pid", "age", "wt", "visit")
    assert found.rows == (("P1", "36", "7.1", "2024-01-02"), ("P2", None, None, "2024-02-03"))
    assert (found.rows_seen, found.is_whole, found.seen) == (2, True, "all 2 rows")
    assert (found.id_position, found.notes) == (1, ())


def test_of_a_long_cell_the_beginning_is_shown_and_how_much_is_left_out() -> None:
    found = of(f"pid,note\nP1,{'x' * 1_000_000}\nP2,{'y' * 200}\n")
    assert [row[1] for row in found.rows] == [f"{'x' * 200}… (999,800 more)", "y" * 200]


def test_types_are_found_with_what_speaks_for_them() -> None:
    found = of(TABLE)
    assert [c.data_type for c in found.columns] == ["text", "integer", "float", "date"]
    assert found.columns[1].why == "the only value is a whole number"
    assert found.columns[3].why == "all 2 values are dates"
    assert {c.sure for c in found.columns} == {"certain"}
    assert (found.columns[1].missing_share, found.columns[1].examples) == (0.5, ("36",))


def test_only_the_beginning_of_a_long_file_is_read() -> None:
    taken = 0

    class Endless(io.RawIOBase):
        """Rows without an end."""

        def __init__(self) -> None:
            self.left = b"pid,v\n"

        def read(self, size: int = -1, /) -> bytes:
            nonlocal taken
            while len(self.left) < size:
                self.left += b"P1,1\n" * 100_000
            data, self.left = self.left[:size], self.left[size:]
            taken += len(data)
            return data

    found = preview(read_sample(Endless, Choices()), Choices())  # type: ignore[arg-type]
    assert not found.is_whole
    assert found.seen.startswith("the first ")
    assert found.columns[1].sure == "likely"
    assert taken < 8 * SAMPLE_BYTES


def test_file_whose_rows_never_fit_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sample, "_MOST_BYTES", 1 << 20)
    data = b"pid,v\n" + b"P,1,1\n" * 200_000 + b'P,1\n"'
    with pytest.raises(Refused, match="no row fits the header"):
        of(data)


def test_gzip_that_unpacks_without_end_is_not_unpacked_to_it() -> None:
    bomb = gzip.compress(b"pid,v\n" + b"P1,1\n" * 2_000_000)
    found = of(bomb)
    assert not found.is_whole
    assert found.evidence.compression == "gzip"


def test_wide_table_has_all_its_columns() -> None:
    labels = [f"c{n}" for n in range(10_000)]
    rows = "\n".join(",".join(["1"] * 10_000) for _ in range(3))
    found = of(f"{','.join(labels)}\n{rows}\n")
    assert len(found.columns) == 10_000
    assert found.columns[-1].data_type == "integer"


@pytest.mark.parametrize("kind", sorted(FILES))
def test_any_kind_of_file_is_shown_or_refused_plainly(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = FILES[kind]
    for name, value in file.limits.items():
        monkeypatch.setattr(f"datasets.ingest.{name}", value)
    options = {name: file.options[name] for name in ("encoding", "sheet") if name in file.options}
    message = "Shown."
    try:
        of(file.data, **options)
    except FairdbError as error:
        message = error.message
    assert message.endswith((".", "?"))


def test_rows_of_another_width_are_told_and_not_shown() -> None:
    found = of("id,v\nP1,1\nP2\nP3,3\nP4,4,4\n")
    assert [row[0] for row in found.rows] == ["P1", "P3"]
    assert found.notes[0].startswith("Rows 2, 4 (where row 1 is the first after the header) have")


def test_encoding_and_delimiter_can_be_overridden() -> None:
    data = "id;naam\nP1;Zoë\n".encode("cp1252")
    found = of(data)
    assert (found.evidence.encoding, found.evidence.delimiter) == ("cp1252", ";")
    assert "usual in Windows-1252" in found.evidence.why[0]
    assert of(data, encoding="iso8859-2").rows[0][1] == "Zoë"
    assert of(data, delimiter="|").labels == ("id;naam",)
    assert "Name the delimiter" in of(data, delimiter="|").notes[0]
    with pytest.raises(Refused) as refused:
        of(data, encoding="nonsense")
    assert refused.value.option == "encoding"


def test_sheet_of_a_workbook_can_be_chosen() -> None:
    book = xlsx({"One": [["id", "a"], ["P1", 1]], "Two": [["id", "b"], ["P1", 2.5]]})
    found = of(book)
    assert [sheet.name for sheet in found.evidence.sheets] == ["One", "Two"]
    assert (found.evidence.sheet, found.labels) == ("One", ("id", "a"))
    assert "'Two'" in found.notes[0]
    assert of(book, sheet="Two").labels == ("id", "b")


def test_workbook_of_more_text_than_is_taken_is_refused() -> None:
    book = xlsx({"One": [["id", "a"], *([f"P{n}", "x" * 100] for n in range(100))]})
    with pytest.raises(TooLarge):
        read_sample(lambda: io.BytesIO(book), Choices(), max_bytes=1_000)


def test_header_of_numbers_and_columns_of_the_same_name_are_told() -> None:
    found = of("1,2.5,3\n4,5,6\n")
    assert "most of them are numbers" in found.notes[0]
    found = of("a,a,\n1,2,3\n")
    assert found.columns[0].cautions[0] == "2 columns have this name."
    assert "The column has no name." in found.columns[2].cautions


@pytest.mark.parametrize(
    ("cells", "says"),
    [
        (["1,5", "2,5", "3,25"], "decimal comma"),
        (["1,000", "12,500", "3,000"], "decimal comma|thousands"),
        (["<5", "7", "<10"], "sign before them"),
        (["5 kg", "7 kg", "8 kg"], "unit behind"),
        (["007", "012", "123"], "begin with a zero"),
        (["1", "2", "x"], "Mixed: 2 of 3 values are numbers, 1 is not"),
        (["2024-01-02", "2024-01-03", "soon"], "Mixed: 2 of 3 values are written as dates"),
        (["1", "2", "NA"], "Whole numbers but for 1 × “NA”"),
        (["a", "b", "unknown"], "1 cell reads “unknown”"),
        (["3/4/2024", "5/6/2024", "1/2/2024"], "cannot be told apart"),
        (["13/4/2024", "5/6/2024", "1/2/2024"], "day before month"),
        (["4/13/2024", "5/6/2024", "1/2/2024"], "month before day"),
        (["2024-01-02T10:00:00"] * 3, "type timestamp"),
        (["yes", "no", "yes"], "type boolean"),
        (["a ", "b", "c"], "white space"),
        (["#N/A", "x", "y"], "error of a spreadsheet"),
        (["", "", ""], "No cell has a value"),
        (["7", "7", "7"], "Every value is the same"),
        (["36", "41", "-9"], "-9 lies far from all other values"),
        (["36", "41", "999"], "999 lies far from all other values"),
    ],
)
def test_what_to_look_at_is_told(cells: list[str], says: str) -> None:
    rows = "".join(f'P{n},"{cell}"\n' if cell else f"P{n},\n" for n, cell in enumerate(cells))
    found = column(f"pid,v\n{rows}")
    assert any(part in caution for caution in found.cautions for part in says.split("|")), (
        found.cautions
    )


def test_ordinary_columns_have_nothing_to_look_at() -> None:
    rows = "".join(f"P{n},{n},{n / 3:.2f},word {n},2024-01-{n + 1:02}\n" for n in range(28))
    found = of(f"pid,a,b,c,d\n{rows}")
    assert [c.cautions for c in found.columns] == [()] * 5


def test_named_type_that_cells_break_or_that_loses_zeros_is_told() -> None:
    data = "pid,v,code\nP1,1,007\nP2,x,012\n"
    found = of(data, types={2: "integer", 3: "integer"})
    assert found.columns[1].type_to_be == "integer"
    assert found.columns[1].cautions[0].startswith("The load will be refused: 1 cell is no integer")
    assert "first in row 2" in found.columns[1].cautions[0]
    assert "Leading zeros are lost" in found.columns[2].cautions[0]


def test_id_is_chosen_as_loading_chooses_it() -> None:
    found = of("age,pid\n36,P1\n41,P2\n")
    assert (found.id_position, found.columns[1].is_id) == (2, True)
    assert [(c.label, c.why) for c in found.candidates] == [
        ("pid", "named like an id; every value differs"),
        ("age", "not named like an id; every value differs"),
    ]
    found = of("a,b\n1,1\n1,2\n1,3\n", id_position=1)
    assert (found.id_position, "is it an id?" in found.columns[0].cautions[-1]) == (1, True)


def test_rows_are_numbered_where_nothing_speaks_for_an_id() -> None:
    census = "sex,age\nF,36\nM,36\nF,41\nM,41\nF,41\n"
    found = of(census)
    assert (found.id_position, found.choices.number_rows, found.candidates) == (None, True, ())
    assert not any(column.is_id for column in found.columns)
    assert of(census, id_position=2).id_position == 2
    assert of("pid,v\nP1,1\nP2,2\n", number_rows=True).id_position is None


def test_choices_are_shown_with_their_columns() -> None:
    found = of(TABLE, left_out=frozenset({2}), types={3: "text"}, id_position=4)
    assert found.columns[1].is_left_out
    assert found.columns[2].named == "text"
    assert found.columns[3].is_id


def asked(**said: Any) -> Asked:
    return Asked(title="t", **said)


LABELS = ("pid", "age", "wt")


def test_columns_chosen_by_name_are_kept_by_place() -> None:
    first = asked(id_column="pid", types={"wt": "text"}, leave_out=("a*",))
    choices, dropped = choices_of(first, LABELS)
    assert (choices.id_position, dict(choices.types), set(choices.left_out)) == (
        1,
        {3: "text"},
        {2},
    )
    assert dropped == ""
    kept = asked_with(first, choices, LABELS)
    assert (kept.id_column, kept.types, kept.leave_out) == ("#1", {"#3": "text"}, ("#2",))
    assert choices_of(kept, LABELS) == (choices, "")


def test_choices_about_columns_hold_for_their_header_alone() -> None:
    kept = asked_with(asked(), Choices(left_out=frozenset({2}), header=digest_of(LABELS)), LABELS)
    choices, dropped = choices_of(kept, ("x", "y", "z"))
    assert choices.left_out == frozenset()
    assert "has other columns than before" in dropped


def test_columns_that_are_not_there_are_told_and_dropped() -> None:
    choices, dropped = choices_of(asked(types={"money": "text"}), LABELS)
    assert not choices.types
    assert dropped.startswith("There is no column 'money' in the header.")
