"""The columns and sheets of a file that is about to be uploaded, as choices of its form."""

from collections import Counter
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass

from datasets.ingest.heading import Heading
from datasets.ingest.profile import column_name
from datasets.ingest.sheets import MOST_SHEETS, Sheet

MOST_IN_MENU = 200
"""Columns that a menu lists; among more than these one searches by typing."""

MOST_LISTED = 10_000
"""Columns that are listed to be searched: about as many as a browser searches while one types."""

LONGEST_SHEET = 200
"""Characters of a sheet's name that the form takes; of a longer one, the number."""

SHOWN_START, SHOWN_END = 48, 24

_SEPARATORS = {",": "commas", "\t": "tabs", ";": "semicolons", "|": "pipes"}
_ENCODINGS = {"cp1252": "Windows-1252", "iso8859-1": "ISO-8859-1"}


@dataclass(frozen=True)
class IdChoice:
    """A column: what the form sends for it, and what people read."""

    position: int
    value: str
    text: str
    is_first_choice: bool


@dataclass(frozen=True)
class IdChooser:
    """What is known of a file's columns; `choices` are all of them, or the first 10,000."""

    heading: Heading
    choices: tuple[IdChoice, ...]
    first_choice: IdChoice

    @property
    def total(self) -> int:
        """How many columns the file has."""
        return len(self.heading.labels)

    @property
    def is_menu(self) -> bool:
        """Whether the columns are few enough for a menu."""
        return self.total <= MOST_IN_MENU

    @property
    def is_open(self) -> bool:
        """Whether no column is chosen beforehand: none looks like an id, the first least of all."""
        return self.heading.first_repeats

    @property
    def is_complete(self) -> bool:
        """Whether every column is listed."""
        return len(self.choices) == self.total

    @property
    def evidence(self) -> str:
        """What the file was taken for, in words."""
        evidence = self.heading.evidence
        if evidence.form != "text":
            return ""  # `evidence.why` has sentences of its own
        separator = _SEPARATORS.get(evidence.delimiter, f"“{evidence.delimiter}”")
        encoding = _ENCODINGS.get(evidence.encoding, evidence.encoding.upper())
        parts = [f"separated by {separator}"] if self.total > 1 else []
        parts += [encoding] + (["gzip"] if evidence.compression else [])
        return ", ".join(parts)


def id_chooser(heading: Heading) -> IdChooser:
    """Return the columns of a file as choices; the first choice is the likely id, or column 1."""
    first = heading.likely.position if heading.likely else 1
    times = Counter(heading.labels)
    wanted = sorted({*range(1, min(len(heading.labels), MOST_LISTED) + 1), first})
    choices = tuple(
        _choice(heading.labels, position, times, is_first_choice=position == first)
        for position in wanted
    )
    return IdChooser(heading, choices, next(c for c in choices if c.is_first_choice))


@dataclass(frozen=True)
class SheetChoice:
    """A sheet of a workbook: what the form sends for it, and what people read."""

    value: str
    name: str
    is_hidden: bool
    is_chosen: bool


def sheet_menu(
    sheets: Sequence[Sheet], *, named: str = "", found: str | None = None
) -> tuple[SheetChoice, ...]:
    """Return the sheets to choose from; none where there is no choice, or too much of it.

    `named` is what the form said, `found` the sheet that is read where it said nothing: choosing
    that one says nothing too.
    """
    if not 1 < len(sheets) <= MOST_SHEETS:
        return ()
    names = {sheet.name for sheet in sheets}
    return tuple(_sheet_choice(sheet, names, named, found) for sheet in sheets)


def _sheet_choice(
    sheet: Sheet, names: Container[str], named: str, found: str | None
) -> SheetChoice:
    is_found = sheet.name == found
    value = "" if is_found and not named else _sheet_value(sheet, names)
    return SheetChoice(
        value=value,
        name=" ".join(sheet.name[:LONGEST_SHEET].split()) or "no name",
        is_hidden=sheet.is_hidden,
        is_chosen=is_found or (found is None and value == named),
    )


def _sheet_value(sheet: Sheet, names: Container[str]) -> str:
    """Return what names a sheet in a form, which trims what is sent: its name, or its number."""
    name = sheet.name
    if name.isprintable() and name == name.strip() and 0 < len(name) <= LONGEST_SHEET:
        return name
    number = f"{sheet.number}"
    while number in names:
        number = f"0{number}"
    return number


def _choice(
    labels: Sequence[str], position: int, times: Mapping[str, int], *, is_first_choice: bool
) -> IdChoice:
    label, name = labels[position - 1], column_name(labels, position, times)
    words = " ".join(label.split())
    if len(words) > SHOWN_START + SHOWN_END + 1:
        words = f"{words[:SHOWN_START]}…{words[-SHOWN_END:]}"
    text = words if name == label == words else f"{words or 'no name'} (column {position:,})"
    return IdChoice(position, name, text, is_first_choice)
