"""A folder of hierarchy files, each for the column that its name says."""

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

from anonymization.hierarchies.layout import MOST_BYTES, Imported, imported
from datasets.ingest.names import shown
from fairdb_site.errors import Refused, TooLarge

_FILE: Final = re.compile(r"(?P<stem>.+)\.csv", re.IGNORECASE | re.DOTALL)
_BEFORE_COLUMN: Final = re.compile(r"(?:^|_)hierarchy_", re.IGNORECASE)


def hierarchies_in(
    folder: Path, wanted: Iterable[str], header: Sequence[str]
) -> dict[str, Imported]:
    """Return the hierarchies of some columns of a table from the files of a folder.

    `header` has all columns of the table. Raises Refused as `files_for` and `imported` do.
    """
    if not folder.is_dir():
        raise Refused(f"There is no folder {folder}.", option="hierarchies")
    names = sorted(path.name for path in folder.iterdir() if path.is_file())
    return {
        column: imported(_content(folder / name), name=name)
        for column, name in files_for(wanted, names, header).items()
    }


def files_for(wanted: Iterable[str], names: Iterable[str], header: Sequence[str]) -> dict[str, str]:
    """Return the file of each wanted column: `<anything>_hierarchy_<column>.csv`, `<column>.csv`.

    A name that is exactly a column's goes before one that is so but for case and odd characters.
    Raises Refused where a column has no file, or several, or a file several columns.
    """
    found: dict[str, list[str]] = {}
    unclear: dict[str, list[tuple[str, list[str]]]] = {}
    for name in names:
        columns = _columns_named(name, header)
        if len(columns) == 1:
            found.setdefault(columns[0], []).append(name)
        for column in columns if len(columns) > 1 else ():
            unclear.setdefault(column, []).append((name, columns))
    return {column: _only_file(column, found, unclear) for column in wanted}


def _only_file(
    column: str,
    found: Mapping[str, list[str]],
    unclear: Mapping[str, list[tuple[str, list[str]]]],
) -> str:
    files = found.get(column, [])
    if len(files) == 1:
        return files[0]
    if files:
        raise Refused(
            f"The column {shown(column)} has {len(files)} hierarchy files: "
            f"{' and '.join(map(shown, files))}. Leave one of them.",
            option="hierarchies",
        )
    for name, columns in unclear.get(column, []):
        raise Refused(
            f"The file {shown(name)} could be the hierarchy of {' or '.join(map(shown, columns))}. "
            "Name it as the column is written.",
            option="hierarchies",
        )
    raise Refused(
        f"The column {shown(column)} has no hierarchy file: put one named "
        f"hierarchy_{column}.csv or {column}.csv into the folder.",
        option="hierarchies",
    )


def _columns_named(name: str, header: Sequence[str]) -> list[str]:
    """Return the columns that the name of a file may mean: mostly one or none."""
    match = _FILE.fullmatch(name)
    if not match:
        return []
    stem = match["stem"]
    # a column may hold the word itself, so all ways to part the name are tried
    said = [stem, *(stem[mark.end() :] for mark in _BEFORE_COLUMN.finditer(stem))]
    if exact := [column for column in dict.fromkeys(header) if column in said]:
        return [max(exact, key=len)]
    plain = {_plain(text) for text in said} - {""}
    return [column for column in dict.fromkeys(header) if _plain(column) in plain]


def _plain(text: str) -> str:
    """Return what is left without case and what is no letter or digit."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return "".join(character for character in folded if character.isalnum())


def _content(path: Path) -> bytes:
    with path.open("rb") as file:
        data = file.read(MOST_BYTES + 1)
    if len(data) > MOST_BYTES:
        raise TooLarge(f"{path.name}: the hierarchy has over {MOST_BYTES >> 20} MB.")
    return data
