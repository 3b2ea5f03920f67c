"""Rewrites between resolving and code generation: what loops do not change moves out of them, and loops become joins.

A walk over the program with the loops around each expression as a stack of levels. An expression that is pure and whose
variables are all bound outside of a loop is computed once (`Once`): when it is first reached, so that an error it may
raise is raised where it was, or not at all. `for … where key = probe`, `source[key = probe]` and `some … satisfies
key = probe` become `Join`s when the source does not change in some loop around, or belongs to a tree.

The laws: only what is PURE moves (`ir.node`); in 1.0-ml, where maps and arrays change, only what reads nodes and atomic
values.
"""

from __future__ import annotations

from typing import Any, Final

from xquery_bridge.compiler.ir.branches import If, Try, Typeswitch
from xquery_bridge.compiler.ir.cells import Join, Member, Once
from xquery_bridge.compiler.ir.constructors import ArrayConstructor, MapConstructor
from xquery_bridge.compiler.ir.flwor import Clause, Flwor, For, GroupBy, Let, OrderBy, Quantified, Where, Window
from xquery_bridge.compiler.ir.functions import (
    BuiltinCall,
    DynamicCall,
    FunctionValue,
    InlineFunction,
    PartialCall,
    UserCall,
)
from xquery_bridge.compiler.ir.literals import Literal
from xquery_bridge.compiler.ir.node import PURE, Expr, Node
from xquery_bridge.compiler.ir.operators import (
    Arithmetic,
    Atomize,
    Cast,
    Compare,
    Concat,
    InstanceOf,
    Logic,
    Range,
    Sequence,
    SetOperation,
    Treat,
)
from xquery_bridge.compiler.ir.paths import Filter, PathMap, Predicate, Root, SimpleMap, Step
from xquery_bridge.compiler.ir.variables import ContextItemRef, GlobalRef, Var, VarRef
from xquery_bridge.compiler.program import Program
from xquery_bridge.compiler.scope import PythonNames
from xquery_bridge.compiler.types import StaticType
from xquery_bridge.runtime.context import CODEPOINT

#: Expressions that may be kept for later, as a whole.
_KEPT: Final = (
    Step,
    Filter,
    SimpleMap,
    PathMap,
    BuiltinCall,
    UserCall,
    Flwor,
    Quantified,
    Arithmetic,
    Compare,
    Concat,
    Cast,
    Atomize,
    SetOperation,
    MapConstructor,
    ArrayConstructor,
    Logic,
    If,
    InstanceOf,
    Sequence,
    Treat,
)

#: Of these, the ones that take longer than looking into a cell.
_COSTLY: Final = (
    Step,
    Filter,
    SimpleMap,
    PathMap,
    UserCall,
    Flwor,
    Quantified,
    Cast,
    SetOperation,
    MapConstructor,
    Join,
)

#: Functions whose code is hardly more than looking into a cell.
_CHEAP: Final = {"true", "false", "count", "exists", "empty", "not", "boolean", "string", "head", "string-length"}

#: How many steps are looked at as one path: every step of a longer one would look at all of those before it.
LONGEST_PATH: Final = 12

_DOWNWARDS: Final = {"child", "descendant", "attribute", "descendant-or-self", "self"}
_SWAPPED: Final = {"eq": "eq", "lt": "gt", "le": "ge", "gt": "lt", "ge": "le"}


class _Level:
    """A loop around an expression. `cells` is the loop's list, None where nothing can be made before the loop."""

    __slots__ = ("cells",)

    def __init__(self, cells: list[Var] | None) -> None:
        self.cells = cells


def rewrite(program: Program) -> None:
    """Rewrite every body of a program in place."""
    for function in program.functions:
        if function.body is not None:
            function.body = Rewriter(program.names, function.static.dialect).expr(function.body)
    for variable in program.variables:
        if variable.body is not None:
            variable.body = Rewriter(program.names, variable.static.dialect).expr(variable.body)
    program.body = Rewriter(program.names, program.static.dialect).expr(program.body)


