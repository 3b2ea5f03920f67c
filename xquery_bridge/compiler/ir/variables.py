"""Variables, the focus among them; references to them, and xdmp:set."""

from __future__ import annotations

from dataclasses import dataclass

from xquery_bridge.compiler.ir.node import EFFECTS, PURE, Expr, Node, node
from xquery_bridge.compiler.types import ANY, NOTHING, StaticType
from xquery_bridge.runtime.context import StaticContext
from xquery_bridge.runtime.sequence_types import SequenceType


@dataclass(slots=True, eq=False)
class Var:
    """A variable: `name` as the query writes it, `python` the generated name, unique in the program.

    `bare`: the value is never a list, so it is exactly one item. `value` is what a let binds it to, where it is known.
    `assigned`: 1.0-ml's xdmp:set may change it, so that nothing is known of its value. A local one is then a cell, a
    Python list of the one Value, which functions that capture the variable share.
    """

    name: str
    python: str
    type: StaticType = ANY
    bare: bool = False
    value: Expr | None = None
    uses: int = 0
    is_global: bool = False
    assigned: bool = False

    @property
    def read(self) -> str:
        """The Python expression for the value."""
        return f"{self.python}[0]" if self.assigned and not self.is_global else self.python

    def __repr__(self) -> str:
        return f"${self.name}"


@dataclass(slots=True, eq=False)
class Focus:
    """The context item, its position and the size of the context: variables, used or not."""

    item: Var
    position: Var
    last: Var

    @property
    def variables(self) -> tuple[Var, Var, Var]:
        return self.item, self.position, self.last


@dataclass(slots=True, eq=False)
class GlobalVariable:
    """A variable of the prolog; `body` is None when its value only comes from outside."""

    uri: str
    local: str
    var: Var
    declared: SequenceType | None
    external: bool
    static: StaticContext
    body: Expr | None = None
    start: int = 0
    end: int = 0
    module: str = ""
    private: bool = False


@node
class VarRef(Node):
    var: Var

    def refresh(self) -> None:
        self.free = frozenset((self.var,))
        self.own_purity = EFFECTS if self.var.assigned else PURE


@node
class GlobalRef(Node):
    """A prolog variable. Its value is computed at first use, so the reference is pure unless the value has effects."""

    variable: GlobalVariable

    def own_purity_now(self) -> int:
        return EFFECTS if self.variable.var.assigned else PURE


@node
class ContextItemRef(Node):
    """The context item that the run was given, its `position` or `last`, or its `presence`: whether there is one."""

    part: str = "item"


@node
class Assign(Node):
    """`xdmp:set($var, value)`: a local variable, or one of the prolog."""

    kids = ("value",)
    type: StaticType = NOTHING
    var: Var | GlobalVariable
    value: Expr

    def own_purity_now(self) -> int:
        return EFFECTS

    def refresh(self) -> None:
        Node.refresh(self)
        if isinstance(self.var, Var):
            self.free = self.free | {self.var}
