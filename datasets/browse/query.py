"""Which rows of a dataset a page shows: read from its address, written back to one.

An address says it all: `?columns=1-12,40&where=3.ge.40&where=7.in.a,b&sort=-5&rows=100&after=17`.

- `where`, as often as there are conditions: the column's position in the file, an operator, and
  what it is compared with, with dots between. Two values (`between`) or a list (`in`) are one line
  of CSV. All conditions have to hold.
- `sort`: the position of a column, with a minus before it from the largest value down.
- `rows`: how many rows a page has.
- `after`, `before`: the row that the page begins behind or ends before; `end`: the last page.

What cannot be read is passed over and told beside the page, which is shown all the same.
"""

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import urlencode

SIZES: Final = (50, 100, 200, 500)
"""How many rows a page may have."""

MOST_CELLS: Final = 20_000
"""Cells that a page bears; of many columns there are fewer rows."""

MOST_CONDITIONS: Final = 20

LONGEST_VALUE: Final = 2_000
"""Characters that a condition is compared with; an address has but some thousands."""

_LARGEST: Final = 2**62
_POSITION = re.compile(r"[1-9][0-9]{0,8}", re.ASCII)
_ROW = re.compile(r"[0-9]{1,19}", re.ASCII)


@dataclass(frozen=True)
class Operator:
    """What a condition does: its name in addresses, in words, and how many values it takes."""

    name: str
    words: str
    values: int  # 0, 1, 2, or MANY
    sign: str = ""

    @property
    def takes_list(self) -> bool:
        """Whether its values are a line of CSV."""
        return self.values > 1


MANY: Final = 1_000

OPERATORS: Final[Mapping[str, Operator]] = {
    operator.name: operator
    for operator in (
        Operator("eq", "is", 1, "="),
        Operator("ne", "is not", 1, "≠"),
        Operator("lt", "is less than", 1, "<"),
        Operator("le", "is at most", 1, "≤"),
        Operator("gt", "is more than", 1, ">"),
        Operator("ge", "is at least", 1, "≥"),
        Operator("between", "is between", 2),
        Operator("contains", "contains", 1),
        Operator("starts", "starts with", 1),
        Operator("ends", "ends with", 1),
        Operator("in", "is one of", MANY),
        Operator("missing", "is missing", 0),
        Operator("present", "is not missing", 0),
    )
}


