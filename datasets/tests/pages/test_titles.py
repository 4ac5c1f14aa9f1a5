"""Titles taken from names of files, the same on the page and by the command."""

import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from datasets.titles import LONGEST_TITLE, title_from


@pytest.mark.parametrize(
    ("file_name", "title"),
    [
        ("x.csv", "x"),
        ("lab_values.TSV.gz", "lab values"),
        ("visits 2024.v2.txt", "visits 2024.v2"),
        ("folder/pipes.psv", "pipes"),
        ("north.xlsx", "north"),
        ("no ending", "no ending"),
        (".csv", "Untitled"),
        ("_.csv", "Untitled"),
        ("n" * 300 + ".csv", "n" * LONGEST_TITLE),
    ],
)
def test_a_title_is_the_name_of_the_file_without_its_endings(file_name: str, title: str) -> None:
    assert title_from(file_name) == title


def test_the_command_takes_the_title_that_the_page_would(
    alice: Any, tmp_path: Path, capsys: Any
) -> None:
    table = tmp_path / "lab_values.csv"
    table.write_text("id,x\n1,2\n")

    call_command("import_dataset", str(table), "--owner", alice.email, "--json")

    assert json.loads(capsys.readouterr().out)["title"] == "lab values"
