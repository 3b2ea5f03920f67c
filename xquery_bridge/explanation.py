"""A query explained: its syntax tree as indented text, and the Python source it became."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from typing import Any, Final

from xquery_bridge.syntax import tree
from xquery_bridge.syntax.parser import parse_query

#: Fields that say where a node stands, not what it is.
_PLACES: Final = frozenset(("start", "end"))


def tree_text(source: str, dialect: str) -> str:
    """The syntax tree of a query: a node a line, its simple fields behind it, its parts indented below.

    Raises XQueryError for syntax errors.
    """
    lines: list[str] = []
    stack: list[tuple[int, str, Any]] = [(0, "", parse_query(source, dialect))]
    while stack:
        depth, label, node = stack.pop()
        simple, parts = _split(node)
        lines.append(f"{'  ' * depth}{label}{type(node).__name__}{simple}")
        stack.extend((depth + 1, name, part) for name, part in reversed(parts))
    return "\n".join(lines)


def _split(node: tree.Node) -> tuple[str, list[tuple[str, Any]]]:
    """The simple fields of a node as text, and the nodes below it with the names of their fields."""
    simple: list[str] = []
    parts: list[tuple[str, Any]] = []
    for each in fields(node):
        value = getattr(node, each.name)
        if each.name in _PLACES or value is None or value == []:
            continue
        if isinstance(value, list | tuple):
            members = [inner for member in value for inner in (member if isinstance(member, tuple) else (member,))]
            if all(isinstance(member, tree.Node) for member in members):
                parts.extend((f"{each.name}: ", member) for member in members)
                continue
        if isinstance(value, tree.Node):
            parts.append((f"{each.name}: ", value))
        elif isinstance(value, tree.Name):
            simple.append(str(value))
        else:
            simple.append(f"{each.name}={value!r}" if not is_dataclass(value) else str(value))
    return f" {' '.join(simple)}" if simple else "", parts
