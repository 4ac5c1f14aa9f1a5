"""Measure on a throwaway stack: `uv run python -m bench [NAME ...] [--rows N] [--write]`."""

import argparse
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from bench.result import Result, table
from bench.stack import throwaway_stack

NAMES = ("ingest", "browse", "export", "counts", "memory", "dashboard")
RESULTS = Path(__file__).with_name("RESULTS.md")


def main() -> None:
    """Run the measurements that are named, all of them by default."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("names", nargs="*", choices=[[], *NAMES], help="which; all by default")
    parser.add_argument("--rows", type=int, default=1_000_000, help="rows of the mixed table")
    parser.add_argument("--write", action="store_true", help=f"keep the table in {RESULTS.name}")
    options = parser.parse_args()
    results: list[Result] = []
    with throwaway_stack() as folder:
        for name in options.names or NAMES:
            for result in _measurement(name, folder, options.rows)():
                print(result.row(), flush=True)
                results.append(result)
    if options.write:
        command = " ".join(("uv run python -m bench", *options.names))
        text = f"# Results\n\n`{command}` of {datetime.now(UTC):%Y-%m-%d}, {table(results)}"
        RESULTS.write_text(text)


def _measurement(name: str, folder: Path, rows: int) -> Callable[[], Iterator[Result]]:
    from bench import browse, dashboard, export, ingest

    def memory() -> Iterator[Result]:
        for gigabytes in (1, 4):
            yield from ingest.memory(folder, gigabytes)

    return {
        "ingest": lambda: ingest.run(folder, rows),
        "browse": lambda: browse.run(folder, rows),
        "export": lambda: export.run(folder, rows),
        "counts": lambda: ingest.counts(folder),
        "memory": memory,
        "dashboard": lambda: dashboard.run(folder),
    }[name]


if __name__ == "__main__":
    main()