@dataclass(frozen=True)
class Condition:
    """What a row's value in a column is compared with; `values` as many as the operator takes."""

    position: int
    operator: str
    values: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The values as a person types them."""
        return (
            csv_line(self.values) if OPERATORS[self.operator].takes_list else "".join(self.values)
        )

    @property
    def written(self) -> str:
        """The condition as an address writes it."""
        text = f".{self.text}" if self.values else ""
        return f"{self.position}.{self.operator}{text}"


@dataclass(frozen=True)
class Query:
    """The rows that a page shows: which columns, which rows, in which order, from where on."""

    columns: str = ""  # as `column_choice` reads it
    conditions: tuple[Condition, ...] = ()
    sort: int | None = None
    descending: bool = False
    rows: int = SIZES[0]
    after: int | None = None
    before: int | None = None
    at_end: bool = False

    @property
    def is_plain(self) -> bool:
        """Whether it shows all rows in the order of the file."""
        return not self.conditions and self.sort is None

    def at(
        self, *, after: int | None = None, before: int | None = None, at_end: bool = False
    ) -> "Query":
        """Return the same from another place on; from the first row where none is named."""
        return replace(self, after=after, before=before, at_end=at_end)

    def sorted_by(self, sort: int | None, *, descending: bool = False) -> "Query":
        """Return the same in another order, from its beginning."""
        return replace(self.at(), sort=sort, descending=descending and sort is not None)

    def without(self, number: int) -> "Query":
        """Return the same without a condition, from its beginning."""
        kept = self.conditions[:number] + self.conditions[number + 1 :]
        return replace(self.at(), conditions=kept)

    @property
    def fields(self) -> tuple[tuple[str, str], ...]:
        """Names and values of an address, without what is so anyway."""
        fields = [("columns", self.columns)] if self.columns else []
        fields += [("where", condition.written) for condition in self.conditions]
        if self.sort is not None:
            fields.append(("sort", f"{'-' if self.descending else ''}{self.sort}"))
        if self.rows != SIZES[0]:
            fields.append(("rows", str(self.rows)))
        return (*fields, *self.place)

    @property
    def place(self) -> tuple[tuple[str, str], ...]:
        """The fields that say from where on."""
        if self.at_end:
            return (("end", "1"),)
        if self.before is not None:
            return (("before", str(self.before)),)
        return (("after", str(self.after)),) if self.after is not None else ()

    @property
    def address(self) -> str:
        """The part of an address behind its path."""
        return "?" + urlencode(self.fields, safe=",-:")


@dataclass(frozen=True)
class Typed:
    """A condition as a form sends it: a column by name or number, an operator, what is compared."""

    column: str
    operator: str
    text: str

    @property
    def is_empty(self) -> bool:
        """Whether nothing was filled in."""
        return not self.column.strip() and not self.text.strip()


def read_query(sent: Mapping[str, Sequence[str]]) -> tuple[Query, tuple[str, ...]]:
    """Return what an address asks for, and what in it cannot be read, in plain words.

    `sent` gives each field's values in order. Whether columns exist is for the dataset to say.
    """
    faults: dict[str, None] = {}
    conditions = []
    for text in sent.get("where", ())[: MOST_CONDITIONS + 1]:
        try:
            conditions.append(read_condition(text))
        except ValueError as error:
            faults[str(error)] = None
    if len(conditions) > MOST_CONDITIONS:
        faults[f"At most {MOST_CONDITIONS} conditions are taken; the others were left out."] = None
    sort = _last(sent, "sort")
    descending = sort.startswith("-")
    if sort and not _POSITION.fullmatch(sort.removeprefix("-")):
        faults["Rows are sorted by a column's number, such as sort=3 or sort=-3."] = None
        sort = ""
    size = _last(sent, "rows")
    if size and size not in map(str, SIZES):
        faults[f"A page has {_in_words(SIZES)} rows."] = None
        size = ""
    before, after = _row(_last(sent, "before")), _row(_last(sent, "after"))
    at_end = bool(_last(sent, "end"))
    query = Query(
        columns=_last(sent, "columns")[:4_000],
        conditions=tuple(conditions[:MOST_CONDITIONS]),
        sort=int(sort.removeprefix("-")) if sort else None,
        descending=bool(sort) and descending,
        rows=int(size) if size else SIZES[0],
    )
    if before is not None and before < 1:
        before = None
    if at_end or before is not None:
        after = None
    return query.at(after=after, before=None if at_end else before, at_end=at_end), tuple(faults)


def read_condition(text: str) -> Condition:
    """Return a condition as an address writes it; ValueError says in plain words what is wrong."""
    position, _, rest = text.partition(".")
    operator, dot, value = rest.partition(".")
    if not _POSITION.fullmatch(position) or operator not in OPERATORS:
        raise ValueError(
            "A condition that cannot be read was left out. One is written such as where=3.ge.40: "
            "column, operator, value."
        )
    return Condition(int(position), operator, read_values(operator, value if dot else ""))


def read_values(operator: str, text: str) -> tuple[str, ...]:
    """Return what a condition is compared with, out of what a person typed.

    Raises ValueError, in plain words, where there are too few or too many.
    """
    words, most = OPERATORS[operator].words, OPERATORS[operator].values
    if len(text) > LONGEST_VALUE:
        raise ValueError(
            f"What a condition is compared with may have {LONGEST_VALUE:,} characters; a longer "
            "one was left out."
        )
    if "\x00" in text:
        raise ValueError("A condition held a NUL character, which no value has, and was left out.")
    if most == 0:
        return ()
    if most == 1:
        return (text,)
    try:
        values = tuple(next(csv.reader([text], skipinitialspace=True), []))
    except csv.Error:
        values = ()
    if most == 2 and len(values) != 2:
        raise ValueError(f"“{words}” takes two values with a comma between, such as 10, 20.")
    if not 0 < len(values) <= most:
        raise ValueError(f"“{words}” takes a list with commas between, such as a, b, c.")
    return values


def read_typed(sent: Mapping[str, Sequence[str]]) -> tuple[Typed, ...]:
    """Return the conditions that a form sends: `column`, `operator` and `value` in turn."""
    rows = zip(
        sent.get("column", ()), sent.get("operator", ()), sent.get("value", ()), strict=False
    )
    return tuple(Typed(*row) for row, _ in zip(rows, range(MOST_CONDITIONS), strict=False))


def csv_line(values: Iterable[str]) -> str:
    """Return values as one line of CSV, which `read_values` reads back."""
    line, cells = io.StringIO(), list(values)
    if any(cell[:1].isspace() or "\r" in cell or "\n" in cell for cell in cells):
        csv.writer(line, lineterminator="", quoting=csv.QUOTE_ALL).writerow(cells)
    else:
        csv.writer(line, lineterminator="").writerow(cells)
    return line.getvalue()


def rows_borne(rows: int, columns: int) -> int:
    """Return how many rows a page of so many columns has, at most `rows`: never below the least."""
    return max(
        (size for size in SIZES if size <= rows and size * columns <= MOST_CELLS),
        default=SIZES[0],
    )


def _last(sent: Mapping[str, Sequence[str]], name: str) -> str:
    values = sent.get(name, ())
    return values[-1].strip() if values else ""


def _row(text: str) -> int | None:
    if not _ROW.fullmatch(text):
        return None
    number = int(text)
    return number if number <= _LARGEST else None


def _in_words(sizes: Sequence[int]) -> str:
    return ", ".join(map(str, sizes[:-1])) + f" or {sizes[-1]}"
