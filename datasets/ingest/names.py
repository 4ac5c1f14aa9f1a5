"""Names of tables and columns in the database for any labels a file may have.

People see the labels; these names are for SQL. They are ASCII, at most 63 bytes (PostgreSQL's
NAMEDATALEN less one), unique within a dataset, and the same for the same labels.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

MAX_NAME: Final = 63
HASH_SUFFIX: Final = "_hash"
# our own columns, and PostgreSQL's system columns (manual, 5.6), which no table may name again
RESERVED: Final = frozenset(
    {"rowid", "user_id", "tableoid", "xmin", "cmin", "xmax", "cmax", "ctid", "oid"}
)
_TITLE_LENGTH = 40
_SHOWN = 100
_SHORT_ID = 12  # hex digits from the random end of the uuid (versions 4 and 7)


@dataclass(frozen=True)
class ColumnNames:
    """Names by place: `columns[i]` belongs to label i; the id column's is `<id_base>_hash`."""

    columns: tuple[str, ...]
    id_base: str


def column_names(labels: Sequence[str], id_position: int) -> ColumnNames:
    """Return the physical name of every column; `id_position` counts from 1."""
    id_base = slug(labels[id_position - 1], MAX_NAME - len(HASH_SUFFIX)) or "id"
    id_name = id_base + HASH_SUFFIX
    taken = {*RESERVED, id_base, id_name}
    next_number: dict[str, int] = {}
    names: list[str] = []
    for position, label in enumerate(labels, 1):
        if position == id_position:
            names.append(id_name)
            continue
        base = slug(label, MAX_NAME) or f"column_{position}"
        name, number = base, next_number.get(base, 2)
        while name in taken:
            suffix = f"_{number}"
            name, number = base[: MAX_NAME - len(suffix)] + suffix, number + 1
        next_number[base] = number
        taken.add(name)
        names.append(name)
    return ColumnNames(tuple(names), id_base)


def part_names(title: str, dataset_id: UUID, count: int) -> tuple[str, ...]:
    """Return `<slug of the title>_<short id>_p1`, `_p2`, ... for the parts of a dataset."""
    base = slug(title, _TITLE_LENGTH) or "dataset"
    return tuple(f"{base}_{dataset_id.hex[-_SHORT_ID:]}_p{n}" for n in range(1, count + 1))


def shown(label: str) -> str:
    """Return a label as messages show it: in quotes, on one line, cut where it is long."""
    return repr(label if len(label) <= _SHOWN else f"{label[:_SHOWN]}…")


def slug(label: str, length: int) -> str:
    """Return `label` as lower case ASCII letters, digits and underscores, starting with a letter.

    Accents are dropped, everything else becomes one underscore; "" where nothing is left.
    """
    plain = unicodedata.normalize("NFKD", label[: 8 * length]).encode("ascii", "ignore").decode()
    words = re.sub(r"[^a-z0-9]+", "_", plain.lower()).strip("_")
    if words and words[0].isdigit():
        words = f"n{words}"
    return words[:length].rstrip("_")
