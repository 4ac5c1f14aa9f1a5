"""The query string of a call: arguments, and how the result is filtered, ordered and cut.

The part of PostgREST's grammar that supabase-py's `rpc(...)` builder writes; the rest is a 501.
"""

import re
from dataclasses import dataclass

from psycopg2 import sql

from fairdb_site.local.gateway.messages import GatewayError, Headers, not_supported, rest_error

_COMPARISONS = {"eq": "=", "neq": "<>", "gt": ">", "gte": ">=", "lt": "<", "lte": "<="}
_COMPARISONS |= {"like": "like", "ilike": "ilike"}
_IS = {name: name.replace("_", " ") for name in ("null", "not_null", "true", "false", "unknown")}
_ELSEWHERE = "match imatch isdistinct fts plfts phfts wfts cs cd ov sl sr nxr nxl adj".split()
_OPERATOR = re.compile(r"(not\.)?([a-z]+)(\([^)]*\))?\.(.*)", re.DOTALL)
_FIELD = re.compile(r'"((?:[^"\\]|\\.)+)"|([\w $]+(?:-(?!>)[\w $]*)*)')
_LIST_ITEM = re.compile(r'(?:"((?:[^"\\]|\\.)*)"|([^,]*))(,|\Z)', re.DOTALL)
_ORDER = re.compile(r"(?:\.(asc|desc))?(?:\.(nullsfirst|nullslast))?")
_NULLS = {"nullsfirst": "nulls first", "nullslast": "nulls last"}
_RESERVED = ("select", "columns", "on_conflict")
_RESERVED_LAST = ("order", "limit", "offset", "and", "or")


@dataclass(frozen=True)
class Reading:
    """How a result is read: SQL for its columns, filter and order, and its window."""

    columns: sql.Composable
    where: sql.Composable
    order: sql.Composable
    limit: int | None
    offset: int
    arguments: tuple[tuple[str, str], ...]

    def window(self, max_rows: int) -> sql.Composable:
        """Return the limit clause."""
        limit = max_rows if self.limit is None else min(self.limit, max_rows)
        return sql.SQL(" limit {} offset {}").format(sql.Literal(limit), sql.Literal(self.offset))


def read_query(pairs: Headers, *, posted: bool) -> Reading:
    """Parse a query string; in GET and HEAD what is no filter is an argument of the function."""
    arguments: list[tuple[str, str]] = []
    filters: list[sql.Composable] = []
    single: dict[str, str] = {}
    for name, value in pairs:
        last = name.rpartition(".")[2]
        if name in (*_RESERVED, "order", "limit", "offset"):
            single.setdefault(name, value)
        elif last in _RESERVED_LAST:
            raise not_supported("Logical operators and embedded resources are not supported")
        elif parsed := _filter(name, value):
            filters.append(parsed)
        elif posted:
            raise _unreadable("filter", value, 'expecting "not" or operator (eq, gt, ...)')
        else:
            arguments.append((name, value))
    if "columns" in single or "on_conflict" in single:
        raise not_supported("columns and on_conflict are not supported")
    limit = _whole(single.get("limit"))
    if limit is not None and limit < 0:
        raise rest_error(
            416,
            "PGRST103",
            "Requested range not satisfiable",
            "Limit should be greater than or equal to zero.",
        )
    return Reading(
        columns=_columns(single.get("select", "*")),
        where=sql.SQL(" where ") + sql.SQL(" and ").join(filters) if filters else sql.SQL(""),
        order=_order(single.get("order", "")),
        limit=limit,
        offset=_whole(single.get("offset")) or 0,
        arguments=tuple(arguments),
    )


def _filter(name: str, value: str) -> sql.Composable | None:
    """Return a condition, or None where the value has no operator."""
    match = _OPERATOR.fullmatch(value)
    if not match:
        return None
    negated, operator, quantified, operand = match.groups()
    if operator in _ELSEWHERE or (quantified and operator in _COMPARISONS):
        raise not_supported(f"The operator {operator} is not supported")
    field = _column(name)
    if operator in _COMPARISONS and not quantified:
        if operator.endswith("like"):
            operand = operand.replace("*", "%")
        right = sql.SQL(f"{_COMPARISONS[operator]} ") + sql.Literal(operand)
    elif operator == "is" and operand.lower() in _IS:
        right = sql.SQL(f"is {_IS[operand.lower()]}")
    elif operator == "in" and operand.startswith("(") and operand.endswith(")"):
        right = sql.SQL("= any ({})").format(sql.Literal(_array(operand[1:-1])))
    else:
        return None
    return sql.SQL("{}{} {}").format(sql.SQL("not " if negated else ""), field, right)


def _array(items: str) -> str:
    """Return the text of a PostgreSQL array: its element type is then that of the column."""
    values = []
    for match in _LIST_ITEM.finditer(items):
        quoted, plain, comma = match.groups()
        values.append(plain if quoted is None else _unquoted(quoted))
        if not comma:
            break
    escaped = (value.replace("\\", "\\\\").replace('"', '\\"') for value in values)
    return "{" + ",".join(f'"{value}"' for value in escaped) + "}" if items else "{}"


def _columns(select: str) -> sql.Composable:
    """Return the select list: `*`, columns, `alias:column`."""
    items: list[sql.Composable] = []
    for item in _split(select):
        if item.strip() == "*":
            items.append(sql.SQL("_result.*"))
            continue
        alias, colon, name = item.rpartition(":")
        if "::" in item:
            raise not_supported("Casts in select are not supported")
        column = _column(name.strip())
        items.append(column + sql.SQL(" as ") + _identifier(alias.strip()) if colon else column)
    if not items:
        raise _unreadable("select parameter", select, "expecting field name")
    return sql.SQL(", ").join(items)


def _order(order: str) -> sql.Composable:
    """Return the order clause: `column[.asc|.desc][.nullsfirst|.nullslast]`, comma separated."""
    terms: list[sql.Composable] = []
    for item in _split(order):
        field = _FIELD.match(item)
        ways = _ORDER.fullmatch(item, field.end()) if field else None
        if not field or not ways:
            raise _unreadable("order", order, "expecting asc, desc, nullsfirst or nullslast")
        direction, nulls = ways.groups()
        way = f" {direction or 'asc'} {_NULLS.get(nulls, '')}"
        terms.append(_column(field.group()) + sql.SQL(way))
    return sql.SQL(" order by ") + sql.SQL(", ").join(terms) if terms else sql.SQL("")


def _split(text: str) -> list[str]:
    """Split at commas outside double quotes."""
    return re.findall(r'(?:"(?:[^"\\]|\\.)*"|[^,"])+', text)


def _column(name: str) -> sql.Composable:
    return sql.SQL("_result.") + _identifier(name)


def _identifier(name: str) -> sql.Composable:
    match = _FIELD.fullmatch(name)
    if not match:
        raise not_supported("JSON paths, embedded resources and aggregates are not supported")
    quoted, plain = match.groups()
    return sql.Identifier(_unquoted(quoted) if quoted else plain.strip())


def _unquoted(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text, flags=re.DOTALL)


def _whole(text: str | None) -> int | None:
    """Return a whole number; None for anything else, which PostgREST ignores too."""
    return int(text) if text and re.fullmatch(r"-?[0-9]{1,19}", text) else None


def _unreadable(what: str, value: str, expected: str) -> GatewayError:
    message = f'"failed to parse {what} ({value})" (line 1, column 1)'
    return rest_error(400, "PGRST100", message, f"unexpected {value[:1]!r} {expected}")
