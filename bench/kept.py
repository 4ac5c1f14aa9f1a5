"""RESULTS.md: what each bench found, between marks of its own, so that a run replaces that alone.

What people wrote around the marks stays.
"""

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from bench.result import Result, table

RESULTS = Path(__file__).with_name("RESULTS.md")


def keep(name: str, results: Iterable[Result], *, options: str = "") -> None:
    """Put the results of a bench in the place of its last ones, or at the end of the file."""
    command = f"uv run python -m bench {name}{options}"
    found = f"`{command}` of {datetime.now(UTC):%Y-%m-%d}, {table(results)}"
    RESULTS.write_text(replaced(RESULTS.read_text(), name, found))


def replaced(text: str, name: str, found: str) -> str:
    """Return the text with what was found between the marks of a bench."""
    begin, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
    block = f"{begin}\n{found.rstrip()}\n{end}"
    between = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
    if between.search(text):
        return between.sub(lambda _: block, text)
    return f"{text.rstrip()}\n\n## {name.capitalize()}\n\n{block}\n"
