"""Run every measurement on a throwaway stack: `uv run python -m bench [--rows N]`."""

import argparse
import os
import platform

from bench.stack import throwaway_stack

parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
parser.add_argument("--rows", type=int, default=1_000_000, help="rows of the mixed table")
options = parser.parse_args()

with throwaway_stack() as folder:
    from bench import ingest

    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    ingest.run(folder, options.rows)
