"""The compiler's own form of a query: names resolved, abbreviations written out, every expression with a static type.

Each node knows its free variables, and how freely it may be moved (`purity`). The focus is three ordinary variables
(`Focus`), so that `.`, position() and last() are variable references and need no rules of their own.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar, Final, TypeAlias

from xquery_bridge.compiler.types import ANY, BOOLEAN, NOTHING, StaticType
from xquery_bridge.registry import Row
from xquery_bridge.runtime.context import StaticContext
from xquery_bridge.runtime.sequence_types import SequenceType

#: An expression that is PURE may be moved, repeated, kept for later or dropped; one that CREATES nodes (or is not
#: deterministic) may only be dropped; one that has EFFECTS stays where it is.
PURE: Final = 0
CREATES: Final = 1
EFFECTS: Final = 2


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
    start: int = 0
    end: int = 0
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


@dataclass(slots=True, eq=False)
class Param:
    var: Var
    type: SequenceType | None


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


@dataclass(slots=True, kw_only=True, eq=False)
class Node:
    """What every expression has. `start` and `end` are offsets into the source of `module`."""

    kids: ClassVar[tuple[str, ...]] = ()

    start: int = 0
    end: int = 0
    type: StaticType = ANY
    free: frozenset[Var] = frozenset()
    own_purity: int = PURE
    calls: frozenset[Function] = frozenset()

    def __post_init__(self) -> None:
        self.refresh()

    def children(self) -> list[Expr]:
        """The direct subexpressions, in the order of evaluation."""
        found: list[Expr] = []
        for name in self.kids:
            value = getattr(self, name)
            if isinstance(value, Node):
                found.append(value)
            elif isinstance(value, (list, tuple)):
                for part in value:
                    if isinstance(part, Node):
                        found.append(part)
                    elif isinstance(part, tuple):
                        found.extend(inner for inner in part if isinstance(inner, Node))
        return found

    def bound(self) -> list[Var]:
        """Variables that the node binds for its subexpressions."""
        return []

    def own_purity_now(self) -> int:
        """The purity of the node without its subexpressions."""
        return PURE

    def refresh(self) -> None:
        """Gather free variables, calls and purity from the subexpressions again."""
        children = self.children()
        if len(children) == 1:
            self.free, self.calls = children[0].free, children[0].calls
        else:
            self.free = frozenset().union(*[child.free for child in children])
            self.calls = frozenset().union(*[child.calls for child in children])
        bound = self.bound()
        if bound:
            self.free = self.free.difference(bound)
        self.own_purity = max([self.own_purity_now(), *[child.own_purity for child in children]])

    @property
    def purity(self) -> int:
        """How freely the expression may be moved, with the functions it calls."""
        if self.own_purity == EFFECTS or not self.calls:
            return self.own_purity
        return max(self.own_purity, *[function.purity for function in self.calls])


Expr: TypeAlias = Node


# ------------------------------------------------------------------------------------------------------------- literals


@dataclass(slots=True, kw_only=True, eq=False)
class Literal(Node):
    """An atomic constant, as its Python value."""

    value: Any


@dataclass(slots=True, kw_only=True, eq=False)
class Sequence(Node):
    kids: ClassVar[tuple[str, ...]] = ("items",)
    items: list[Expr]


@dataclass(slots=True, kw_only=True, eq=False)
class VarRef(Node):
    var: Var

    def refresh(self) -> None:
        self.free = frozenset((self.var,))
        self.own_purity = EFFECTS if self.var.assigned else PURE


@dataclass(slots=True, kw_only=True, eq=False)
class Assign(Node):
    """`xdmp:set($var, value)`: a local variable, or one of the prolog."""

    kids: ClassVar[tuple[str, ...]] = ("value",)
    type: StaticType = NOTHING
    var: Var | GlobalVariable
    value: Expr

    def own_purity_now(self) -> int:
        return EFFECTS

    def refresh(self) -> None:
        Node.refresh(self)
        if isinstance(self.var, Var):
            self.free = self.free | {self.var}


@dataclass(slots=True, kw_only=True, eq=False)
class GlobalRef(Node):
    """A prolog variable. Its value is computed at the first use, so the reference is pure unless the value has effects."""

    variable: GlobalVariable

    def own_purity_now(self) -> int:
        return EFFECTS if self.variable.var.assigned else PURE


@dataclass(slots=True, kw_only=True, eq=False)
class ContextItemRef(Node):
    """The context item that the run was given, its `position` or `last`, or its `presence`: whether there is one."""

    part: str = "item"


@dataclass(slots=True, kw_only=True, eq=False)
class Failure(Node):
    """An error that is known at compile time and raised when the expression is evaluated."""

    code: str
    title: str = ""

    def own_purity_now(self) -> int:
        return CREATES


# ---------------------------------------------------------------------------------------------------------------- FLWOR


@dataclass(slots=True, kw_only=True, eq=False)
class For(Node):
    kids: ClassVar[tuple[str, ...]] = ("source",)
    var: Var
    position: Var | None
    declared: SequenceType | None
    allowing_empty: bool
    source: Expr
    cells: list[Var] = field(default_factory=list)

    def bound(self) -> list[Var]:
        return []

    def variables(self) -> list[Var]:
        return [*self.cells, self.var] if self.position is None else [*self.cells, self.var, self.position]


@dataclass(slots=True, kw_only=True, eq=False)
class Let(Node):
    kids: ClassVar[tuple[str, ...]] = ("value",)
    var: Var
    declared: SequenceType | None
    value: Expr

    def variables(self) -> list[Var]:
        return [self.var]


@dataclass(slots=True, kw_only=True, eq=False)
class Where(Node):
    kids: ClassVar[tuple[str, ...]] = ("condition",)
    condition: Expr

    def variables(self) -> list[Var]:
        return []


@dataclass(slots=True, kw_only=True, eq=False)
class Count(Node):
    var: Var

    def variables(self) -> list[Var]:
        return [self.var]


@dataclass(slots=True, kw_only=True, eq=False)
class WindowCondition(Node):
    kids: ClassVar[tuple[str, ...]] = ("when",)
    item: Var | None
    position: Var | None
    previous: Var | None
    next: Var | None
    when: Expr
    only: bool = False

    def variables(self) -> list[Var]:
        return [var for var in (self.item, self.position, self.previous, self.next) if var is not None]


@dataclass(slots=True, kw_only=True, eq=False)
class Window(Node):
    kids: ClassVar[tuple[str, ...]] = ("source", "start_condition", "end_condition")
    sliding: bool
    var: Var
    declared: SequenceType | None
    source: Expr
    start_condition: WindowCondition
    end_condition: WindowCondition | None
    cells: list[Var] = field(default_factory=list)

    def bound(self) -> list[Var]:
        ends = self.end_condition.variables() if self.end_condition is not None else []
        return [*self.cells, *self.start_condition.variables(), *ends]

    def variables(self) -> list[Var]:
        return [self.var, *self.bound()]


@dataclass(slots=True, kw_only=True, eq=False)
class GroupBy(Node):
    """`keys` are variables bound before (by lets the resolver adds); `regrouped` pairs (before, after) of the others."""

    keys: list[tuple[Var, Var, str | None]]
    regrouped: list[tuple[Var, Var]] = field(default_factory=list)

    def refresh(self) -> None:
        self.free = frozenset([before for before, _, _ in self.keys] + [before for before, _ in self.regrouped])

    def variables(self) -> list[Var]:
        return [after for _, after, _ in self.keys] + [after for _, after in self.regrouped]


@dataclass(slots=True, kw_only=True, eq=False)
class OrderSpec(Node):
    kids: ClassVar[tuple[str, ...]] = ("key",)
    key: Expr
    descending: bool
    empty_greatest: bool
    collation: str | None


@dataclass(slots=True, kw_only=True, eq=False)
class OrderBy(Node):
    kids: ClassVar[tuple[str, ...]] = ("specs",)
    specs: list[OrderSpec]

    def variables(self) -> list[Var]:
        return []


Clause: TypeAlias = For | Let | Where | Count | Window | GroupBy | OrderBy


@dataclass(slots=True, kw_only=True, eq=False)
class Flwor(Node):
    kids: ClassVar[tuple[str, ...]] = ("clauses", "result")
    clauses: list[Clause]
    result: Expr

    def refresh(self) -> None:
        free = self.result.free
        for clause in reversed(self.clauses):
            free = free.difference(clause.variables()) | clause.free
        children = [*self.clauses, self.result]
        self.free = free
        self.calls = frozenset().union(*[child.calls for child in children])
        self.own_purity = max(child.own_purity for child in children)


@dataclass(slots=True, kw_only=True, eq=False)
class Quantified(Node):
    """`some` or `every`: `clauses` are For clauses (and what rewrites add)."""

    kids: ClassVar[tuple[str, ...]] = ("clauses", "condition")
    type: StaticType = BOOLEAN
    every: bool
    clauses: list[Clause]
    condition: Expr

    def refresh(self) -> None:
        free = self.condition.free
        for clause in reversed(self.clauses):
            free = free.difference(clause.variables()) | clause.free
        children = [*self.clauses, self.condition]
        self.free = free
        self.calls = frozenset().union(*[child.calls for child in children])
        self.own_purity = max(child.own_purity for child in children)


# ------------------------------------------------------------------------------------------------------------ branching


@dataclass(slots=True, kw_only=True, eq=False)
class If(Node):
    kids: ClassVar[tuple[str, ...]] = ("condition", "then", "otherwise")
    condition: Expr
    then: Expr
    otherwise: Expr


@dataclass(slots=True, kw_only=True, eq=False)
class Switch(Node):
    kids: ClassVar[tuple[str, ...]] = ("operand", "cases", "default")
    operand: Expr
    cases: list[tuple[Any, ...]]  # (operand, operand, …, result)
    default: Expr
    collation: str


@dataclass(slots=True, kw_only=True, eq=False)
class TypeCase(Node):
    kids: ClassVar[tuple[str, ...]] = ("result",)
    var: Var | None
    types: list[SequenceType]
    result: Expr

    def bound(self) -> list[Var]:
        return [self.var] if self.var is not None else []


@dataclass(slots=True, kw_only=True, eq=False)
class Typeswitch(Node):
    """The last case, without types, is the default."""

    kids: ClassVar[tuple[str, ...]] = ("operand", "cases")
    operand: Expr
    cases: list[TypeCase]


@dataclass(slots=True, kw_only=True, eq=False)
class Catch(Node):
    """`tests` are (uri or None, local or None) pairs; `variables` the err:* by local name, or `error` for 1.0-ml's form.

    `caught` holds the error itself where xdmp:rethrow needs it.
    """

    kids: ClassVar[tuple[str, ...]] = ("body",)
    tests: list[tuple[str | None, str | None]]
    variables: dict[str, Var]
    error: Var | None
    body: Expr
    caught: Var | None = None

    def bound(self) -> list[Var]:
        return [*self.variables.values(), *[var for var in (self.error, self.caught) if var is not None]]


@dataclass(slots=True, kw_only=True, eq=False)
class Rethrow(Node):
    """xdmp:rethrow() in a catch clause."""

    kids: ClassVar[tuple[str, ...]] = ("error",)
    error: VarRef

    def own_purity_now(self) -> int:
        return EFFECTS


@dataclass(slots=True, kw_only=True, eq=False)
class Try(Node):
    kids: ClassVar[tuple[str, ...]] = ("body", "catches")
    body: Expr
    catches: list[Catch]


# ------------------------------------------------------------------------------------------------------------ operators


@dataclass(slots=True, kw_only=True, eq=False)
class Logic(Node):
    """`and` or `or`."""

    kids: ClassVar[tuple[str, ...]] = ("operands",)
    type: StaticType = BOOLEAN
    conjunction: bool
    operands: list[Expr]


@dataclass(slots=True, kw_only=True, eq=False)
class Compare(Node):
    """A value comparison (`eq` …), or a general one (`=` …, `general`) by the same operator's name."""

    kids: ClassVar[tuple[str, ...]] = ("left", "right")
    operator: str
    general: bool
    left: Expr
    right: Expr
    collation: str


