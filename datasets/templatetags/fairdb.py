"""How pages write icons, counts, sizes, shares and names too long for their place."""

from decimal import Decimal, InvalidOperation
from html import escape
from math import log10

from django import template
from django.templatetags.static import static
from django.utils.html import format_html
from django.utils.safestring import SafeString

from accounts import policy
from datasets.browse.charts import MapBar
from datasets.browse.shown import TAIL, Cell, Outline, Row

register = template.Library()

LONG_NAME = 34
"""Characters a name may have before it is shortened in the middle."""

KIB = 1024
UNITS = ("KiB", "MiB", "GiB", "TiB")


@register.simple_tag
def icon(name: str) -> SafeString:
    """Draw an icon of the sprite; it says nothing to a screen reader."""
    return format_html(
        '<svg class="icon" aria-hidden="true" focusable="false"><use href="{}#{}"></use></svg>',
        static("fairdb/icons.svg"),
        name,
    )


@register.simple_tag
def registration_is_open() -> bool:
    """Return whether anybody may make an account here, so that pages offer one."""
    return policy.registration_is_open()


@register.filter
def count(value: object) -> str:
    """Write a whole number with thousands apart: 8,484."""
    return f"{value:,}" if isinstance(value, int) else str(value)


@register.filter
def roughly(value: int) -> str:
    """Write an estimate in two figures, which is as much as is known of it: 12,000."""
    return f"{round(value, 2 - len(str(value))):,}"


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
    if percent < 0.1:
        return "< 0.1 %"
    if value < 1 and percent > 99.9:
        return "> 99.9 %"
    return f"{percent:.1f} %".replace(".0 %", " %")


@register.filter
def size(value: int | None) -> str:
    """Write bytes as people read them (binary units): 3.2 MiB."""
    if value is None:
        return ""
    if value < KIB:
        return times(value, "byte")
    power = min((value.bit_length() - 1) // 10, len(UNITS))
    return f"{value / KIB**power:.1f} {UNITS[power - 1]}".replace(".0 ", " ")


@register.filter
def duration(seconds: float | None) -> str:
    """Write a duration: 0.4 s, 12 s, 3 min 20 s."""
    if seconds is None:
        return ""
    if seconds < 10:
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
def long_name(name: str, most: int = LONG_NAME, tail: int = TAIL) -> SafeString:
    """Write a name so that its start and its end stay in sight; the whole of it is in the page."""
    if not name.strip():
        return format_html('<span class="missing">{}</span>', "no name")
    if len(name) <= most:
        return format_html('<span class="long"><span>{}</span></span>', name)
    return format_html(
        '<span class="long" title="{0}"><span>{1}</span><span>{2}</span></span>',
        name,
        name[: len(name) - tail],
        name[len(name) - tail :],
    )


@register.simple_tag
def cells(row: Row) -> SafeString:
    """Write a row's cells; here, because a template takes ten times as long for 10,000 of them."""
    return SafeString("".join(map(_cell, row.cells)))


@register.simple_tag
def one_cell(cell: Cell) -> SafeString:
    """Write a cell as `cells` does."""
    return SafeString(_cell(cell))


def _cell(cell: Cell) -> str:
    number = cell.kind == "number"
    if cell.text is None:
        return f'<td class="missing{" n" if number else ""}">missing</td>'
    if number:
        return f'<td class="n">{escape(cell.text)}</td>'
    if cell.is_long:
        shown = escape(cell.shown)
        return f'<td class="cut" tabindex="0" title="{shown}">{shown}</td>'
    return f"<td>{escape(cell.text)}</td>"


@register.simple_tag
def map_bars(outline: Outline, rows_page: str) -> SafeString:
    """Draw the bars of the map of all columns, each a link to its rows; here, as `cells` is."""
    width, address = outline.bar_width, escape(rows_page)
    return SafeString("".join(_map_bar(bar, width, address) for bar in outline.bars))


def _map_bar(bar: MapBar, width: float, address: str) -> str:
    name = f"Columns {bar.first:,} to {bar.last:,}"
    if bar.first == bar.last:
        name = f"Column {bar.first:,}"
    segments = "".join(
        f'<rect class="{segment.data_type}" x="{bar.x}" y="{segment.start}" width="{width}" '
        f'height="{segment.length}" />'
        for segment in bar.segments
    )
    return (
        f'<a href="{address}?columns={bar.first}-{bar.window_end}" tabindex="-1">'
        f"<title>{name}: {escape(share(bar.missing_share))} missing, "
        f"{escape(share(bar.different_share))} different</title>"
        f'<rect class="track" x="{bar.x}" y="0" width="{width}" height="40" />{segments}'
        f'<rect class="band" x="{bar.x}" y="43" width="{width}" height="7" '
        f'fill-opacity="{bar.shade}" /></a>'
    )


@register.simple_tag
def table_shape(rows: int, columns: int) -> SafeString:
    """Draw how long and how wide a table is, each on a scale of tens (1 to 1,000,000)."""
    width = 6 + 34 * min(log10(max(columns, 1)), 5) / 5
    height = 6 + 22 * min(log10(max(rows, 1)), 6) / 6
    left, top = (44 - width) / 2, (32 - height) / 2
    return format_html(
        '<svg class="shape" viewBox="0 0 44 32" aria-hidden="true" focusable="false">'
        '<rect x="{x}" y="{y}" width="{w}" height="{h}" rx="2"/>'
        '<path d="M{x} {line}h{w}M{bar} {y}v{h}"/></svg>',
        x=f"{left:.1f}",
        y=f"{top:.1f}",
        w=f"{width:.1f}",
        h=f"{height:.1f}",
        line=f"{top + height * 0.28:.1f}",
        bar=f"{left + width * 0.28:.1f}",
    )


@register.simple_tag
def marked_name(name: str, sought: str) -> SafeString:
    """Write a whole name with the part that was sought marked."""
    at = name.casefold().find(sought.casefold()) if sought else -1
    # where case folding changes the length (as of "ß"), the place is not certain: mark nothing
    if at < 0 or len(name) != len(name.casefold()):
        return format_html("{}", name)
    end = at + len(sought)
    return format_html("{}<mark>{}</mark>{}", name[:at], name[at:end], name[end:])


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
