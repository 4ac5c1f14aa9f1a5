"""Measure on a throwaway stack: `uv run python -m bench [NAME ...] [OPTION ...]`."""

import argparse
from collections.abc import Callable, Iterator
from pathlib import Path

from bench.kept import RESULTS, keep
from bench.result import Result
from bench.stack import throwaway_stack

NAMES = ("ingest", "browse", "export", "counts", "memory", "dashboard", "web")


def main() -> None:
    """Run the measurements that are named, all of them by default."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("names", nargs="*", choices=[[], *NAMES], help="which; all by default")
    parser.add_argument("--rows", type=int, default=1_000_000, help="rows of the mixed table")
    parser.add_argument("--responses", type=int, default=100_000, help="that web searches")
    parser.add_argument("--write", action="store_true", help=f"keep them in {RESULTS.name}")
    options = parser.parse_args()
    changed = {
        option: value
        for option, value in (("rows", options.rows), ("responses", options.responses))
        if value != parser.get_default(option)
    }
    with throwaway_stack() as folder:
        for name in options.names or NAMES:
            results: list[Result] = []
            for result in _measurement(name, folder, options.rows, options.responses)():
                print(result.row(), flush=True)
                results.append(result)
            if options.write:
                told = "".join(f" --{option} {value}" for option, value in changed.items())
                keep(name, results, options=told)


def _measurement(
    name: str, folder: Path, rows: int, responses: int
) -> Callable[[], Iterator[Result]]:
    from bench import browse, dashboard, export, ingest, web

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
        "web": lambda: web.run(folder, responses),
    }[name]


if __name__ == "__main__":
    main()
