"""Operators, from the comma to `cast as`."""

from __future__ import annotations

from xquery_bridge.compiler.ir.node import Expr, Node, node
from xquery_bridge.compiler.types import BOOLEAN, StaticType
from xquery_bridge.runtime.context import StaticContext
from xquery_bridge.runtime.sequence_types import SequenceType


@node
class UnaryOperation(Node):
    kids = ("operand",)
    operand: Expr


@node
class BinaryOperation(Node):
    kids = ("left", "right")
    operator: str
    left: Expr
    right: Expr


@node
class Sequence(Node):
    kids = ("items",)
    items: list[Expr]


@node
class Logic(Node):
    """`and` or `or`."""

    kids = ("operands",)
    type: StaticType = BOOLEAN
    conjunction: bool
    operands: list[Expr]


@node
class Compare(BinaryOperation):
    """A value comparison (`eq` …), or a general one (`=` …, `general`) by the same operator's name."""

    general: bool
    collation: str


@node
class NodeCompare(BinaryOperation):
    """`is`, `<<` or `>>`."""


@node
class Concat(Node):
    """`||`, flattened."""

    kids = ("parts",)
    parts: list[Expr]


@node
class Range(Node):
    kids = ("low", "high")
    low: Expr
    high: Expr


@node
class Arithmetic(BinaryOperation):
    """`+`, `-`, `*`, `div`, `idiv` or `mod`."""


@node
class Sign(UnaryOperation):
    negative: bool


@node
class SetOperation(BinaryOperation):
    """union, intersect, except: nodes in document order."""


# ---------------------------------------------------------------------------------------------------------------- types


@node
class InstanceOf(UnaryOperation):
    type: StaticType = BOOLEAN
    target: SequenceType


@node
class Treat(UnaryOperation):
    """`treat as`, and the check of a declared variable (`code` XPTY0004 there)."""

    target: SequenceType
    code: str = "XPDY0050"


@node
class Atomize(UnaryOperation):
    """The atomized value of an expression."""


@node
class Cast(UnaryOperation):
    """`cast as` a type named by its local name in xs; `test` is `castable as`."""

    target: str
    optional: bool
    test: bool
    static: StaticContext