class Rewriter:
    """Rewrites one body; `expr` gives the expression to put in a node's place."""

    def __init__(self, names: PythonNames, dialect: str) -> None:
        self.names = names
        self.enhanced = dialect == "1.0-ml"
        self.levels: list[_Level] = []
        #: variable -> number of loops around its binding; those of the function itself are not here
        self.depth: dict[Var, int] = {}

    # ----------------------------------------------------------------------------------------------------- the walk

    def expr(self, node: Expr) -> Expr:
        """The expression, rewritten."""
        kind = type(node)
        if kind is Literal or kind is VarRef:
            return node
        if self.levels and isinstance(node, _KEPT):
            target = self._target(node)
            if target is not None and self._costly(node):
                return self._once(node, target)
        return self._inner(node)

    def _once(self, node: Expr, target: int) -> Expr:
        inner, self.levels = self.levels, self.levels[:target]
        made = self._inner(node)
        self.levels = inner
        if isinstance(made, Once):
            return made
        cell = self._cell(target)
        return Once(cell=cell, operand=made, type=made.type, start=made.start, end=made.end)

    def _cell(self, target: int) -> Var:
        cell = Var("cell", self.names.make("once"), uses=1)
        cells = self.levels[target].cells
        assert cells is not None
        cells.append(cell)
        self.depth[cell] = target
        return cell

    def _inner(self, node: Expr) -> Expr:
        method = getattr(self, f"inner_{type(node).__name__}", None)
        if method is not None:
            made: Expr = method(node)
            return made
        changed = False
        for name in node.kids:
            value = getattr(node, name)
            if isinstance(value, Node):
                new: Any = self.expr(value)
                if new is not value:
                    setattr(node, name, new)
                changed = True
            elif type(value) is list and value:
                for index, part in enumerate(value):
                    if isinstance(part, Node):
                        value[index] = self.expr(part)
                        changed = True
                    elif type(part) is tuple:
                        value[index] = tuple([self.expr(inner) if isinstance(inner, Node) else inner for inner in part])
                        changed = True
        if changed and self.levels:
            node.refresh()
        return node

    # ------------------------------------------------------------------------------------------------------- levels

    def _needed(self, free: Any) -> int:
        """How many of the loops around bind some of these variables or lie outside of one that does."""
        depth = self.depth
        return max([depth.get(var, 0) for var in free], default=0)

    def _target(self, node: Expr) -> int | None:
        """The outermost loop that does not change an expression, as an index into the levels; None without one."""
        needed = self._needed(node.free)
        if needed >= len(self.levels) or node.purity != PURE:
            return None
        target = self._loop(needed)
        return None if target is None or (self.enhanced and not self._immutable(node)) else target

    def _loop(self, needed: int) -> int | None:
        for index in range(needed, len(self.levels)):
            if self.levels[index].cells is not None:
                return index
        return None

    def _immutable(self, node: Expr, nodes_only: bool = False) -> bool:
        """Whether an expression reads only what cannot change: no maps and arrays of 1.0-ml."""
        if isinstance(node, (VarRef, GlobalRef, ContextItemRef)):
            return nodes_only or node.type.is_a("node") or node.type.is_a("atomic")
        if isinstance(node, (DynamicCall, PartialCall, FunctionValue)):
            return False
        nodes = isinstance(node, (Root, Step))
        return all(self._immutable(child, nodes and not isinstance(child, Predicate)) for child in node.children())

    def _costly(self, node: Expr) -> bool:
        if isinstance(node, _COSTLY):
            return True
        if isinstance(node, BuiltinCall) and node.row.local not in _CHEAP:
            return True
        if isinstance(node, (FunctionValue, DynamicCall)):
            return False
        return any(self._costly(child) for child in node.children())

    def _bind(self, variables: Any) -> None:
        here = len(self.levels)
        for var in variables:
            self.depth[var] = here

    # -------------------------------------------------------------------------------------------------------- loops

    def inner_Flwor(self, node: Flwor) -> Expr:
        before = len(self.levels)
        node.clauses = self._clauses(node.clauses)
        node.result = self.expr(node.result)
        del self.levels[before:]
        node.refresh()
        return self._plain_source(node) or node

    def _plain_source(self, node: Flwor) -> Expr | None:
        """The source of `for $x in source return $x`."""
        only = node.clauses[0]
        if len(node.clauses) > 1 or not isinstance(only, For) or only.declared is not None or only.allowing_empty:
            return None
        return only.source if isinstance(node.result, VarRef) and node.result.var is only.var else None

    def inner_Quantified(self, node: Quantified) -> Expr:
        before = len(self.levels)
        condition = node.condition
        last = node.clauses[-1]
        if not node.every and isinstance(last, For) and last.declared is None and last.position is None:
            # the last variable's sequence, reduced to the items that satisfy the condition
            node.clauses = self._clauses([*node.clauses, Where(condition=condition)])
            left = node.clauses[-1]
            if isinstance(left, Where):
                node.clauses.pop()
                node.condition = left.condition
            else:
                node.condition = Literal(value=True, type=StaticType("boolean"))
        else:
            node.clauses = self._clauses(node.clauses)
            node.condition = self.expr(condition)
        del self.levels[before:]
        node.refresh()
        return node

    def _clauses(self, clauses: list[Clause]) -> list[Clause]:
        made: list[Clause] = []
        barrier = False
        bound: list[Var] = []
        at = 0
        while at < len(clauses):
            clause = clauses[at]
            at += 1
            match clause:
                case For():
                    following = clauses[at] if at < len(clauses) else None
                    if isinstance(following, Where) and clause.position is None and not clause.allowing_empty:
                        if clause.declared is None and self._join_clause(clause, following):
                            at += 1
                            if not isinstance(following.condition, Literal):
                                clauses = [*clauses[:at], following, *clauses[at:]]
                        else:
                            clause.source = self.expr(clause.source)
                    else:
                        clause.source = self.expr(clause.source)
                    self.levels.append(_Level(None if barrier else clause.cells))
                case Window():
                    clause.source = self.expr(clause.source)
                    self.levels.append(_Level(None))
                    self._bind(clause.variables())
                    for condition in (clause.start_condition, clause.end_condition):
                        if condition is not None:
                            condition.when = self.expr(condition.when)
                            condition.refresh()
                case Let():
                    clause.value = self.expr(clause.value)
                case Where():
                    clause.condition = self.expr(clause.condition)
                case OrderBy():
                    for spec in clause.specs:
                        spec.key = self.expr(spec.key)
                        spec.refresh()
                    barrier = True
                    self.levels.append(_Level(None))
                    self._bind(bound)
                case GroupBy():
                    if not barrier and sum(isinstance(each, (For, Window)) for each in made) == 1:
                        self._keep_order(made[0], clause)
                    barrier = True
                    self.levels.append(_Level(None))
            self._bind(clause.variables())
            bound.extend(clause.variables())
            clause.refresh()
            made.append(clause)
        return made

    def _keep_order(self, first: Clause, clause: GroupBy) -> None:
        """A group's items are in the order of the one sequence they come from."""
        for before, after in clause.regrouped:
            if isinstance(first, For) and before is first.var:
                after.value = first.source

    def inner_SimpleMap(self, node: SimpleMap) -> Expr:
        node.left = self.expr(node.left)
        loop = not node.left.type.single
        if loop:
            self.levels.append(_Level(node.cells))
        self._bind(node.focus.variables)
        node.right = self.expr(node.right)
        if loop:
            self.levels.pop()
        node.refresh()
        return node

    inner_PathMap = inner_SimpleMap

    def _predicate(self, predicate: Predicate) -> None:
        self.levels.append(_Level(predicate.cells))
        self._bind(predicate.focus.variables)
        predicate.condition = self.expr(predicate.condition)
        self.levels.pop()
        predicate.refresh()

    def inner_Step(self, node: Step) -> Expr:
        if node.predicates and not any(predicate.positional for predicate in node.predicates):
            joined = self._join_step(node)
            if joined is not None:
                return joined
        elif node.predicates and not node.predicates[-1].positional:
            # what follows the last count of positions filters the whole step
            predicate = node.predicates[-1]
            node.predicates = node.predicates[:-1]
            node.refresh()
            return self.inner_Filter(
                Filter(operand=node, predicate=predicate, type=node.type, start=node.start, end=node.end)
            )
        node.input = self.expr(node.input)
        for predicate in node.predicates:
            self._predicate(predicate)
        node.refresh()
        return node

    def inner_Filter(self, node: Filter) -> Expr:
        if not node.predicate.positional:
            joined = self._joined(node.operand, node.predicate.focus.item, node.predicate.condition, node)
            if joined is not None:
                return joined
        node.operand = self.expr(node.operand)
        self._predicate(node.predicate)
        node.refresh()
        return node

    def inner_Compare(self, node: Compare) -> Expr:
        """A general comparison with a sequence that stays the same is a look into what it has."""
        if self.levels and node.general and node.operator == "eq" and node.collation == CODEPOINT:
            for sequence, probe in ((node.right, node.left), (node.left, node.right)):
                if sequence.type.high is not None or sequence.purity != PURE or isinstance(sequence, Range):
                    continue
                target = self._loop(self._needed(sequence.free))
                if target is None or self._needed(probe.free) <= target:
                    continue
                if self.enhanced and not self._immutable(sequence):
                    continue
                inner, self.levels = self.levels, self.levels[:target]
                sequence = self.expr(sequence)
                self.levels = inner
                return Member(
                    cell=self._cell(target), sequence=sequence, probe=self.expr(probe), start=node.start, end=node.end
                )
        node.left, node.right = self.expr(node.left), self.expr(node.right)
        node.refresh()
        return node

    def inner_InlineFunction(self, node: InlineFunction) -> Expr:
        self.levels.append(_Level(None))
        self._bind([param.var for param in node.params])
        node.body = self.expr(node.body)
        self.levels.pop()
        node.refresh()
        return node

    def inner_Typeswitch(self, node: Typeswitch) -> Expr:
        node.operand = self.expr(node.operand)
        for case in node.cases:
            self._bind([case.var] if case.var is not None else [])
            case.result = self.expr(case.result)
            case.refresh()
        node.refresh()
        return node

    def inner_Try(self, node: Try) -> Expr:
        node.body = self.expr(node.body)
        for catch in node.catches:
            self._bind(catch.bound())
            catch.body = self.expr(catch.body)
            catch.refresh()
        node.refresh()
        return node

    # -------------------------------------------------------------------------------------------------------- joins

    def _join_clause(self, clause: For, where: Where) -> bool:
        """Make `for $x in source where key = probe` loop over a join; the rest of the condition stays in `where`."""
        first, rest = _first_operand(where.condition)
        joined = self._joined(clause.source, clause.var, first, clause)
        if joined is None:
            return False
        clause.source = joined
        where.condition = rest or Literal(value=True, type=StaticType("boolean"))
        return True

    def _join_step(self, node: Step) -> Expr | None:
        """`input/axis::test[key = probe][…]` as a filter over a join."""
        first = node.predicates[0]
        bare = Step(
            input=node.input,
            axis=node.axis,
            test=node.test,
            predicates=[],
            type=node.type,
            start=node.start,
            end=node.end,
        )
        condition, rest = _first_operand(first.condition)
        joined = self._joined(bare, first.focus.item, condition, node)
        if joined is None:
            return None
        found: Expr = joined
        predicates = node.predicates[1:]
        if rest is not None:
            first.condition = rest
            predicates = [first, *predicates]
        for predicate in predicates:
            self._predicate(predicate)
            found = Filter(operand=found, predicate=predicate, type=node.type, start=node.start, end=node.end)
        return found

    def _joined(self, source: Expr, item: Var, condition: Expr, place: Node) -> Join | None:
        """The items of a source for which a comparison of a key of theirs with something else holds, or None."""
        if not isinstance(condition, Compare) or condition.operator == "ne" or condition.collation != CODEPOINT:
            return None
        for key, probe, swapped in (
            (condition.left, condition.right, False),
            (condition.right, condition.left, True),
        ):
            if item not in key.free or item in probe.free or isinstance(key, VarRef):
                continue
            if key.purity != PURE or probe.purity != PURE:
                return None
            rooted = rooted_path(source)
            in_tree = rooted is not None and relative_path(key, item) is not None
            target = None
            if not (in_tree and rooted is not None and rooted[0].type.optional):
                # one index for all documents is better than one for each, where it can be made before the loop
                target = self._index_place(source, key, item)
                if target is None and not in_tree:
                    return None
            if target is not None:
                inner, self.levels = self.levels, self.levels[:target]
                source = self.expr(source)
                self.levels.append(_Level(None))
                self._bind((item,))
                key = self.expr(key)
                self.levels = inner
            cell = self._cell(target) if target is not None else None
            return Join(
                cell=cell,
                source=source,
                item=item,
                key=key,
                probe=self.expr(probe),
                operator=condition.operator,
                general=condition.general,
                swapped=swapped,
                type=StaticType(source.type.kind, 0, None),
                start=place.start,
                end=place.end,
            )
        return None

    def _index_place(self, source: Expr, key: Expr, item: Var) -> int | None:
        """The loop before which the index of a join can be made, or None."""
        if source.purity != PURE or (self.enhanced and not (self._immutable(source) and self._immutable(key))):
            return None
        return self._loop(max(self._needed(source.free), self._needed(key.free - {item})))


