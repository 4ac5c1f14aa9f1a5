"""Which columns look as if they told who a person is, by their names and by their cells.

A table of thousands of taxa must not be flagged, so a name counts only where the cells may be what
it says (no abundance is a postcode), and cells only where nearly all of them are alike. What is
flagged is a guess that is offered to people; what is not flagged may still be sensitive.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

import numpy as np

from datasets.ingest.datatypes import parsed
from datasets.ingest.profile import ColumnProfile

from .contents import MOST_VALUES, Contents
from .given_names import GIVEN_NAMES
from .header_words import Kind, kinds_named
from .national_ids import kinds_of

TITLES: Final[Mapping[Kind, str]] = {
    "name": "names of people",
    "birth": "dates of birth",
    "postcode": "postcodes",
    "phone": "phone numbers",
    "email": "e-mail addresses",
    "number": "national id numbers",
    "record": "record numbers of people",
    "address": "street addresses",
    "ip": "IP addresses",
    "place": "places on the map",
    "text": "free text, which may name people",
}
_FEW: Final = 5  # values; of fewer the cells alone say nothing
_MOST, _NEARLY_ALL, _HALF, _FIFTH = 0.8, 0.95, 0.5, 0.2
_GIVEN_NAMES_SHARE: Final = 0.3  # the list holds a part of all names
_LONGEST_PLACE_NAME: Final = 40
# kind, pattern, the share of cells that fit it, and what is said of them
_SHARES: Final[tuple[tuple[Kind, str, float, str], ...]] = (
    ("ip", "ip", _MOST, "are IP addresses"),
    ("postcode", "postcode", _MOST, "look like postcodes"),
    ("phone", "phone", _MOST, "look like phone numbers"),
    ("address", "street", _HALF, "look like street addresses"),
)
_COUNTED: Final = (
    *(pattern for _, pattern, _, _ in _SHARES),
    *("email", "id_number", "person", "sentence", "day_first", "iso_moment"),
)
_ADULT_YEARS, _SPREAD_YEARS = 18, 15
_YEAR: Final = re.compile(r"(?:19|20)[0-9]{2}")
_DATE: Final = re.compile(r"[0-9]{1,4}[/.-][0-9]{1,2}[/.-][0-9]{1,4}")
_INTEGER_RANGES: Final[Mapping[Kind, tuple[tuple[int, int], ...]]] = {
    "birth": ((1_900, 2_100), (19_000_101, 21_001_231)),
    "postcode": ((1_000, 999_999),),
    "phone": ((1_000_000, 10**15),),
    "number": ((100_000, 10**15),),
    "record": ((1_000, 10**15),),
}
_SIGN_OF: Final[Mapping[Kind, str]] = {
    "birth": "digit",
    "postcode": "digit",
    "record": "digit",
    "phone": "digits6",
    "number": "digits6",
}


@dataclass(frozen=True)
class Finding:
    """What a column looks as if it held, and what speaks for it in sentences."""

    kind: Kind
    reasons: tuple[str, ...]

    @property
    def title(self) -> str:
        """What the cells would be, as people call it."""
        return TITLES[self.kind]


def findings(column: ColumnProfile, contents: Contents, *, today: date) -> tuple[Finding, ...]:
    """Return what a column looks as if it told of a person; mostly nothing.

    `contents` hold the column's cells where it is one of text, of dates or of large numbers.
    """
    reasons: dict[Kind, list[str]] = {}
    for kind, words in _named(column).items():
        if _may_be(kind, column, contents):
            reasons.setdefault(kind, []).append(f"Its name says “{words}”.")
    place = column.position - 1
    if contents.wanted[place]:
        for kind, reason in _by_content(column, contents, today).items():
            reasons.setdefault(kind, []).append(reason)
    return tuple(Finding(kind, tuple(found)) for kind, found in reasons.items())


def _named(column: ColumnProfile) -> dict[Kind, str]:
    """Return what the name says, without a look at names of columns that cannot be meant."""
    if column.data_type == "boolean":
        return {}
    if column.data_type in {"integer", "float"} and not _is_large(column):
        short = len(column.label) <= _LONGEST_PLACE_NAME
        found = kinds_named(column.label) if column.data_type == "float" and short else {}
        return {kind: words for kind, words in found.items() if kind == "place"}
    return kinds_named(column.label)


def _is_large(column: ColumnProfile) -> bool:
    return column.mean is not None and column.mean >= 1_000


def _may_be(kind: Kind, column: ColumnProfile, contents: Contents) -> bool:
    """Whether the cells, as far as they were looked at, may be what the name says."""
    if column.data_type != "text":
        is_date = column.data_type in {"date", "timestamp"}
        return kind == "birth" if is_date else _number_may_be(kind, column)
    place = column.position - 1
    filled = int(contents.filled[place])
    if not filled:
        return True
    share = {name: int(counts[place]) / filled for name, counts in contents.counts.items()}
    if kind == "text":
        return share["wordy"] >= 0.2 and contents.mean_length[place] >= 10
    if kind == "name":
        return share["digit"] < _HALF
    if kind == "place":
        return max(share["number"], share["digits6"]) >= _HALF
    return share[_SIGN_OF[kind]] >= _HALF if kind in _SIGN_OF else True


def _number_may_be(kind: Kind, column: ColumnProfile) -> bool:
    if column.minimum is None or column.maximum is None:
        return False
    least, greatest = float(column.minimum), float(column.maximum)
    if kind == "place":
        return column.data_type == "float" and least >= -180 and greatest <= 180
    if not (least.is_integer() and greatest.is_integer()):
        return False
    return any(low <= least and greatest <= high for low, high in _INTEGER_RANGES.get(kind, ()))


def _by_content(column: ColumnProfile, contents: Contents, today: date) -> dict[Kind, str]:
    place = column.position - 1
    if not contents.filled[place]:
        return {}
    if column.data_type in {"date", "timestamp"}:
        return _dates_of_birth(_years_of_dates(column, contents), today)
    if column.data_type != "text":
        return _id_numbers(contents.values(place))
    return _of_text(column, contents, today)


def _of_text(column: ColumnProfile, contents: Contents, today: date) -> dict[Kind, str]:
    place = column.position - 1
    filled = int(contents.filled[place])
    counts = {name: int(contents.counts[name][place]) for name in _COUNTED}
    found: dict[Kind, str] = {}
    if counts["email"]:
        found["email"] = _of_cells(counts["email"], filled, "hold an e-mail address")
    if column.distinct < _FEW:
        return found
    for kind, pattern, share, says in _SHARES:
        if counts[pattern] >= share * filled:
            found[kind] = _of_cells(counts[pattern], filled, says)
    if "phone" in found and not _are_phones(contents.values(place)):
        del found["phone"]
    if counts["id_number"] >= _MOST * filled:
        found |= _id_numbers(contents.values(place))
    differ = column.distinct >= min(_FIFTH * filled, MOST_VALUES)
    if differ and counts["person"] >= _MOST * filled:
        found |= _given_names(contents.values(place))
    if differ and counts["sentence"] >= _HALF * filled and contents.mean_length[place] >= 30:
        found["text"] = _of_cells(counts["sentence"], filled, "hold a sentence")
    if counts["day_first"] + counts["iso_moment"] >= _MOST * filled:
        values = contents.values(place)
        years = [int(match[0]) for value in values if (match := _YEAR.search(value))]
        found |= _dates_of_birth(years, today)
    return found


def _of_cells(count: int, filled: int, says: str) -> str:
    cells = f"All {count:,}" if count == filled else f"{count:,} of {filled:,}"
    return f"{cells} values looked at {says}."


def _are_phones(values: Sequence[str]) -> bool:
    digits = [sum(map(str.isdigit, value)) for value in values if not _DATE.fullmatch(value)]
    return sum(9 <= count <= 15 for count in digits) >= _MOST * len(values)


def _id_numbers(values: Sequence[str]) -> dict[Kind, str]:
    """Return that nearly all of several values pass the test of one kind of number, if they do."""
    if len(values) < _FEW:
        return {}
    passed = Counter(kind for value in values for kind in kinds_of(value))
    if not passed:
        return {}
    title, count = passed.most_common(1)[0]
    if count < _NEARLY_ALL * len(values):
        return {}
    which = f"All {count:,}" if count == len(values) else f"{count:,} of {len(values):,}"
    return {"number": f"{which} different values looked at pass the test of {title}."}


def _given_names(values: Sequence[str]) -> dict[Kind, str]:
    hits = sum(any(word in GIVEN_NAMES for word in _words(value)) for value in values)
    if hits < 3 or hits < _GIVEN_NAMES_SHARE * len(values):
        return {}
    return {"name": f"{hits:,} of {len(values):,} different values hold a common given name."}


def _words(value: str) -> list[str]:
    plain = unicodedata.normalize("NFKD", value).encode("ascii", "ignore").decode().lower()
    words = re.findall(r"[a-z]+", plain)
    return [words[0], words[-1]] if words else []


def _years_of_dates(column: ColumnProfile, contents: Contents) -> list[int]:
    cells = contents.cells_of(column.position - 1)
    found = parsed(cells, column.data_type)
    unit = "datetime64[D]" if column.data_type == "date" else "datetime64[us]"
    years = found.values[found.fits].astype(unit).astype("datetime64[Y]").astype(np.int64) + 1970
    return [int(year) for year in years]


def _dates_of_birth(years: Sequence[int], today: date) -> dict[Kind, str]:
    """Return that years are spread as those of adults' births, if they are."""
    if len(years) < _FEW * 2 or min(years) < 1_900:
        return {}
    middle = float(np.median(years))
    if today.year - middle < _ADULT_YEARS or max(years) - min(years) < _SPREAD_YEARS:
        return {}
    return {
        "birth": (
            f"The dates lie between {min(years)} and {max(years)}, most of them before "
            f"{today.year - _ADULT_YEARS}, as dates of birth do."
        )
    }
