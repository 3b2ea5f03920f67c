"""Paths, predicates, filters and the simple map operator."""

from __future__ import annotations

from dataclasses import dataclass, field

from xquery_bridge.compiler.ir.node import Expr, Node, node
from xquery_bridge.compiler.ir.variables import Focus, Var
from xquery_bridge.runtime.sequence_types import SequenceType


@node
class SimpleMap(Node):
    """`left ! right`; `focus` is bound for the right."""

    kids = ("left", "right")
    left: Expr
    focus: Focus
    right: Expr
    cells: list[Var] = field(default_factory=list)

    def bound(self) -> list[Var]:
        return [*self.focus.variables, *self.cells]


@node
class PathMap(SimpleMap):
    """`left / right` where the right is no axis step: nodes come in document order, atomic values as they come."""


@node
class Root(Node):
    """The document node above a node."""

    kids = ("operand",)
    operand: Expr


@dataclass(slots=True, kw_only=True, eq=False)
class NodeTest:
    """What a step asks of nodes: a kind, a name, and for the rare tests a whole item type (`other`).

    `uri` and `local` None stand for `*`; `kind` "node" for any.
    """

    kind: str
    uri: str | None = None
    local: str | None = None
    other: SequenceType | None = None


@node
class Predicate(Node):
    kids = ("condition",)
    focus: Focus
    condition: Expr
    cells: list[Var] = field(default_factory=list)

    def bound(self) -> list[Var]:
        return [*self.focus.variables, *self.cells]

    @property
    def uses_position(self) -> bool:
        return self.focus.position in self.condition.free

    @property
    def uses_last(self) -> bool:
        return self.focus.last in self.condition.free

    @property
    def maybe_number(self) -> bool:
        """Whether the condition's value could be a number, to be compared with the position."""
        kind = self.condition.type
        return kind.may_be("numeric") and not kind.empty

    @property
    def positional(self) -> bool:
        return self.maybe_number or self.uses_position or self.uses_last


@node
class Step(Node):
    """`input/axis::test[p]…`; each predicate counts positions anew for each node of the input."""

    kids = ("input", "predicates")
    input: Expr
    axis: str
    test: NodeTest
    predicates: list[Predicate]


@node
class Filter(Node):
    kids = ("operand", "predicate")
    operand: Expr
    predicate: Predicate
