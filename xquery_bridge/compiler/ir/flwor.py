"""FLWOR and quantified expressions, and their clauses."""

from __future__ import annotations

from dataclasses import field

from xquery_bridge.compiler.ir.node import Expr, Node, node
from xquery_bridge.compiler.ir.variables import Var
from xquery_bridge.compiler.types import BOOLEAN, StaticType
from xquery_bridge.runtime.sequence_types import SequenceType


@node
class Clause(Node):
    """A clause binds its `variables` for what comes after it."""

    def variables(self) -> list[Var]:
        return []


@node
class For(Clause):
    kids = ("source",)
    var: Var
    position: Var | None
    declared: SequenceType | None
    allowing_empty: bool
    source: Expr
    cells: list[Var] = field(default_factory=list)

    def variables(self) -> list[Var]:
        return [*self.cells, self.var] if self.position is None else [*self.cells, self.var, self.position]


@node
class Let(Clause):
    kids = ("value",)
    var: Var
    value: Expr

    def variables(self) -> list[Var]:
        return [self.var]


@node
class Where(Clause):
    kids = ("condition",)
    condition: Expr


@node
class Count(Clause):
    var: Var

    def variables(self) -> list[Var]:
        return [self.var]


@node
class WindowCondition(Node):
    kids = ("when",)
    item: Var | None
    position: Var | None
    previous: Var | None
    next: Var | None
    when: Expr
    only: bool = False

    def variables(self) -> list[Var]:
        return [var for var in (self.item, self.position, self.previous, self.next) if var is not None]


@node
class Window(Clause):
    kids = ("source", "start_condition", "end_condition")
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


@node
class GroupBy(Clause):
    """`keys` are (before, after, collation), `regrouped` pairs (before, after) of the other variables.

    What a key is before, a let that the resolver adds has bound.
    """

    keys: list[tuple[Var, Var, str]]
    regrouped: list[tuple[Var, Var]] = field(default_factory=list)

    def refresh(self) -> None:
        self.free = frozenset([before for before, _, _ in self.keys] + [before for before, _ in self.regrouped])

    def variables(self) -> list[Var]:
        return [after for _, after, _ in self.keys] + [after for _, after in self.regrouped]


@node
class OrderSpec(Node):
    kids = ("key",)
    key: Expr
    descending: bool
    empty_greatest: bool
    collation: str


@node
class OrderBy(Clause):
    kids = ("specs",)
    specs: list[OrderSpec]


def free_in(clauses: list[Clause], last: Expr) -> frozenset[Var]:
    """The free variables of clauses and of the expression that comes last, which sees what they bind."""
    free = last.free
    for clause in reversed(clauses):
        free = free.difference(clause.variables()) | clause.free
    return free


@node
class Flwor(Node):
    kids = ("clauses", "result")
    clauses: list[Clause]
    result: Expr

    def refresh(self) -> None:
        Node.refresh(self)
        self.free = free_in(self.clauses, self.result)


@node
class Quantified(Node):
    """`some` or `every`: `clauses` are For clauses (and what rewrites add)."""

    kids = ("clauses", "condition")
    type: StaticType = BOOLEAN
    every: bool
    clauses: list[Clause]
    condition: Expr

    def refresh(self) -> None:
        Node.refresh(self)
        self.free = free_in(self.clauses, self.condition)
