"""One run from CSV, timed in a process of its own: `python -m bench.privacy_from_csv CSV WHICH QI`.

Prints seconds and peak memory in GiB. `ours` is a report with the sensitive columns
`salary-class` and `income`; `polars` reads the file and groups by the same columns.
"""

import resource
import sys
import time

import polars as pl

from privacy.measures.coding import coded_series
from privacy.measures.report import measure

SENSITIVE = ("salary-class", "income")


def main() -> None:
    """Run once and print what it took."""
    path, which, quasi = sys.argv[1:]
    names = quasi.split(",")
    started = time.perf_counter()
    data = pl.read_csv(path)
    if which == "polars":
        data.group_by(names).len()
    else:
        codes = {name: coded_series(data[name]).codes for name in (*names, *SENSITIVE)}
        del data
        measure(
            {name: codes[name] for name in names},
            {name: codes[name] for name in SENSITIVE},
            ordered=["income"],
        )
    took = time.perf_counter() - started
    print(took, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20)


if __name__ == "__main__":
    main()
