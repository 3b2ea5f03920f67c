"""Branches: conditions, switch and typeswitch, try and catch."""

from __future__ import annotations

from typing import Any

from xquery_bridge.compiler.ir.node import EFFECTS, Expr, Node, node
from xquery_bridge.compiler.ir.variables import Var, VarRef
from xquery_bridge.runtime.sequence_types import SequenceType


@node
class If(Node):
    kids = ("condition", "then", "otherwise")
    condition: Expr
    then: Expr
    otherwise: Expr


@node
class Switch(Node):
    kids = ("operand", "cases", "default")
    operand: Expr
    cases: list[tuple[Any, ...]]  # (operand, operand, …, result)
    default: Expr
    collation: str


@node
class TypeCase(Node):
    kids = ("result",)
    var: Var | None
    types: list[SequenceType]
    result: Expr

    def bound(self) -> list[Var]:
        return [self.var] if self.var is not None else []


@node
class Typeswitch(Node):
    """The last case, without types, is the default."""

    kids = ("operand", "cases")
    operand: Expr
    cases: list[TypeCase]


@node
class Catch(Node):
    """`tests` are (uri or None, local or None) pairs; `variables` the err:* by local name, or 1.0-ml's `error`.

    `caught` holds the error itself where xdmp:rethrow needs it.
    """

    kids = ("body",)
    tests: list[tuple[str | None, str | None]]
    variables: dict[str, Var]
    error: Var | None
    body: Expr
    caught: Var | None = None

    def bound(self) -> list[Var]:
        return [*self.variables.values(), *[var for var in (self.error, self.caught) if var is not None]]


@node
class Rethrow(Node):
    """xdmp:rethrow() in a catch clause."""

    kids = ("error",)
    error: VarRef

    def own_purity_now(self) -> int:
        return EFFECTS


@node
class Try(Node):
    kids = ("body", "catches")
    body: Expr
    catches: list[Catch]
