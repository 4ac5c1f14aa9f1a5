"""Check digits of national numbers, on the examples that their issuers publish."""

import pytest

from datasets.preview.national_ids import KINDS, kinds_of

EXAMPLES = {
    "Dutch citizen service numbers (BSN)": ["111222333", "1112.22.333"],
    "NHS numbers": ["943 476 5919", "9434765919"],
    "US Social Security numbers": ["078-05-1120"],
    "Polish PESEL numbers": ["44051401359"],
    "Swedish personal identity numbers": ["811228-9874", "19811228-9874"],
    "Danish CPR numbers": ["211062-5629"],
    "Finnish personal identity codes": ["131052-308T"],
    "Norwegian birth numbers": ["15076500565"],
    "Belgian national numbers": ["85.07.30-033.28"],
    "French social security numbers (NIR)": ["2 55 08 14 168 025 38"],
    "Spanish DNI or NIE numbers": ["12345678Z", "X-1234567-L"],
    "German tax identification numbers": ["36574261809", "86 095 742 719"],
    "UK National Insurance numbers": ["AB 12 34 56 C"],
    "Italian tax codes": ["RSSMRA85T10A562S"],
    "bank account numbers (IBAN)": ["NL91 ABNA 0417 1643 00", "GB82WEST12345698765432"],
}


def test_every_kind_has_an_example() -> None:
    assert set(EXAMPLES) == {kind.title for kind in KINDS}


@pytest.mark.parametrize(
    ("title", "cell"), [(title, cell) for title, cells in EXAMPLES.items() for cell in cells]
)
def test_published_example_passes(title: str, cell: str) -> None:
    assert title in kinds_of(cell)


@pytest.mark.parametrize(
    "title",
    # the others have no check digit, or one that is not looked at
    sorted(
        set(EXAMPLES)
        - {
            "US Social Security numbers",
            "Danish CPR numbers",
            "UK National Insurance numbers",
            "Italian tax codes",
        }
    ),
)
def test_example_with_another_digit_does_not(title: str) -> None:
    cell = EXAMPLES[title][0]
    last = max(place for place, sign in enumerate(cell) if sign.isdigit())
    for digit in set("0123456789") - {cell[last]}:
        assert title not in kinds_of(cell[:last] + digit + cell[last + 1 :])


@pytest.mark.parametrize(
    "cell", ["", "0", "12", "000000000", "é" * 9, "１１１２２２３３３", "A" * 11, "x-y-z"]
)
def test_other_cells_are_none(cell: str) -> None:
    assert kinds_of(cell) == []


def test_few_of_a_run_of_numbers_pass() -> None:
    passed = [number for number in range(100_000_000, 100_000_500) if kinds_of(str(number))]
    assert len(passed) < 100
