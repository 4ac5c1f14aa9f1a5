"""Numbers as people write them: read without rounding, and written back as they were."""

import math
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation

from datasets.ingest.names import shown
from fairdb_site.errors import Refused


def exact(value: str) -> Decimal:
    """Return the number that a text is; raise Refused for another text, and for infinity."""
    try:
        number = Decimal("nan" if "_" in value else value)  # Python takes 1_000
    except InvalidOperation:
        number = Decimal("nan")
    # as doubles are: beyond them a label would have millions of zeros
    if not number.is_finite() or not math.isfinite(float(number)) or (number and not float(number)):
        raise Refused(f"{shown(value)} is not a number, which this hierarchy is over.")
    return number


def plain(number: Decimal) -> str:
    """Return a number without an exponent and without zeros at its end: `20`, `0.5`."""
    text = f"{number:f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text == "-0" else text


def span(low: str, high: str) -> str:
    """Return the label of all numbers from one to another: `17-23`, `-5 to 3`, or the one."""
    if low == high:
        return low
    # a second minus sign would be hard to read, and to take apart
    return f"{low} to {high}" if "-" in low + high else f"{low}-{high}"


def all_whole(numbers: Sequence[Decimal]) -> bool:
    """Return whether none has a fraction."""
    return all(number == number.to_integral_value() for number in numbers)
