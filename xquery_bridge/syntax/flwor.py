"""FLWOR expressions and their clauses."""

from __future__ import annotations

from typing import Literal

from xquery_bridge.syntax import tree
from xquery_bridge.syntax.grammar import Grammar


class FLWORParser(Grammar):
    """From FLWORExpr to OrderModifier."""

    def flwor_expr(self) -> tree.FLWORExpr:
        """FLWORExpr: clauses in any order, a for, let or window first."""
        start = self.start
        clauses: list[tree.Clause] = []
        while True:
            match self.text:
                case "for":
                    following = self.peek()
                    window = following in ("tumbling", "sliding")
                    clauses.append(self.window_clause() if window else self.for_clause())
                case "let":
                    clauses.append(self.let_clause())
                case "where":
                    clauses.append(self.where_clause())
                case "group":
                    clauses.append(self.group_by_clause())
                case "order" | "stable":
                    clauses.append(self.order_by_clause())
                case "count":
                    clauses.append(self.count_clause())
                case _:
                    break
        self.expect("return")
        result = self.expr_single()
        return tree.FLWORExpr(clauses=clauses, result=result, start=start, end=self.last)

    def for_clause(self) -> tree.ForClause:
        """ForClause."""
        start = self.start
        self.advance()
        bindings = self.separated(self.for_binding)
        return tree.ForClause(bindings=bindings, start=start, end=self.last)

    def for_binding(self) -> tree.ForBinding:
        """ForBinding."""
        start = self.start
        var = self.variable()
        type = self.type_declaration()
        allowing_empty = self.accept("allowing")
        if allowing_empty:
            self.expect("empty")
        position = self.variable() if self.accept("at") else None
        self.expect("in")
        source = self.expr_single()
        return tree.ForBinding(
            var=var,
            type=type,
            allowing_empty=allowing_empty,
            position=position,
            source=source,
            start=start,
            end=self.last,
        )

    def let_clause(self) -> tree.LetClause:
        """LetClause."""
        start = self.start
        self.advance()
        bindings = self.separated(self.let_binding)
        return tree.LetClause(bindings=bindings, start=start, end=self.last)

    def let_binding(self) -> tree.LetBinding:
        """LetBinding."""
        start = self.start
        var = self.variable()
        type = self.type_declaration()
        self.expect(":=")
        value = self.expr_single()
        return tree.LetBinding(var=var, type=type, value=value, start=start, end=self.last)

    def window_clause(self) -> tree.WindowClause:
        """WindowClause."""
        start = self.start
        self.advance()
        kind: Literal["tumbling", "sliding"] = "tumbling" if self.text == "tumbling" else "sliding"
        self.advance()
        self.expect("window")
        var = self.variable()
        type = self.type_declaration()
        self.expect("in")
        source = self.expr_single()
        if self.text != "start":
            self.unexpected("start")
        start_condition = self.window_condition()
        end_condition = None
        if self.text in ("only", "end") or kind == "sliding":
            end_condition = self.window_condition(end=True)
        return tree.WindowClause(
            kind=kind,
            var=var,
            type=type,
            source=source,
            start_condition=start_condition,
            end_condition=end_condition,
            start=start,
            end=self.last,
        )

    def window_condition(self, *, end: bool = False) -> tree.WindowCondition:
        """WindowStartCondition or WindowEndCondition, with WindowVars."""
        start = self.start
        only = end and self.accept("only")
        self.expect("end" if end else "start")
        item = self.variable() if self.text == "$" else None
        position = self.variable() if self.accept("at") else None
        previous = self.variable() if self.accept("previous") else None
        following = self.variable() if self.accept("next") else None
        self.expect("when")
        when = self.expr_single()
        return tree.WindowCondition(
            item=item,
            position=position,
            previous=previous,
            next=following,
            when=when,
            only=only,
            start=start,
            end=self.last,
        )

    def count_clause(self) -> tree.CountClause:
        """CountClause."""
        start = self.start
        self.advance()
        var = self.variable()
        return tree.CountClause(var=var, start=start, end=self.last)

    def where_clause(self) -> tree.WhereClause:
        """WhereClause."""
        start = self.start
        self.advance()
        condition = self.expr_single()
        return tree.WhereClause(condition=condition, start=start, end=self.last)

    def group_by_clause(self) -> tree.GroupByClause:
        """GroupByClause."""
        start = self.start
        self.advance()
        self.expect("by")
        specs = self.separated(self.grouping_spec)
        return tree.GroupByClause(specs=specs, start=start, end=self.last)

    def grouping_spec(self) -> tree.GroupingSpec:
        """GroupingSpec."""
        start = self.start
        var = self.variable()
        type = self.type_declaration()
        value = None
        if type is not None or self.text == ":=":
            self.expect(":=")
            value = self.expr_single()
        collation = self.string("the URI of a collation") if self.accept("collation") else None
        return tree.GroupingSpec(var=var, type=type, value=value, collation=collation, start=start, end=self.last)

    def order_by_clause(self) -> tree.OrderByClause:
        """OrderByClause."""
        start = self.start
        stable = self.accept("stable")
        self.expect("order")
        self.expect("by")
        specs = self.separated(self.order_spec)
        return tree.OrderByClause(stable=stable, specs=specs, start=start, end=self.last)

    def order_spec(self) -> tree.OrderSpec:
        """OrderSpec with OrderModifier."""
        start = self.start
        made = tree.OrderSpec(key=self.expr_single(), start=start)
        if self.text in ("ascending", "descending"):
            made.descending = self.text == "descending"
            self.advance()
        if self.accept("empty"):
            if self.text not in {"greatest", "least"}:
                self.unexpected("greatest or least")
            made.empty = "greatest" if self.text == "greatest" else "least"
            self.advance()
        if self.accept("collation"):
            made.collation = self.string("the URI of a collation")
        made.end = self.last
        return made
