"""One run from CSV, timed in a process of its own: `python -m bench.privacy_from_csv CSV WHICH QI`.

Prints seconds and peak memory in GiB. `ours` is a report with the sensitive columns
`salary-class` and `income`, made as `privacy_report FILE` makes it; `polars` reads the file and
groups by the same columns.
"""

import resource
import sys
import time

import polars as pl

from datasets.ingest.read import open_table
from privacy.chosen import Rules, names_at, roles_named
from privacy.measuring import report_of
from privacy.reading import columns_coded

SENSITIVE = ("salary-class", "income")


def main() -> None:
    """Run once and print what it took."""
    path, which, quasi = sys.argv[1:]
    names = quasi.split(",")
    started = time.perf_counter()
    if which == "polars":
        pl.read_csv(path).group_by(names).len()
    else:
        table = open_table(path)
        roles = roles_named(
            table.file_header, quasi_identifiers=quasi, sensitive=",".join(SENSITIVE)
        )
        columns = columns_coded(table, roles.positions)
        called = names_at(table.file_header, roles.positions)
        report_of(columns, names=called, roles=roles, rules=Rules())
    took = time.perf_counter() - started
    print(took, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20)


if __name__ == "__main__":
    main()