@dataclass(slots=True, kw_only=True, eq=False)
class NodeCompare(Node):
    kids: ClassVar[tuple[str, ...]] = ("left", "right")
    operator: str
    left: Expr
    right: Expr


@dataclass(slots=True, kw_only=True, eq=False)
class Concat(Node):
    """`||`, flattened."""

    kids: ClassVar[tuple[str, ...]] = ("parts",)
    parts: list[Expr]


@dataclass(slots=True, kw_only=True, eq=False)
class Range(Node):
    kids: ClassVar[tuple[str, ...]] = ("low", "high")
    low: Expr
    high: Expr


@dataclass(slots=True, kw_only=True, eq=False)
class Arithmetic(Node):
    kids: ClassVar[tuple[str, ...]] = ("left", "right")
    operator: str
    left: Expr
    right: Expr


@dataclass(slots=True, kw_only=True, eq=False)
class Sign(Node):
    kids: ClassVar[tuple[str, ...]] = ("operand",)
    negative: bool
    operand: Expr


@dataclass(slots=True, kw_only=True, eq=False)
class SetOperation(Node):
    """union, intersect, except: nodes in document order."""

    kids: ClassVar[tuple[str, ...]] = ("left", "right")
    operator: str
    left: Expr
    right: Expr


@dataclass(slots=True, kw_only=True, eq=False)
class InstanceOf(Node):
    kids: ClassVar[tuple[str, ...]] = ("operand",)
    type: StaticType = BOOLEAN
    operand: Expr
    target: SequenceType


