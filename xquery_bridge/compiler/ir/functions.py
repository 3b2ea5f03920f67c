"""Functions that the query declares, calls, and function items."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from xquery_bridge.compiler.ir.node import CREATES, EFFECTS, PURE, Expr, Node, node
from xquery_bridge.compiler.ir.variables import Var, VarRef
from xquery_bridge.compiler.types import StaticType
from xquery_bridge.registry import Row
from xquery_bridge.runtime.context import StaticContext
from xquery_bridge.runtime.sequence_types import SequenceType


@dataclass(slots=True, eq=False)
class Param:
    var: Var
    type: SequenceType | None


@dataclass(slots=True, eq=False)
class Function:
    """A function that the query declares."""

    uri: str
    local: str
    python: str
    params: list[Param]
    result: SequenceType | None
    result_type: StaticType
    static: StaticContext
    body: Expr | None = None
    module: str = ""
    private: bool = False
    annotations: list[tuple[str, str, list[Any]]] = field(default_factory=list)
    purity: int = PURE
    display: str = ""
    #: for 1.0-ml: parameters of exactly one item, over which a call is mapped
    mapped: tuple[int, ...] = ()
    #: the generated function that leaves tail calls on a cycle to its caller, where there are any
    step: str = ""

    @property
    def arity(self) -> int:
        return len(self.params)


# ---------------------------------------------------------------------------------------------------------------- calls


@node
class BuiltinCall(Node):
    """A call of a registry row; `args` are the written arguments, `needs` the expressions for what the row asks for."""

    kids = ("needs", "args")
    row: Row
    args: list[Expr]
    needs: list[Expr]
    static: StaticContext
    mapped: tuple[int, ...] = ()

    def own_purity_now(self) -> int:
        if self.row.effects:
            functions = [arg for arg in self.args if arg.type.is_a("function") or isinstance(arg, FunctionValue)]
            if functions and _calls_functions(self.row):
                return max(arg.body_purity if isinstance(arg, FunctionValue) else EFFECTS for arg in functions)
            return EFFECTS
        return PURE if self.row.deterministic else CREATES


def _calls_functions(row: Row) -> bool:
    """Whether the effects of a row are those of the functions passed to it (fn, map and array of the W3C)."""
    return row.uri.startswith("http://www.w3.org/") and any("function(" in str(param.type) for param in row.params)


@node
class FocusValue(Node):
    """The focus of a call, for fn:function-lookup: item, position, last; none of them: the run's (`run`), or absent."""

    kids = ("parts",)
    parts: list[Expr]
    run: bool


@node
class Caller(Node):
    """What a call sees around it, for xdmp:value: variables by name, and the context item (`run_item`: the run's)."""

    kids = ("variables", "item")
    variables: list[tuple[tuple[str, str], Expr]]
    item: Expr | None
    run_item: bool
    static: StaticContext


@node
class UserCall(Node):
    kids = ("args",)
    function: Function
    args: list[Expr]
    mapping: bool = False

    def refresh(self) -> None:
        Node.refresh(self)
        self.calls = self.calls | {self.function}


@node
class DynamicCall(Node):
    """A call of a function item; maps and arrays are called too."""

    kids = ("function", "args")
    function: Expr
    args: list[Expr]

    def own_purity_now(self) -> int:
        kind = self.function.type
        if kind.is_a("map") or kind.is_a("array"):
            return PURE
        known = self.function
        if isinstance(known, VarRef) and isinstance(known.var.value, FunctionValue):
            known = known.var.value
        return known.body_purity if isinstance(known, FunctionValue) else EFFECTS


@node
class PartialCall(Node):
    """A partial application: `args` has None for each placeholder."""

    kids = ("function", "args")
    function: Expr
    args: list[Expr | None]


# ------------------------------------------------------------------------------------------------------- function items


@node
class FunctionValue(Node):
    """An expression that makes a function item; calling it has `body_purity`."""

    @property
    def body_purity(self) -> int:
        return EFFECTS


@node
class UserFunctionRef(FunctionValue):
    function: Function

    @property
    def body_purity(self) -> int:
        return self.function.purity


@node
class InlineFunction(FunctionValue):
    params: list[Param]
    result: SequenceType | None
    body: Expr
    python: str
    annotations: list[tuple[str, str, list[Any]]] = field(default_factory=list)
    #: (prefix, uri, local) for a built-in function made into an item
    name: tuple[str, str, str] | None = None

    def refresh(self) -> None:
        self.free = self.body.free.difference([param.var for param in self.params])
        self.calls = self.body.calls
        self.own_purity = PURE

    @property
    def purity(self) -> int:
        return PURE

    @property
    def body_purity(self) -> int:
        return self.body.purity


@node
class VariadicItem(FunctionValue):
    """A built-in function with so many parameters that it is no source text, but an object made at compile time."""

    row: Row
    arity: int
    name: tuple[str, str, str]

    @property
    def body_purity(self) -> int:
        return EFFECTS if self.row.effects else PURE if self.row.deterministic else CREATES
