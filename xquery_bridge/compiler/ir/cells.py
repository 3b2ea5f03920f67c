"""What rewrites introduce: what loops do not change is kept in cells.

The loop that something was moved out of lists the cell among its `cells`, and makes it, empty, before it begins.
"""

from __future__ import annotations

from xquery_bridge.compiler.ir.node import Expr, Node, node
from xquery_bridge.compiler.ir.variables import Var
from xquery_bridge.compiler.types import BOOLEAN, StaticType


@node
class Kept(Node):
    """What reads a cell, and fills it when it is first reached."""

    cell: Var

    def refresh(self) -> None:
        Node.refresh(self)
        self.free = self.free | {self.cell}


@node
class Once(Kept):
    """An expression that is computed once."""

    kids = ("operand",)
    operand: Expr


@node
class Member(Kept):
    """`probe = sequence`, where loops change the probe only: what the sequence has is kept, ready to be asked."""

    kids = ("sequence", "probe")
    type: StaticType = BOOLEAN
    sequence: Expr
    probe: Expr


@node
class Join(Node):
    """The items of `source`, each bound to `item`, whose `key` compares with `probe` (`swapped`: the other way round).

    The index of the keys is kept in a cell; or, when there is none, in the tree (`runtime.indexes`).
    """

    kids = ("source", "key", "probe")
    cell: Var | None
    source: Expr
    item: Var
    key: Expr
    probe: Expr
    operator: str
    general: bool
    swapped: bool

    def bound(self) -> list[Var]:
        return [self.item]

    def refresh(self) -> None:
        Node.refresh(self)
        if self.cell is not None:
            self.free = self.free | {self.cell}