@dataclass(slots=True, kw_only=True, eq=False)
class Treat(Node):
    """`treat as`, and the check of a declared variable (`code` XPTY0004 there)."""

    kids: ClassVar[tuple[str, ...]] = ("operand",)
    operand: Expr
    target: SequenceType
    code: str = "XPDY0050"


@dataclass(slots=True, kw_only=True, eq=False)
class Atomize(Node):
    """The atomized value of an expression."""

    kids: ClassVar[tuple[str, ...]] = ("operand",)
    operand: Expr


@dataclass(slots=True, kw_only=True, eq=False)
class Cast(Node):
    """`cast as` a type named by its local name in xs; `test` is `castable as`."""

    kids: ClassVar[tuple[str, ...]] = ("operand",)
    operand: Expr
    target: str
    optional: bool
    test: bool
    static: StaticContext


# ---------------------------------------------------------------------------------------------------- paths and filters


@dataclass(slots=True, kw_only=True, eq=False)
class SimpleMap(Node):
    """`left ! right`; `focus` is bound for the right."""

    kids: ClassVar[tuple[str, ...]] = ("left", "right")
    left: Expr
    focus: Focus
    right: Expr
    cells: list[Var] = field(default_factory=list)

    def refresh(self) -> None:
        focus = self.focus
        inner = self.right.free.difference((focus.item, focus.position, focus.last, *self.cells))
        self.free = self.left.free | inner
        self.calls = self.left.calls | self.right.calls
        self.own_purity = max(self.left.own_purity, self.right.own_purity)


