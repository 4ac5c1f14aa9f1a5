"""The columns of a file that is about to be uploaded, as choices for its id column."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from datasets.ingest.heading import Heading
from datasets.ingest.profile import column_name

MOST_IN_MENU = 200
"""Columns that a menu lists; among more than these one searches by typing."""

MOST_LISTED = 10_000
"""Columns that are listed to be searched: about as many as a browser searches while one types."""

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


def _choice(
    labels: Sequence[str], position: int, times: Mapping[str, int], *, is_first_choice: bool
) -> IdChoice:
    label, name = labels[position - 1], column_name(labels, position, times)
    words = " ".join(label.split())
    if len(words) > SHOWN_START + SHOWN_END + 1:
        words = f"{words[:SHOWN_START]}…{words[-SHOWN_END:]}"
    text = words if name == label == words else f"{words or 'no name'} (column {position:,})"
    return IdChoice(position, name, text, is_first_choice)
