from pathlib import Path

import pytest

from anonymization.hierarchies.folder import files_for, hierarchies_in
from fairdb_site.errors import Refused

HEADER = [
    "sex",
    "Age",
    "marital-status",
    "height/cm",
    "a-b",
    "a_b",
    "my_hierarchy_of",
    "Größe",
    "*",
]


@pytest.mark.parametrize(
    ("column", "file"),
    [
        ("sex", "sex.csv"),
        ("sex", "adult_hierarchy_sex.csv"),
        ("sex", "_hierarchy_SEX.CSV"),
        ("sex", "hierarchy_sex.csv"),
        ("Age", "adult_hierarchy_age.csv"),
        ("marital-status", "adult_hierarchy_marital_status.csv"),
        ("height/cm", "x_hierarchy_height_cm.csv"),
        ("a_b", "a_b.csv"),
        ("my_hierarchy_of", "my_hierarchy_of.csv"),
        ("my_hierarchy_of", "x_hierarchy_my_hierarchy_of.csv"),
        ("Größe", "hierarchy_grösse.csv"),
    ],
)
def test_a_file_is_found_by_its_column(column: str, file: str) -> None:
    others = ["adult.csv", "sex.txt", "readme.md", "x_hierarchy_other.csv", ".csv"]

    assert files_for([column], [*others, file], HEADER) == {column: file}


@pytest.mark.parametrize(
    ("column", "files", "says"),
    [
        ("Age", ["sex.csv"], "The column 'Age' has no hierarchy file"),
        ("Age", ["age.csv", "x_hierarchy_Age.csv"], "has 2 hierarchy files: 'age.csv' and"),
        ("a-b", ["A.B.csv"], "'A.B.csv' could be the hierarchy of 'a-b' or 'a_b'"),
        ("a-b", ["a_b.csv"], "'a-b' has no hierarchy file"),
        ("sex", ["sex.txt", "_.csv"], "'sex' has no hierarchy file"),
    ],
)
def test_what_is_not_clear_is_refused(column: str, files: list[str], says: str) -> None:
    with pytest.raises(Refused) as refused:
        files_for([column], files, HEADER)

    assert says in refused.value.message


def test_hierarchies_are_read_from_a_folder(tmp_path: Path) -> None:
    (tmp_path / "adult_hierarchy_age.csv").write_text("17;15-19;*\n20;20-24;*\n")
    (tmp_path / "adult_hierarchy_sex.csv").write_text("Female;*\nMale\n")
    (tmp_path / "race.csv").mkdir()

    found = hierarchies_in(tmp_path, ["Age"], HEADER)

    assert found["Age"].hierarchy.leaves == ("17", "20")
    with pytest.raises(Refused, match=r"^adult_hierarchy_sex\.csv: Line 2 has 1 label"):
        hierarchies_in(tmp_path, ["sex"], HEADER)
    with pytest.raises(Refused, match="There is no folder"):
        hierarchies_in(tmp_path / "none", ["sex"], HEADER)