@dataclass(slots=True, kw_only=True, eq=False)
class PathMap(SimpleMap):
    """`left / right` where the right is no axis step: nodes come in document order, atomic values as they come."""


@dataclass(slots=True, kw_only=True, eq=False)
class Root(Node):
    """The document node above a node."""

    kids: ClassVar[tuple[str, ...]] = ("operand",)
    operand: Expr


@dataclass(slots=True, kw_only=True, eq=False)
class NodeTest:
    """What a step asks of nodes: a kind, a name, and for the rare tests a whole item type (`other`).

    `uri` and `local` None stand for `*`; `kind` "node" for any.
    """

    kind: str
    uri: str | None = None
    local: str | None = None
    literal: str | None = None
    other: SequenceType | None = None


@dataclass(slots=True, kw_only=True, eq=False)
class Predicate(Node):
    kids: ClassVar[tuple[str, ...]] = ("condition",)
    focus: Focus
    condition: Expr
    cells: list[Var] = field(default_factory=list)

    def bound(self) -> list[Var]:
        return [self.focus.item, self.focus.position, self.focus.last, *self.cells]

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


@dataclass(slots=True, kw_only=True, eq=False)
class Step(Node):
    """`input/axis::test[p]…`; each predicate counts positions anew for each node of the input."""

    kids: ClassVar[tuple[str, ...]] = ("input", "predicates")
    input: Expr
    axis: str
    test: NodeTest
    predicates: list[Predicate]


