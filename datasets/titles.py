"""Titles of datasets: for one that nobody named, and of one that is named once more."""

import unicodedata
from pathlib import PurePath
from uuid import UUID

from datasets.models import Dataset
from fairdb_site.errors import Refused

LONGEST_TITLE = 200

_JOINERS = "\u200c\u200d"

_SUFFIXES = (
    ".gz", ".csv", ".tsv", ".tab", ".psv", ".txt", ".xlsx", ".xls", ".ods", ".parquet",
)  # fmt: skip


def title_from(file_name: str) -> str:
    """Return a title made of a file's name: `lab_values.tsv.gz` becomes "lab values"."""
    name = PurePath(file_name).name
    for suffix in _SUFFIXES:
        if name.lower().endswith(suffix):
            name = name[: -len(suffix)]
    return name.replace("_", " ").strip()[:LONGEST_TITLE] or "Untitled"


def title_of_next(owner_id: UUID, replaced: UUID | None, file_name: str) -> str:
    """Return a title where none was given: a next version keeps that of the dataset replaced."""
    if replaced is None:
        return title_from(file_name)
    kept = Dataset.objects.filter(pk=replaced, user_id=owner_id).values_list("title", flat=True)
    return kept.first() or title_from(file_name)


def title_told(title: str) -> str:
    """Return a title as it is kept: on one line, without letters that nobody sees.

    Raises Refused where nothing is left of it, or it is too long.
    """
    words = plain(title).split()  # tabs and line ends part words before they are dropped
    title = " ".join(visible(" ".join(words)).split())
    if not title:
        raise Refused("Give the dataset a title.")
    if len(title) > LONGEST_TITLE:
        raise Refused(f"The title is too long: {LONGEST_TITLE} characters at most.")
    return title


def visible(text: str) -> str:
    """Return the text without characters that nobody sees but that change how others are read.

    Control and format characters (Unicode categories Cc and Cf: right-to-left overrides, zero-width
    spaces) go; the joiners that some scripts and emoji are written with stay.
    """
    return "".join(
        character
        for character in text
        if character in _JOINERS or unicodedata.category(character) not in {"Cc", "Cf"}
    ).strip(_JOINERS)


def plain(text: str) -> str:
    """Return what was told of a dataset without white space around; Refused where it holds NUL."""
    if "\x00" in text:
        raise Refused("Title, description and origin are text: they cannot hold NUL characters.")
    return text.strip()


def is_same_title(typed: str, title: str) -> bool:
    """Return whether somebody typed this title: white space and the form of accents aside."""
    return _composed(typed) == _composed(title)


def _composed(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", text).split())
