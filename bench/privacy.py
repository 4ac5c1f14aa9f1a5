"""Privacy measures beside pycanon, beside the bare grouping, and from CSV beside Polars.

    uv run python -m bench.privacy [--adult CSV] [--actg CSV] [--tables 1000] [--rows 3000000]
        [--columns 10000]

`--adult` is the Adult of ARX (30,162 rows, separated by semicolons), `--actg` ACTG 175. Figures are
compared one by one and any difference is printed; `--record FILE` keeps some of pycanon's for the
tests. Needs the network once, for pycanon.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from bench import privacy_wide
from bench.result import Result, medians, seconds, table
from privacy.measures.coding import coded, coded_series
from privacy.measures.combinations import all_combinations
from privacy.measures.grouping import group
from privacy.measures.report import Models, Report, measure
from privacy.tests.measures.oracle import Oracle

PYCANON = ("uv", "run", "--no-project", "--with", "pycanon==1.3.6", "python")
ADULT = "sex,age,race,marital-status,education,native-country,workclass,occupation"
ACTG = "age,gender,race,homo,drugs,karnof"
# random tables in the tests' sample; with the last two pycanon rounds entropies off
RECORDED = (*range(10), 44, 52)


def main() -> None:
    """Run what is asked for and print the table of results."""
    parser = argparse.ArgumentParser(prog="python -m bench.privacy", description=__doc__)
    parser.add_argument("--adult", type=Path)
    parser.add_argument("--actg", type=Path)
    parser.add_argument("--tables", type=int, default=0, help="random tables beside pycanon")
    parser.add_argument("--rows", type=int, default=0, help="rows of a CSV made of Adult's")
    parser.add_argument("--columns", type=int, default=0, help="of a stored wide table")
    parser.add_argument("--slow", action="store_true", help="pycanon on Adult too: a minute")
    parser.add_argument("--record", type=Path, help="file for some of pycanon's figures")
    options = parser.parse_args()
    results: list[Result] = []
    if options.tables:
        _random_tables(options.tables, options.record)
    if options.actg:
        _beside_pycanon(options.actg, ",", ACTG, "cd40")
        _beside_pycanon(options.actg, ",", ACTG, "symptom")
    if options.adult:
        results += _adult(options.adult, slow=options.slow)
        if options.rows:
            results += _from_csv(options.adult, options.rows)
    if options.columns:
        results += privacy_wide.run(options.columns)
    print(table(results))


def _random_tables(many: int, record: Path | None) -> None:
    """Compare with pycanon on random tables, each sensitive column alone and both together."""
    said = _pycanon("random", str(many))
    differ = [
        _random_differences(one, columns, theirs)
        for one in said
        for columns, theirs in one["said"].items()
    ]
    unlike, rounded = (sum(counts) for counts in zip(*differ, strict=True))
    print(
        f"{many:,} random tables: {unlike} figures differ from pycanon's, and {rounded} whole "
        "entropy l, where exact arithmetic is with ours"
    )
    if record:
        kept = [one for one in said if one["seed"] in RECORDED]
        record.write_text(json.dumps(kept).replace('{"seed"', '\n{"seed"') + "\n")


def _random_differences(
    one: dict[str, Any], columns: str, theirs: dict[str, Any]
) -> tuple[int, int]:
    report = measure(
        {name: coded(cells).codes for name, cells in one["quasi"].items()},
        {name: coded(cells).codes for name, cells in one["sensitive"].items()},
        ordered=["number"],
    )
    figures = report.overall if columns == "both" else report.columns[columns]
    oracle = Oracle(list(zip(*one["quasi"].values(), strict=True)), one["sensitive"])
    names = list(one["sensitive"]) if columns == "both" else [columns]
    what = f"table {one['seed']}, {columns}"
    return _differences(what, theirs, report, figures, oracle=oracle, names=names)


def _beside_pycanon(path: Path, delimiter: str, quasi: str, sensitive: str) -> dict[str, float]:
    """Compare with pycanon on a file; return pycanon's seconds."""
    theirs = _pycanon("csv", str(path), delimiter, quasi, sensitive)
    names = quasi.split(",")
    data = pl.read_csv(path, separator=delimiter, null_values="NA")
    found = coded_series(data[sensitive])
    report = measure(
        {name: coded_series(data[name]).codes for name in names},
        {sensitive: found.codes},
        ordered=[sensitive] if found.numeric else [],
    )
    figures, oracle = report.columns[sensitive], None
    if figures.l_distinct > 1:  # else nothing is asked of it, and it takes long
        oracle = Oracle(data.select(names).rows(), {sensitive: data[sensitive].to_list()})
    what = f"{path.name}, {sensitive}"
    unlike, rounded = _differences(
        what, theirs["found"], report, figures, oracle=oracle, names=[sensitive]
    )
    print(f"{what}: {unlike} figures differ from pycanon's, {rounded} by its rounding")
    return dict(theirs["seconds"])