def _first_operand(condition: Expr) -> tuple[Expr, Expr | None]:
    """The first operand of an `and`, and what remains of it; any other condition as it is."""
    if not isinstance(condition, Logic) or not condition.conjunction:
        return condition, None
    first, *others = condition.operands
    if len(others) == 1 and others[0].type.is_a("boolean") and others[0].type.single:
        return first, others[0]
    remaining = Logic(conjunction=True, operands=others, start=condition.start, end=condition.end)
    return first, remaining


# ------------------------------------------------------------------------------------------------------- kinds of paths


def rooted_path(node: Expr) -> tuple[Expr, list[Step]] | None:
    """A path without predicates down from documents: their expression and the steps; None for other paths."""
    steps: list[Step] = []
    while True:
        if isinstance(node, Step):
            if (
                node.predicates
                or node.axis not in _DOWNWARDS
                or node.test.other is not None
                or len(steps) == LONGEST_PATH
            ):
                return None
            steps.append(node)
            node = node.input
        else:
            break
    return (node, steps[::-1]) if steps and _gives_documents(node) else None


#: Functions that give whole documents.
_DOCUMENTS: Final = {"doc", "collection"}


def _gives_documents(node: Expr) -> bool:
    """Whether a value is one or more whole documents, as far as can be seen; what else comes is no error."""
    match node:
        case Once():
            return _gives_documents(node.operand)
        case VarRef():
            return node.var.value is not None and _gives_documents(node.var.value)
        case If():
            return _gives_documents(node.then) and _gives_documents(node.otherwise)
        case BuiltinCall():
            return node.row.prefix == "fn" and node.row.local in _DOCUMENTS
        case _:
            return isinstance(node, Root)


def relative_path(node: Expr, item: Var) -> list[Step] | None:
    """The steps of a path without predicates down from a variable; None for anything else."""
    steps: list[Step] = []
    while isinstance(node, Step):
        if node.predicates or node.axis not in _DOWNWARDS or node.test.other is not None:
            return None
        steps.append(node)
        node = node.input
    return steps[::-1] if steps and isinstance(node, VarRef) and node.var is item else None
