"""How pages write counts, sizes, shares, durations and long names."""

import pytest
from django.template import Context, Template

from datasets.browse.shown import Cell, Row
from datasets.templatetags.fairdb import (
    cells,
    count,
    duration,
    figure,
    long_name,
    marked_name,
    share,
    size,
    table_shape,
    times,
)


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (0.0, "0 %"),
        (None, "0 %"),
        (1.0, "100 %"),
        (0.021, "2.1 %"),
        (0.5, "50 %"),
        (0.00001, "< 0.1 %"),
        (0.99999, "> 99.9 %"),
    ],
)
def test_a_share_is_never_rounded_to_none_or_all(value: float | None, written: str) -> None:
    assert share(value) == written


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (None, ""),
        (0, "0 bytes"),
        (1, "1 byte"),
        (1023, "1,023 bytes"),
        (1024, "1 KiB"),
        (3_380_489, "3.2 MiB"),
        (5 * 1024**3, "5 GiB"),
        (2**52, "4096 TiB"),
    ],
)
def test_sizes_are_written_in_binary_units(value: int | None, written: str) -> None:
    assert size(value) == written


@pytest.mark.parametrize(
    ("seconds", "written"),
    [(None, ""), (0.01, "0.1 s"), (2.44, "2.4 s"), (12.4, "12 s"), (78.5, "1 min 18 s")],
)
def test_durations(seconds: float | None, written: str) -> None:
    assert duration(seconds) == written


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("1536228", "1,536,228"),
        (45.29230769, "45.2923"),
        ("-0.5", "-0.5"),
        ("1e-9", "1e-09"),
        ("2024-01-31", "2024-01-31"),
        ("NaN", "NaN"),
        ("", ""),
        ("007 James", "007 James"),
    ],
)
def test_statistics_are_written_short_and_text_as_it_is(value: object, written: str) -> None:
    assert figure(value) == written


def test_counts_have_their_noun() -> None:
    assert times(1, "row") == "1 row"
    assert times(8484, "column") == "8,484 columns"
    assert count(8484) == "8,484"
    assert count("") == ""


def test_a_long_name_keeps_start_and_end_in_sight_and_all_of_it_in_the_page() -> None:
    name = "Escherichia coli str. K-12 substr. MG1655, plasmid <B>"

    written = long_name(name, 20, 11)

    assert "plasmid &lt;B&gt;</span>" in written
    assert long_name(name, 20, 0).endswith("<span></span></span>")
    assert 'title="Escherichia coli' in written
    assert "<B>" not in written


def test_a_name_of_nothing_is_said_to_be_one() -> None:
    assert "no name" in long_name("  ")


def test_what_was_sought_is_marked_without_trusting_it() -> None:
    assert marked_name("Serum <ALB>umin", "alb") == "Serum &lt;<mark>ALB</mark>&gt;umin"
    assert marked_name("Straße alb", "alb") == "Straße alb"
    assert marked_name("age", "") == "age"


HOSTILE = """'"><script>&amp;"""
LONG = "x" * 300
ESCAPED = "&#x27;&quot;&gt;&lt;script&gt;&amp;amp;"


@pytest.mark.parametrize(
    ("cell", "written"),
    [
        (Cell("0.5", "number"), '<td class="n">0.5</td>'),
        (Cell(None, "number"), '<td class="missing n">missing</td>'),
        (Cell(None, "text"), '<td class="missing">missing</td>'),
        (Cell("", "text"), "<td></td>"),
        (Cell(HOSTILE, "text"), f"<td>{ESCAPED}</td>"),
        (Cell(HOSTILE, "number"), f'<td class="n">{ESCAPED}</td>'),
        (
            Cell(LONG, "text", 999_700),
            f'<td class="cut" tabindex="0" title="{LONG}">{LONG}</td>'.replace(
                LONG, f"{LONG}… (999,700 more)"
            ),
        ),
        (
            Cell(HOSTILE * 9, "text"),
            f'<td class="cut" tabindex="0" title="{ESCAPED * 9}">{ESCAPED * 9}</td>',
        ),
    ],
)
def test_a_cell_is_written_as_text_whatever_is_in_it(cell: Cell, written: str) -> None:
    row = Row(number=1, pseudonym="f" * 64, cells=(cell, cell))

    assert cells(row) == written * 2


def test_a_table_of_any_shape_fits_its_picture() -> None:
    for rows, columns in [(0, 0), (1, 1), (10**9, 10**6)]:
        assert 'viewBox="0 0 44 32"' in table_shape(rows, columns)


def test_icons_are_silent_for_screen_readers() -> None:
    drawn = Template('{% load fairdb %}{% icon "upload" %}').render(Context())

    assert 'aria-hidden="true"' in drawn
    assert "icons.svg#upload" in drawn