def _differences(
    what: str,
    theirs: dict[str, Any],
    report: Report,
    figures: Models | None,
    *,
    oracle: Oracle | None,
    names: list[str],
) -> tuple[int, int]:
    """Count the figures that differ and print them, and those where pycanon rounded an l off.

    c is compared as pycanon sorts it.
    """
    assert figures is not None
    unlike = rounded = 0
    for name, other in theirs.items():
        ours = report.classes.k if name == "k" else getattr(figures, name)
        if name == "l_recursive_c" and oracle is not None:
            l = figures.l_distinct  # noqa: E741
            ascending = [oracle.recursive_c(n, l, ascending=True) for n in names]
            ours = max((c for c in ascending if c), default=None)
        if ours is other or (None not in (ours, other) and abs(ours - other) < 1e-9):
            continue
        exact = name == "l_entropy" and oracle and min(oracle.l_entropy(n) for n in names)
        if exact and exact == ours:
            rounded += 1
        else:
            unlike += 1
            print(f"  {what}: {name} is {ours}, pycanon's {other}")
    return unlike, rounded


def _adult(path: Path, *, slow: bool) -> Iterator[Result]:
    """Yield what all measures of Adult take with codes in hand, and the sweep."""
    names = ADULT.split(",")
    data = pl.read_csv(path, separator=";")
    codes = {name: coded_series(data[name]).codes for name in data.columns}
    quasi = {name: codes[name] for name in names}
    sensitive = {"salary-class": codes["salary-class"]}
    figures = measure(quasi, sensitive).flat()
    print(json.dumps(figures))
    columns = list(quasi.values())
    ours, bare = medians(
        lambda: seconds(lambda: measure(quasi, sensitive)),
        lambda: seconds(lambda: group(columns)),
        runs=51,
    )
    yield Result("all measures of Adult, codes in hand", 1e3 * ours, target=15, unit="ms")
    yield Result("the same beside the bare grouping", 1e3 * ours, 1e3 * bare, unit="ms")
    sweep = seconds(lambda: all_combinations(quasi))
    yield Result("SUDA and every combination to size 4 of Adult", sweep)
    if slow:
        theirs = _beside_pycanon(path, ";", ADULT, "salary-class")
        yield Result("pycanon's nine models of Adult, beside ours", sum(theirs.values()), ours)
        yield Result("pycanon's t of Adult, beside all of ours", theirs["t"], ours)


def _from_csv(adult: Path, rows: int) -> Iterator[Result]:
    """Yield what a report takes from CSV, beside Polars reading and grouping the same file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "wide.csv"
        _write_rows(adult, rows, path)
        ours, beside = medians(
            lambda: _in_a_process(path, "ours")[0], lambda: _in_a_process(path, "polars")[0]
        )
        what = f"{rows:,} rows from CSV to report, beside Polars reading and grouping"
        yield Result(what, ours, beside, target=4)
        yield Result("its memory", _in_a_process(path, "ours")[1], target=2, unit="GiB")


def _write_rows(adult: Path, rows: int, path: Path) -> None:
    """Write rows drawn from Adult's, ages shifted a little, with an income of many values."""
    rng = np.random.default_rng(1)
    data = pl.read_csv(adult, separator=";")
    drawn = data[rng.integers(0, len(data), rows)]
    drawn.with_columns(
        (pl.col("age") + pl.Series(rng.integers(-3, 4, rows))).clip(17, 90),
        pl.Series("income", rng.gamma(2, 20_000, rows).astype(int)),
    ).write_csv(path)


def _in_a_process(path: Path, which: str) -> tuple[float, float]:
    """Return the seconds and the peak memory (GiB) of one run in a process of its own."""
    command = [sys.executable, "-m", "bench.privacy_from_csv", str(path), which, ADULT]
    took, peak = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    return float(took), float(peak)


def _pycanon(*arguments: str) -> Any:
    command: Sequence[str] = (*PYCANON, "bench/pycanon_side.py", *arguments)
    started = time.perf_counter()
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    print(f"pycanon: {time.perf_counter() - started:.0f} s")
    return json.loads(said)


if __name__ == "__main__":
    main()
