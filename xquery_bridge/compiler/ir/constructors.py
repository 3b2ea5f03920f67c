"""Constructors of nodes, text, maps and arrays; lookups in maps and arrays."""

from __future__ import annotations

from xquery_bridge.compiler.ir.node import CREATES, Expr, Node, node
from xquery_bridge.runtime.context import StaticContext


@node
class Constructor(Node):
    def own_purity_now(self) -> int:
        return CREATES


@node
class JoinedText(Node):
    """Parts joined to one string: fixed text, and expressions whose items are joined with blanks (attribute values)."""

    kids = ("parts",)
    parts: list[str | Expr]


@node
class Attribute(Node):
    """One attribute of a direct constructor."""

    kids = ("value",)
    prefix: str
    uri: str
    local: str
    value: JoinedText


@node
class DirectElement(Constructor):
    """`in_scope` are the namespaces of direct constructors around, and its own; `content` may hold str for text.

    `nested`: written in the content of another one, not in an enclosed expression.
    """

    kids = ("attributes", "content")
    prefix: str
    uri: str
    local: str
    in_scope: dict[str, str]
    attributes: list[Attribute]
    content: list[str | Expr]
    static: StaticContext
    nested: bool = False


@node
class ComputedNode(Constructor):
    """A computed constructor; `name` is (prefix, uri, local), an expression, or None. Direct comments and PIs too."""

    kids = ("name_expr", "content")
    kind: str
    name: tuple[str, str, str] | None
    name_expr: Expr | None
    content: Expr | None
    in_scope: dict[str, str]
    static: StaticContext


@node
class ObjectNode(Constructor):
    kids = ("entries",)
    entries: list[tuple[Expr, Expr]]


# ----------------------------------------------------------------------------------------------------- maps and arrays


@node
class MapConstructor(Node):
    kids = ("entries",)
    entries: list[tuple[Expr, Expr]]


@node
class ArrayConstructor(Node):
    kids = ("members",)
    square: bool
    members: list[Expr]


@node
class Lookup(Node):
    """`operand?key`; `key` None is `?*`."""

    kids = ("operand", "key")
    operand: Expr
    key: Expr | None