@dataclass(slots=True, kw_only=True, eq=False)
class Filter(Node):
    kids: ClassVar[tuple[str, ...]] = ("operand", "predicate")
    operand: Expr
    predicate: Predicate


# ----------------------------------------------------------------------------------------------- what rewrites introduce


@dataclass(slots=True, kw_only=True, eq=False)
class Once(Node):
    """An expression that loops do not change: computed when first reached, and kept in a cell.

    The loop that it was moved out of lists the cell among its `cells`, and makes it, empty, before it begins.
    """

    kids: ClassVar[tuple[str, ...]] = ("operand",)
    cell: Var
    operand: Expr

    def refresh(self) -> None:
        Node.refresh(self)
        self.free = self.free | {self.cell}


@dataclass(slots=True, kw_only=True, eq=False)
class Join(Node):
    """The items of `source`, each bound to `item`, whose `key` compares with `probe` (or the other way round: `swapped`).

    The index of the keys is kept in a cell, as with Once; or, when there is none, in the tree (`runtime.indexes`).
    """

    kids: ClassVar[tuple[str, ...]] = ("source", "key", "probe")
    cell: Var | None
    source: Expr
    item: Var
    key: Expr
    probe: Expr
    operator: str
    general: bool
    swapped: bool

    def refresh(self) -> None:
        Node.refresh(self)
        own = (self.key.free - {self.item}) | self.source.free | self.probe.free
        self.free = own if self.cell is None else own | {self.cell}


@dataclass(slots=True, kw_only=True, eq=False)
class Member(Node):
    """`probe = sequence`, where loops change the probe only: what the sequence has is kept in a cell, ready to be asked."""

    kids: ClassVar[tuple[str, ...]] = ("sequence", "probe")
    type: StaticType = BOOLEAN
    cell: Var
    sequence: Expr
    probe: Expr

    def refresh(self) -> None:
        Node.refresh(self)
        self.free = self.free | {self.cell}


# ------------------------------------------------------------------------------------------------------------ functions


@dataclass(slots=True, kw_only=True, eq=False)
class BuiltinCall(Node):
    """A call of a registry row; `args` are the written arguments, `needs` the expressions for what the row asks for."""

    kids: ClassVar[tuple[str, ...]] = ("needs", "args")
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


@dataclass(slots=True, kw_only=True, eq=False)
class FocusValue(Node):
    """The focus of a call, for fn:function-lookup: item, position and last; none of them: the run's (`run`), or absent."""

    kids: ClassVar[tuple[str, ...]] = ("parts",)
    parts: list[Expr]
    run: bool


@dataclass(slots=True, kw_only=True, eq=False)
class Caller(Node):
    """What a call sees around it, for xdmp:value: variables by name, and the context item (`run_item`: the run's)."""

    kids: ClassVar[tuple[str, ...]] = ("variables", "item")
    variables: list[tuple[tuple[str, str], Expr]]
    item: Expr | None
    run_item: bool
    static: StaticContext


def _calls_functions(row: Row) -> bool:
    """Whether the effects of a row are those of the functions passed to it (fn, map and array of the W3C)."""
    return row.uri.startswith("http://www.w3.org/") and any("function(" in str(param.type) for param in row.params)


@dataclass(slots=True, kw_only=True, eq=False)
class UserCall(Node):
    kids: ClassVar[tuple[str, ...]] = ("args",)
    function: Function
    args: list[Expr]
    mapping: bool = False

    def refresh(self) -> None:
        Node.refresh(self)
        self.calls = self.calls | {self.function}


@dataclass(slots=True, kw_only=True, eq=False)
class DynamicCall(Node):
    """A call of a function item; maps and arrays are called too."""

    kids: ClassVar[tuple[str, ...]] = ("function", "args")
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


