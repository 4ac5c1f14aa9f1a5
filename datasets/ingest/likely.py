"""The refusal where no id column was named and another than the first looks like it."""

from collections import Counter
from collections.abc import Sequence

from fairdb_site.errors import Refused

from .names import shown
from .profile import TableProfile, column_name, suggest_id_column
from .read import TableSource


class AnotherIdLikely(Refused):
    """No id column was named, and another than the first looks like it; `name` names that one.

    `position` and `first`, where the first column that is read stands, are places in the file.
    """

    def __init__(self, header: Sequence[str], position: int, first: int = 1) -> None:
        times = Counter(header)
        self.name, insist = (column_name(header, place, times) for place in (position, first))
        label = header[first - 1]
        super().__init__(
            f"No id column was named, and column {position:,}, {shown(header[position - 1])}, "
            "looks more like one than the first, "
            f"{shown(label) if label.strip() else 'which has no name'}. Nothing was "
            f"stored. Name the id column: {shown(self.name)} or {shown(insist)}.",
            option="id_column",
        )


def require_likeliest_first(table: TableSource, profile: TableProfile) -> None:
    """Raise AnotherIdLikely where another than the first column that is read looks like the id."""
    if (likely := suggest_id_column(profile)) != 1:
        position = table.positions[likely - 1]
        raise AnotherIdLikely(table.file_header, position, table.positions[0])
