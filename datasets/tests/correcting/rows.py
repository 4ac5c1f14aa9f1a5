"""The rows that tests of corrections correct, and their pages as a browser sees them."""

import re
from html import unescape
from typing import Any

from datasets.tests.stored import Columns, Stored, run

COLUMNS: Columns = {
    "age": ("integer", [31, 47, None]),
    "weight": ("float", [70.5, 1e22, None]),
    "smokes": ("boolean", [True, False, None]),
    "born": ("date", ["1990-01-31", "1980-02-29", None]),
    "note": ("text", ["first", "two\nlines <b>", None]),
}
HTMX = {"HX-Request": "true"}


def address(stored: Stored, row: int, position: int | None = None) -> str:
    cell = "" if position is None else f"{position}/"
    return f"/datasets/{stored.id}/rows/{row}/{cell}"


def fields(page: str) -> dict[str, str]:
    """Return what a browser would send of the form of cells as it stands."""
    sent = {}
    form = page[page.index("csrfmiddlewaretoken") :]
    for name, value in re.findall(
        r'<input type="(?:text|hidden)"\s+name="((?:c|seen)\d+)"[^>]*?value="([^"]*)"', form
    ):
        sent[name] = unescape(value)
    for name, value in re.findall(r'<textarea name="(c\d+)"[^>]*>\n([^<]*)</textarea>', form):
        sent[name] = unescape(value).replace("\n", "\r\n")
    for name, options in re.findall(r'<select name="(c\d+)"[^>]*>(.*?)</select>', form, re.S):
        chosen = re.search(r'value="(\w*)"\s+selected', options)
        sent[name] = chosen[1] if chosen else ""
    return sent


def values(stored: Stored, row: int) -> tuple[Any, ...]:
    return run(f"select c2, c3, c4, c5::text, c6 from {stored.qualified} where rowid = {row}")[0]
