"""Tables to measure with, each the same every time."""

from pathlib import Path

import numpy as np
import polars as pl


def mixed(path: Path, rows: int) -> Path:
    """Write `rows` x 20: ids, integers, floats of three decimals, categories, days, booleans."""
    random = np.random.default_rng(1)
    columns: dict[str, object] = {"id": [f"P{n:08d}" for n in range(rows)]}
    for n in range(6):
        columns[f"integer {n}"] = random.integers(0, 100_000, rows)
        columns[f"float {n}"] = random.normal(50, 9, rows).round(3)
    for n in range(5):
        words = np.array([f"category {c}" for c in range(40)])
        columns[f"text {n}"] = words[random.integers(0, 40, rows)]
    days = np.datetime64("2000-01-01") + random.integers(0, 9_000, rows)
    columns |= {"day": days, "yes": random.random(rows) < 0.5}
    pl.DataFrame(columns).write_csv(path)
    return path


def floats(path: Path, rows: int, columns: int) -> Path:
    """Write six-digit floats between 0 and 1 behind an id."""
    random = np.random.default_rng(2)
    with path.open("w") as file:
        file.write(",".join(["id", *(f"taxon {n}" for n in range(columns))]) + "\n")
        for row in range(rows):
            cells = np.char.mod("%.6f", random.random(columns))
            file.write(f"P{row}," + ",".join(cells.tolist()) + "\n")
    return path


def counts(path: Path, rows: int, columns: int) -> Path:
    """Write counts of taxa behind an id: two thirds zeros, the rest long-tailed."""
    random = np.random.default_rng(3)
    with path.open("w") as file:
        file.write(",".join(["id", *(f"taxon {n}" for n in range(columns))]) + "\n")
        for row in range(rows):
            found = random.random(columns) < 1 / 3
            cells = np.where(found, random.geometric(0.01, columns), 0)
            file.write(f"P{row}," + ",".join(map(str, cells.tolist())) + "\n")
    return path


def repeated(path: Path, size: int) -> Path:
    """Write a table of 20 columns until the file has `size` bytes, in constant memory."""
    piece = mixed(path.with_suffix(".piece"), 100_000)
    header, _, rows = piece.read_bytes().partition(b"\n")
    piece.unlink()
    with path.open("wb") as file:
        file.write(header + b"\n")
        while file.tell() < size:
            file.write(rows)
    return path
