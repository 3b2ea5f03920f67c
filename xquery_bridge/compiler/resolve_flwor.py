"""FLWOR and quantified expressions: which variable means what, clause by clause."""

from __future__ import annotations

from collections.abc import Iterable

from xquery_bridge.compiler.ir.flwor import (
    Clause,
    Count,
    Flwor,
    For,
    GroupBy,
    Let,
    OrderBy,
    OrderSpec,
    Quantified,
    Where,
    Window,
    WindowCondition,
)
from xquery_bridge.compiler.ir.node import Expr
from xquery_bridge.compiler.ir.operators import Atomize, Treat
from xquery_bridge.compiler.ir.variables import Var
from xquery_bridge.compiler.resolver import ResolverBase
from xquery_bridge.compiler.types import ANY, BOOLEAN, INTEGER, NOTHING, StaticType, atomized
from xquery_bridge.errors import XQueryError
from xquery_bridge.runtime.sequence_types import SequenceType
from xquery_bridge.syntax import tree


class FlworResolver(ResolverBase):
    """A clause's variables are bound from there on, until the end of the expression."""

    def resolve_FLWORExpr(self, node: tree.FLWORExpr) -> Expr:
        bound: list[tree.Name] = []
        clauses: list[Clause] = []
        visible: dict[tuple[str, str], Var] = {}
        try:
            for written in node.clauses:
                self._clause(written, clauses, bound, visible)
            result = self.expr(node.result)
        finally:
            self.scope.unbind(bound)
        return Flwor(clauses=clauses, result=result, type=result.type.times(_times(clauses)))

    def _clause(
        self,
        written: tree.Clause,
        clauses: list[Clause],
        bound: list[tree.Name],
        visible: dict[tuple[str, str], Var],
    ) -> None:
        """Resolve a clause and bind its variables; `visible` holds the variables of this FLWOR so far."""

        def bind(name: tree.Name, var: Var) -> None:
            self.scope.bind(name, var)
            bound.append(name)
            visible[self.scope.key(name)] = var

        def place(made: Clause) -> None:
            made.start, made.end = written.start, written.end
            clauses.append(made)

        match written:
            case tree.ForClause():
                for binding in written.bindings:
                    made = self._for(binding)
                    place(made)
                    cell = self.scope.new_cell(binding.var)
                    if cell is not None:
                        place(Let(var=cell, value=self.read(made.var)))
                    bind(binding.var, cell or made.var)
                    if binding.position is not None and made.position is not None:
                        if self.scope.key(binding.position) == self.scope.key(binding.var):
                            raise self._error("XQST0089", f"Variable ${binding.var} is bound twice", binding)
                        bind(binding.position, made.position)
            case tree.LetClause():
                for let in written.bindings:
                    value, declared = self.expr(let.value), self.types.optional(let.type)
                    made_let = self.let(let.var, value, declared)
                    place(made_let)
                    bind(let.var, made_let.var)
            case tree.WhereClause():
                place(Where(condition=self.expr(written.condition)))
            case tree.CountClause():
                var = self.scope.new_var(written.var, INTEGER, bare=True)
                place(Count(var=var))
                bind(written.var, var)
            case tree.WindowClause():
                window, pairs = self._window(written)
                place(window)
                for name, var in pairs:
                    bind(name, var)
            case tree.OrderByClause():
                place(OrderBy(specs=[self._order_spec(spec) for spec in written.specs]))
            case tree.GroupByClause():
                self._group_by(written, place, bind, visible)

    def _error(self, code: str, title: str, node: tree.Node) -> XQueryError:
        return XQueryError(code, title, frames=[self.scope.module.places.frame(node.start)])

    def _for(self, binding: tree.ForBinding) -> For:
        source = self.expr(binding.source)
        declared = self.types.optional(binding.type)
        type = source.type.one()
        if declared is not None:
            type = _narrower(type, self.types.static(declared))
        if binding.allowing_empty:
            type = type.maybe()
        var = self.scope.new_var(binding.var, type, bare=not binding.allowing_empty)
        position = None
        if binding.position is not None:
            position = self.scope.new_var(binding.position, INTEGER, bare=True)
        return For(
            var=var,
            position=position,
            declared=declared,
            allowing_empty=binding.allowing_empty,
            source=source,
            type=source.type,
            start=binding.start,
            end=binding.end,
        )

    def let(self, name: tree.Name, value: Expr, declared: SequenceType | None, *, assignable: bool = True) -> Let:
        """A let clause; the type declared for it is checked, nothing is converted."""
        type = value.type
        if declared is not None:
            value, type = self.checked(value, declared), _narrower(type, self.types.static(declared))
        cell = self.scope.new_cell(name) if assignable else None
        var = cell or self.scope.new_var(name, type)
        var.value = None if var.assigned else value
        return Let(var=var, value=value, start=value.start, end=value.end)

    def checked(self, value: Expr, declared: SequenceType) -> Expr:
        """A value that must match the type declared for its variable."""
        type = self.types.static(declared)
        return Treat(operand=value, target=declared, code="XPTY0004", type=type, start=value.start, end=value.end)

    def _collation(self, uri: str | None) -> str:
        """The collation a clause names, or else the default one."""
        return self.scope.static.default_collation if uri is None else self.types.collation(uri)

    def _order_spec(self, spec: tree.OrderSpec) -> OrderSpec:
        greatest = self.scope.static.empty_greatest if spec.empty is None else spec.empty == "greatest"
        collation = self._collation(spec.collation)
        return OrderSpec(
            key=self.expr(spec.key),
            descending=spec.descending,
            empty_greatest=greatest,
            collation=collation,
            start=spec.start,
            end=spec.end,
        )

    # ---------------------------------------------------------------------------------------------------- windows

    def _window(self, written: tree.WindowClause) -> tuple[Window, list[tuple[tree.Name, Var]]]:
        source = self.expr(written.source)
        item = source.type.one()
        start, pairs = self._condition(written.start_condition, item, [])
        end = None
        if written.end_condition is not None:
            end, ends = self._condition(written.end_condition, item, pairs)
            pairs = [*pairs, *ends]
        declared = self.types.optional(written.type)
        var = self.scope.new_var(written.var, StaticType(item.kind, 1, None))
        names = [self.scope.key(written.var), *[self.scope.key(name) for name, _ in pairs]]
        if len(set(names)) < len(names):
            raise self._error("XQST0103", "The variables of a window clause must have different names", written)
        window = Window(
            sliding=written.kind == "sliding",
            var=var,
            declared=declared,
            source=source,
            start_condition=start,
            end_condition=end,
            type=source.type,
        )
        return window, [(written.var, var), *pairs]

    def _condition(
        self, written: tree.WindowCondition, item: StaticType, before: list[tuple[tree.Name, Var]]
    ) -> tuple[WindowCondition, list[tuple[tree.Name, Var]]]:
        """A start or end condition; it sees its own variables and those of `before`."""
        pairs: list[tuple[tree.Name, Var]] = []

        def new(name: tree.Name | None, type: StaticType, bare: bool) -> Var | None:
            if name is None:
                return None
            var = self.scope.new_var(name, type, bare=bare)
            pairs.append((name, var))
            return var

        current = new(written.item, item, True)
        position = new(written.position, INTEGER, True)
        previous = new(written.previous, item.maybe(), False)
        following = new(written.next, item.maybe(), False)
        with self.scope.binding(*before, *pairs):
            when = self.expr(written.when)
        made = WindowCondition(
            item=current, position=position, previous=previous, next=following, when=when, only=written.only
        )
        return made, pairs

    # --------------------------------------------------------------------------------------------------- group by

    def _group_by(self, written: tree.GroupByClause, place: object, bind: object, visible: object) -> None:
        """Grouping variables are atomized before; every other variable of the FLWOR becomes the group's sequence.

        `group by $g := E` is `let $g := E group by $g` (3.12.7): all bindings come first, and a name that comes twice
        is one grouping variable.
        """
        assert callable(place) and callable(bind) and isinstance(visible, dict)
        specs: dict[tuple[str, str], tree.GroupingSpec] = {}
        atomized_already: dict[tuple[str, str], Let] = {}

        def key_of(spec: tree.GroupingSpec, value: Expr) -> Let:
            declared = self.types.optional(spec.type)
            data: Expr = Atomize(operand=value, type=atomized(value.type), start=spec.start, end=spec.end)
            if declared is not None:
                data = self.checked(data, declared)
            let = self.let(spec.var, data, None)
            place(let)
            return let

        for spec in written.specs:
            key = self.scope.key(spec.var)
            specs[key] = spec
            if spec.value is not None:
                let = atomized_already[key] = key_of(spec, self.expr(spec.value))
                bind(spec.var, let.var)
            elif key not in visible:
                raise self._error("XQST0094", f"Grouping variable ${spec.var} is not bound in this FLWOR", spec)
        keys: list[tuple[Var, Var, str]] = []
        renamed: list[tuple[tree.Name, Var]] = []
        for key, spec in specs.items():
            made = atomized_already.get(key)
            if made is None:
                made = key_of(spec, self.read(visible[key]))
                visible[key] = made.var
            data = made.value
            kind = data.type.kind if data.type.is_a("atomic") else "atomic"
            after = self.scope.new_var(spec.var, StaticType("atomic" if kind == "untyped" else kind, data.type.low, 1))
            keys.append((made.var, after, self._collation(spec.collation)))
            made.var.uses += 1
            renamed.append((spec.var, after))
        regrouped: list[tuple[Var, Var]] = []
        for key, before in list(visible.items()):
            if key in specs:
                continue
            after = self.scope.temporary(before.name, before.type.any_number())
            after.type = StaticType(before.type.kind, before.type.low, None)
            regrouped.append((before, after))
            before.uses += 1
            uri, local = key
            renamed.append((tree.Name(local, "", uri), after))
        place(GroupBy(keys=keys, regrouped=regrouped))
        for name, after in renamed:
            bind(name, after)

    # ------------------------------------------------------------------------------------------------- quantified

    def resolve_QuantifiedExpr(self, node: tree.QuantifiedExpr) -> Expr:
        bound: list[tree.Name] = []
        clauses: list[Clause] = []
        try:
            for binding in node.bindings:
                source, declared = self.expr(binding.source), self.types.optional(binding.type)
                type = source.type.one()
                if declared is not None:
                    type = _narrower(type, self.types.static(declared))
                var = self.scope.new_var(binding.var, type, bare=True)
                clauses.append(
                    For(
                        var=var,
                        position=None,
                        declared=declared,
                        allowing_empty=False,
                        source=source,
                        type=source.type,
                        start=binding.start,
                        end=binding.end,
                    )
                )
                self.scope.bind(binding.var, var)
                bound.append(binding.var)
            condition = self.expr(node.condition)
        finally:
            self.scope.unbind(bound)
        return Quantified(every=node.quantifier == "every", clauses=clauses, condition=condition, type=BOOLEAN)


def _times(clauses: Iterable[Clause]) -> StaticType:
    """How often the result is evaluated, as the occurrence of a type."""
    low, high = 1, 1
    many = False
    for clause in clauses:
        match clause:
            case For():
                type = clause.source.type
                low &= 1 if clause.allowing_empty else type.low
                many = many or not type.optional
                high = high if many or clause.allowing_empty or type.high != 0 else 0
            case Where():
                low = 0
            case Window() | GroupBy():
                low, many = 0, many or isinstance(clause, Window)
            case _:
                pass
    if high == 0:
        return NOTHING
    return StaticType(ANY.kind, low, None if many else 1)


def _narrower(found: StaticType, declared: StaticType) -> StaticType:
    """The more precise of an inferred type and the declared one."""
    low = max(found.low, declared.low)
    high = (
        declared.high if found.high is None else found.high if declared.high is None else min(found.high, declared.high)
    )
    kind = found.kind if found.is_a(declared.kind) else declared.kind
    return StaticType(kind, low, high) if high is None or low <= high else declared