@dataclass(slots=True, kw_only=True, eq=False)
class PartialCall(Node):
    """A partial application: `args` has None for each placeholder."""

    kids: ClassVar[tuple[str, ...]] = ("function", "args")
    function: Expr
    args: list[Expr | None]


@dataclass(slots=True, kw_only=True, eq=False)
class FunctionValue(Node):
    """An expression that makes a function item; calling it has `body_purity`."""

    @property
    def body_purity(self) -> int:
        return EFFECTS


@dataclass(slots=True, kw_only=True, eq=False)
class UserFunctionRef(FunctionValue):
    function: Function

    @property
    def body_purity(self) -> int:
        return EFFECTS if self.function.purity == EFFECTS else self.function.purity


@dataclass(slots=True, kw_only=True, eq=False)
class InlineFunction(FunctionValue):
    params: list[Param]
    result: SequenceType | None
    body: Expr
    python: str
    static: StaticContext
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


@dataclass(slots=True, kw_only=True, eq=False)
class VariadicItem(FunctionValue):
    """A built-in function with so many parameters that it is no source text, but an object made at compile time."""

    row: Row
    arity: int
    name: tuple[str, str, str]

    @property
    def body_purity(self) -> int:
        return EFFECTS if self.row.effects else PURE if self.row.deterministic else CREATES


# --------------------------------------------------------------------------------------------------- maps, arrays, text


@dataclass(slots=True, kw_only=True, eq=False)
class MapConstructor(Node):
    kids: ClassVar[tuple[str, ...]] = ("entries",)
    entries: list[tuple[Expr, Expr]]


@dataclass(slots=True, kw_only=True, eq=False)
class ArrayConstructor(Node):
    kids: ClassVar[tuple[str, ...]] = ("members",)
    square: bool
    members: list[Expr]


@dataclass(slots=True, kw_only=True, eq=False)
class Lookup(Node):
    """`operand?key`; `key` None is `?*`."""

    kids: ClassVar[tuple[str, ...]] = ("operand", "key")
    operand: Expr
    key: Expr | None


@dataclass(slots=True, kw_only=True, eq=False)
class JoinedText(Node):
    """Parts joined to one string: fixed text, and expressions whose items are joined with blanks (attribute values)."""

    kids: ClassVar[tuple[str, ...]] = ("parts",)
    parts: list[str | Expr]


# --------------------------------------------------------------------------------------------------------- constructors


@dataclass(slots=True, kw_only=True, eq=False)
class Constructor(Node):
    def own_purity_now(self) -> int:
        return CREATES


@dataclass(slots=True, kw_only=True, eq=False)
class Attribute(Node):
    """One attribute of a direct constructor."""

    kids: ClassVar[tuple[str, ...]] = ("value",)
    prefix: str
    uri: str
    local: str
    value: JoinedText


@dataclass(slots=True, kw_only=True, eq=False)
class DirectElement(Constructor):
    """`namespaces` are those declared on it, `in_scope` all statically known ones; `content` may hold str for text.

    `nested`: written in the content of another one, not in an enclosed expression.
    """

    kids: ClassVar[tuple[str, ...]] = ("attributes", "content")
    prefix: str
    uri: str
    local: str
    namespaces: list[tuple[str, str]]
    in_scope: dict[str, str]
    attributes: list[Attribute]
    content: list[str | Expr]
    static: StaticContext
    nested: bool = False


@dataclass(slots=True, kw_only=True, eq=False)
class ComputedNode(Constructor):
    """A computed constructor; `name` is (prefix, uri, local), an expression, or None. Direct comments and PIs too."""

    kids: ClassVar[tuple[str, ...]] = ("name_expr", "content")
    kind: str
    name: tuple[str, str, str] | None
    name_expr: Expr | None
    content: Expr | None
    in_scope: dict[str, str]
    static: StaticContext


@dataclass(slots=True, kw_only=True, eq=False)
class ObjectNode(Constructor):
    kids: ClassVar[tuple[str, ...]] = ("entries",)
    entries: list[tuple[Expr, Expr]]
