"""Choices as they are kept with a file: as the arguments of its load."""

from collections.abc import Sequence
from dataclasses import replace

from datasets.ingest.choosing import choose_columns
from datasets.ingest.same_header import digest_of
from datasets.loading.asked import Asked
from fairdb_site.errors import Refused

from .choices import Choices

_OTHER_COLUMNS = (
    "Read in this way the file has other columns than before, so what was chosen about columns was "
    "dropped."
)


def reading_of(asked: Asked) -> Choices:
    """Return how the file is to be read; about its columns nothing, as they are not known yet."""
    return Choices(
        delimiter=asked.delimiter,
        encoding=asked.encoding,
        sheet=asked.sheet,
        skip_bad_rows=asked.skip_bad_rows,
        missing=tuple(asked.missing),
    )


def choices_of(asked: Asked, labels: Sequence[str]) -> tuple[Choices, str]:
    """Return (what was chosen, now that the columns are known; what had to be dropped, and why)."""
    reading = replace(reading_of(asked), header=digest_of(labels))
    if asked.header and asked.header != reading.header:
        chosen = asked.id_column or asked.types or asked.leave_out or asked.number_rows
        return reading, _OTHER_COLUMNS if chosen else ""
    try:
        columns = choose_columns(
            labels,
            id_column=asked.id_column,
            types=asked.types,
            leave_out=asked.leave_out,
            number_rows=asked.number_rows,
        )
    except Refused as error:
        return reading, f"{error.message} What was said about columns was dropped."
    return (
        replace(
            reading,
            id_position=columns.id_position,
            number_rows=columns.number_rows,
            types=columns.types,
            left_out=frozenset(columns.left_out),
        ),
        "",
    )


def asked_with(asked: Asked, choices: Choices, labels: Sequence[str]) -> Asked:
    """Return what is asked of a file, with these choices for the columns of its header."""
    return replace(asked, **choices.as_arguments(labels), header=choices.header)
