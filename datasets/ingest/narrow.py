"""Blocks without the columns that a load leaves out: as if the file had never held them."""

from dataclasses import replace
from itertools import pairwise

import numpy as np

from .block import Block
from .datatypes import Mask
from .scan import scan


def narrowed(block: Block, keep: Mask) -> Block:
    """Return the block with the cells of some columns alone, a flag for each of its columns.

    The bytes of the others are gone, whatever they were: they are neither decoded nor typed.
    """
    if keep.all():
        return block
    if not keep.any():
        raise ValueError("A block keeps at least one column.")
    data = np.frombuffer(block.data, dtype=np.uint8)
    starts = np.concatenate(([0], block.scan.record_ends[:-1]))
    separators = block.scan.separators.reshape(block.rows, block.width - 1)
    # how many dropped runs begin at each byte, less how many end there
    steps = np.zeros(len(data) + 1, dtype=np.int8)
    for first, behind in _runs(~keep):
        if first:  # with the separator before them
            steps[separators[:, first - 1]] += 1
            last = behind == block.width
            steps[block.content_ends if last else separators[:, behind - 1]] -= 1
        else:  # with the one behind them
            steps[starts] += 1
            steps[separators[:, behind - 1] + 1] -= 1
    kept = data[np.cumsum(steps[:-1], dtype=np.int8) == 0].tobytes()
    return replace(block, data=kept, scan=scan(kept, ord(block.separator)), width=int(keep.sum()))


def _runs(wanted: Mask) -> list[tuple[int, int]]:
    """Return (first, behind the last) of the runs of wanted columns, from 0."""
    edges = np.flatnonzero(np.diff(wanted, prepend=False, append=False)).tolist()
    return list(pairwise(edges))[::2]
