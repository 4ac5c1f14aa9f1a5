"""How pages write icons, counts, sizes, shares and names too long for their place."""

from decimal import Decimal, InvalidOperation

from django import template
from django.templatetags.static import static
from django.utils.html import format_html
from django.utils.safestring import SafeString

register = template.Library()

LONG_NAME = 34
"""Characters a name may have before it is shortened in the middle."""

TAIL = 11
"""Characters kept at the end of a shortened name: names of wide tables differ late."""

KIB = 1024


@register.simple_tag
def icon(name: str) -> SafeString:
    """Draw an icon of the sprite; it says nothing to a screen reader."""
    return format_html(
        '<svg class="icon" aria-hidden="true" focusable="false"><use href="{}#{}"></use></svg>',
        static("fairdb/icons.svg"),
        name,
    )


@register.filter
def count(value: object) -> str:
    """Write a whole number with thousands apart: 8,484."""
    return f"{value:,}" if isinstance(value, int) else str(value)


@register.filter
def times(value: int, noun: str) -> str:
    """Write a count with its noun: `{{ 2|times:"row" }}` is "2 rows"."""
    return f"{value:,} {noun}" if value == 1 else f"{value:,} {noun}s"


@register.filter
def share(value: float | None) -> str:
    """Write a share (0..1) as a percentage; a small share is never rounded to none, nor to all."""
    if not value:
        return "0 %"
    percent = value * 100
    if percent < 0.1:  # noqa: PLR2004 - the last figure that is shown
        return "< 0.1 %"
    if value < 1 and percent > 99.9:  # noqa: PLR2004
        return "> 99.9 %"
    return f"{percent:.1f} %".replace(".0 %", " %")


@register.filter
def size(value: int | None) -> str:
    """Write bytes as people read them (binary units): 3.2 MiB."""
    if value is None:
        return ""
    if value < KIB:
        return times(value, "byte")
    amount = float(value)
    for unit in ("KiB", "MiB", "GiB"):
        amount /= KIB
        if amount < KIB:
            break
    return f"{amount:.1f} {unit}".replace(".0 ", " ")


@register.filter
def duration(seconds: float | None) -> str:
    """Write a duration: 0.4 s, 12 s, 3 min 20 s."""
    if seconds is None:
        return ""
    if seconds < 10:  # noqa: PLR2004 - a tenth is worth showing only then
        return f"{max(seconds, 0.1):.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


@register.filter
def figure(value: object) -> str:
    """Write a statistic in at most six figures, thousands apart; text that is no number stays."""
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return str(value)
    if not number.is_finite():
        return str(value)
    if number == number.to_integral_value() and abs(number) < Decimal(10) ** 15:
        return f"{number:,.0f}"
    return f"{float(number):,.6g}"


@register.simple_tag
def long_name(name: str, most: int = LONG_NAME) -> SafeString:
    """Write a name so that its start and its end stay in sight; the whole of it is in the page."""
    if not name.strip():
        return format_html('<span class="missing">no name</span>')
    if len(name) <= most:
        return format_html('<span class="long"><span>{}</span></span>', name)
    return format_html(
        '<span class="long" title="{0}"><span>{1}</span><span>{2}</span></span>',
        name,
        name[:-TAIL],
        name[-TAIL:],
    )


TYPE_WORDS = {
    "integer": "whole number",
    "float": "decimal number",
    "boolean": "true or false",
    "date": "date",
    "timestamp": "date and time",
    "text": "text",
    "pseudonym": "pseudonym",
}


@register.simple_tag
def data_type(name: str) -> SafeString:
    """Draw a column's type: icon and word."""
    return format_html(
        '<span class="type {}" title="{}">{}{}</span>',
        name,
        TYPE_WORDS.get(name, name),
        icon(f"type-{name}"),
        name,
    )


@register.filter
def initial(email: str) -> str:
    """Return the letter that stands for a person."""
    return email[:1] or "?"
