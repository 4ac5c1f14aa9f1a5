"""The pseudonyms that raw ids have in the datasets of one owner, and the same as CSV."""

import csv
import io
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from uuid import UUID

from django.conf import settings

from datasets.ingest.load import require_same_key
from datasets.ingest.pseudonyms import key_fingerprint, owner_key, pseudonymize
from datasets.linking.occurrences import Occurrence
from fairdb_site.errors import Refused, TooLarge, Unavailable

CSV_HEADER: Final = ("id", "pseudonym")
LOOKED_UP: Final = ("dataset", "title", "row")
_A_CSV_PIECE: Final = 10_000  # ids
_CELLS = re.compile(r"""[,;\t|"]""")
# what a spreadsheet takes for a formula: https://owasp.org/www-community/attacks/CSV_Injection
_FORMULA = ("=", "+", "-", "@")


@dataclass(frozen=True)
class Linked:
    """Ids, each once and in the order given, with their pseudonyms beside them.

    An id is as it was given, without white space around it. `empty` counts the ids that were
    nothing else and were passed over, `repeated` those that came again.
    """

    ids: tuple[str, ...] = field(repr=False)
    pseudonyms: tuple[str, ...] = field(repr=False)
    empty: int
    repeated: int

    @property
    def pairs(self) -> Iterator[tuple[str, str]]:
        """Each id with its pseudonym."""
        return zip(self.ids, self.pseudonyms, strict=True)

    @property
    def like_cells(self) -> int:
        """How many ids look like lines of a table whose id column was not named."""
        return sum(_CELLS.search(value) is not None for value in self.ids)

    @property
    def like_formulas(self) -> int:
        """How many ids a spreadsheet would compute."""
        return sum(value.startswith(_FORMULA) for value in self.ids)


def ids_pseudonymize(
    *, owner_id: UUID, ids: Iterable[str], most: int, most_bytes: int | None = None
) -> Linked:
    """Return what the ids have for pseudonyms in every dataset of the owner.

    Raises Unavailable where the datasets were loaded under another key, Refused where there is no
    id, TooLarge for more than `most` different ones or `most_bytes` of them in UTF-8.
    """
    require_same_key(key_fingerprint(settings.FAIRDB_PSEUDONYM_KEY))
    different: dict[str, None] = {}
    given = empty = size = 0
    for value in ids:
        given += 1
        if not (stripped := value.strip()):
            empty += 1
        elif stripped not in different:
            different[stripped] = None
            size += len(stripped.encode()) + 1
            if len(different) > most or (most_bytes is not None and size > most_bytes):
                raise TooLarge(_too_many(most, most_bytes))
    if not different:
        raise Refused("There is no id in this.")
    listed = tuple(different)
    key = owner_key(settings.FAIRDB_PSEUDONYM_KEY, owner_id)
    return Linked(
        ids=listed,
        pseudonyms=tuple(pseudonymize(listed, key)),
        empty=empty,
        repeated=given - empty - len(listed),
    )


def csv_pieces(
    linked: Linked, found: Mapping[str, Sequence[Occurrence]] | None = None
) -> Iterator[str]:
    """Yield the CSV `id,pseudonym`: lines end in LF, a cell is quoted only where it has to be.

    With what was `found` for the pseudonyms it is `id,pseudonym,dataset,title,row`: a line for each
    row that has one, and one line with empty cells for an id that no row has.

    Ids are written as they are, those too that a spreadsheet would compute (`=1+1`): the file is
    to be joined with others by its ids, and an apostrophe before one would part it from them.
    """
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(CSV_HEADER if found is None else CSV_HEADER + LOOKED_UP)
    for number, (value, pseudonym) in enumerate(linked.pairs, 1):
        if found is None:
            writer.writerow((value, pseudonym))
        elif pseudonym not in found:
            writer.writerow((value, pseudonym, "", "", ""))
        else:
            for place in found[pseudonym]:
                writer.writerow((value, pseudonym, place.dataset, place.title, place.row))
        if number % _A_CSV_PIECE == 0:
            yield buffer.getvalue()
            buffer.seek(0)
            buffer.truncate()
    yield buffer.getvalue()


def write_new_file(out: Path, pieces: Iterable[str]) -> None:
    """Write a file that its writer alone can read; Refused where there is something already.

    What is there is neither overwritten nor followed: a file, a link, a device. On any failure no
    file is left behind.
    """
    try:
        descriptor = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise Refused(f"{out} is there already and is not overwritten. Name a new file.") from None
    except OSError as error:
        raise Refused(f"{out} cannot be written: {error.strerror}.") from None
    try:
        with open(descriptor, "w", encoding="utf-8", newline="") as file:
            file.writelines(pieces)
    except BaseException as error:
        out.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise Unavailable(f"{out} cannot be written: {error.strerror}.") from None
        raise


def _too_many(most: int, most_bytes: int | None) -> str:
    size = f", {most_bytes >> 20} MiB of them," if most_bytes else ""
    return f"At most {most:,} different ids{size} are taken at once. Give them in pieces."
