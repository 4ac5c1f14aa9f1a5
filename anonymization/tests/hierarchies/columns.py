"""Columns of a file made of lists, as a report reads them."""

import csv
import io
from collections.abc import Sequence

from datasets.ingest.read import open_table
from privacy.reading import Valued, columns_valued


def column(cells: Sequence[str | None]) -> Valued:
    """Return a column of these cells, None and "" missing, typed as a load would."""
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows([("row", "it"), *enumerate(cells)])
    data = text.getvalue().encode()
    table = open_table(lambda: io.BytesIO(data), delimiter="comma", encoding="utf-8")
    return columns_valued(table, [2])[2]
