"""Numbers of rows before the cells of a table that has no id: 1, 2, ... in a column of ids."""

from collections.abc import Collection
from dataclasses import replace
from itertools import chain, count, pairwise

from .block import Block
from .scan import scan

ROW_NUMBER = "row_number"
NUMBERED = (
    "No column is the id, as chosen: the rows are numbered from 1, and their numbers are the ids. "
    "Row 5 has the pseudonym of row 5 of every other table of yours that is numbered so: join them "
    "by it only where the rows are the same."
)
"""What the receipt says of it."""


def label_of_numbers(labels: Collection[str]) -> str:
    """Return the label of the column of numbers: one that no column of the file has."""
    taken = set(labels)
    names = chain([ROW_NUMBER], (f"{ROW_NUMBER}_{n}" for n in count(2)))
    return next(name for name in names if name not in taken)


def numbered(block: Block, first: int) -> Block:
    """Return the block with a number before the cells of each row, from `first` on."""
    ends = block.scan.record_ends.tolist()
    separator = block.separator.encode()
    data = b"".join(
        b"%d%b%b" % (number, separator, block.data[start:end])
        for number, (start, end) in enumerate(pairwise([0, *ends]), first)
    )
    return replace(block, data=data, scan=scan(data, ord(block.separator)), width=block.width + 1)
