"""Find queries on a Supabase client that are made and never sent: only `.execute()` sends one."""

import ast
from collections.abc import Iterator

STARTS = {"rpc", "table", "from_", "schema"}
"""Methods by which supabase-py begins a query."""


def queries_not_executed(source: str, *, of_clients_alone: bool = False) -> list[int]:
    """Return the lines of chains that do not end in `.execute()` in the same expression.

    In an async function that call has to be awaited besides, by itself or among others
    (`await asyncio.gather(...)`). A chain begins with one of `STARTS`, whatever it is called on;
    with `of_clients_alone`, on something whose name has "client" in it.
    """
    tree = ast.parse(source)
    parents = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
    return [
        call.lineno
        for call in ast.walk(tree)
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Attribute)
        and call.func.attr in STARTS
        and (not of_clients_alone or any("client" in name for name in _names(call.func.value)))
        and not _is_sent(call, parents)
    ]


def _names(receiver: ast.expr) -> Iterator[str]:
    for node in ast.walk(receiver):
        if isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, ast.Name):
            yield node.id


def _is_sent(query: ast.Call, parents: dict[ast.AST, ast.AST]) -> bool:
    """Follow the chain outwards, `.name(...)` by `.name(...)`, to its `.execute()`."""
    link: ast.AST = query
    while True:
        method = parents[link]
        if not isinstance(method, ast.Attribute):
            return False
        call = parents[method]
        if not isinstance(call, ast.Call) or call.func is not method:
            if method.attr in {"not_"}:  # a word of PostgREST's filters that is no call
                link = method
                continue
            return False
        if method.attr == "execute":
            return _is_awaited_where_needed(call, parents)
        link = call


def _is_awaited_where_needed(call: ast.Call, parents: dict[ast.AST, ast.AST]) -> bool:
    node: ast.AST = call
    awaited = False
    while node in parents:
        node = parents[node]
        awaited = awaited or isinstance(node, ast.Await)
        if isinstance(node, ast.FunctionDef | ast.Lambda):
            return True
        if isinstance(node, ast.AsyncFunctionDef):
            return awaited
    return True
