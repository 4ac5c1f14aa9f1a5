"""Small tables made by hand for tests: a file of given bytes, and every cell of one read back."""

import csv
import io
from pathlib import Path

from datasets.ingest.read import TableSource

# separators, quotes and line ends come often: they are where reading goes wrong
TRICKY = 'a1é😀 ,;"\n\r\t|\\'


def cells(table: TableSource) -> list[tuple[str | None, ...]]:
    """Read every row of `table`."""
    return [row for block in table.blocks() for row in block.frame.iter_rows()]


def numbered(table: TableSource) -> dict[int, tuple[str | None, ...]]:
    """Read every row of `table`, by its number in the file."""
    return {
        block.row_number(place): row
        for block in table.blocks()
        for place, row in enumerate(block.frame.iter_rows())
    }


def csv_records(text: str, delimiter: str) -> list[list[str]]:
    """Read `text` as Python's csv module does: blank lines are empty records."""
    return list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))


def leaves_quote_open(text: str, delimiter: str) -> bool:
    """Whether Python's csv module would be inside quotes at the end of `text`."""
    return csv_records(text + "\n\x01", delimiter)[-1] != ["\x01"]


def quoted(cell: str | None) -> str:
    """Return a cell as CSV: None as an empty cell, everything else in quotes."""
    return "" if cell is None else '"' + cell.replace('"', '""') + '"'


def write(path: Path, content: str | bytes) -> Path:
    """Write a file of exactly these bytes."""
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path
